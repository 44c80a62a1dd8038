"""What a measurement stands on: a folder, started processes, merchants, CPU time by process."""

from __future__ import annotations

import asyncio
import http.client
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from hazina.bootstrap.app import open_core
from hazina.bootstrap.settings import Settings
from hazina.cli.children import Child
from hazina.cli.system import Running
from hazina.db import embedded

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@contextmanager
def own_folder(kept: Path | None = None) -> Iterator[Path]:
    """Give a folder for the time of a measurement; a PostgreSQL in its `postgres` ends with it.

    A folder that is to be kept is given instead, made if need be, and nothing of it ends.
    """
    if kept is not None:
        kept.mkdir(mode=0o755, parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="hazina-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as somebody else.
        try:
            yield folder
        finally:
            embedded.destroy(folder / "postgres")


def age_wal(server_url: str) -> None:
    """Write three gigabytes of WAL: its files are used again, as on a server that runs for long.

    Where a file is new the file system finds room for each commit, which then takes longer. A
    checkpoint comes after two gigabytes, and leaves as many files as were filled before it.
    """
    with psycopg.connect(server_url, autocommit=True) as connection:
        for _ in range(3 * 1024):
            connection.execute(
                "SELECT pg_logical_emit_message(false, 'age', repeat(md5(random()::text), 32768))"
            )
        connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")


def cpu_ms(pid: int) -> float:
    """Return the CPU time of one process so far, in milliseconds; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK_MS


def family_ms(pid: int) -> float:
    """Return the CPU time of a process and all below it, those that have ended included."""
    total = 0.0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(ticks) for ticks in fields[11:15]) * _TICK_MS
    return total


def machine_ms() -> float:
    """Return the CPU time that all programs together have used so far, in milliseconds."""
    times = psutil.cpu_times()
    return (times.user + times.system) * 1000


def family(pid: int) -> list[int]:
    """Return a process and all below it: PostgreSQL's postmaster with its backends."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def child_pid(*words: str) -> int:
    """Return the pid of the child of ours whose command line has all these words."""
    for process in psutil.Process().children():
        if all(word in process.cmdline() for word in words):
            return process.pid
    raise LookupError(f"no child of ours runs {' '.join(words)}")


def other_load() -> float:
    """Return how much CPU, of one core, is used while nothing of ours is measured."""
    return psutil.cpu_percent(interval=1.0) * (psutil.cpu_count() or 1) / 100


def start_floor(name: str, port: int, environment: dict[str, str], var: Path) -> Child:
    """Start a floor and wait until it takes connections."""
    arguments = ["-m", f"benchmarks.floor_{name}", str(port)]
    child = Child(name, arguments, environment, var / "log" / f"{name}.log")
    for _ in range(600):
        child.require_alive()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/ready")
            connection.getresponse().read()
            return child
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise TimeoutError(f"{name} does not listen")


async def make_merchants(running: Running, count: int) -> list[str]:
    """Make merchants and return a secret key of each."""
    core = await open_core(
        Settings(database_url=running.database_url, pepper=running.secrets.pepper)
    )
    try:

        async def one(number: int) -> str:
            merchant = await core.merchants.create(business_name=f"Duka {number}")
            return await core.merchants.issue_key(merchant)

        return list(await asyncio.gather(*(one(number) for number in range(count))))
    finally:
        await core.close()
