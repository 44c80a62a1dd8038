"""Measures the ledger: `python -m benchmarks.ledger`, on a temporary PostgreSQL with fsync.

Everything runs on the real tables: history lines, failed ids, hash chain. Callers inside the
process use the batch interface, others go through HTTP. Beside it: posting row by row, as is usual,
django-hordak where it is installed, and COPY of the same rows as the limit of these tables.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks import ledger_beside, slow_commits
from benchmarks.ledger_http import ACCOUNTS, WARM_UP, HttpOrder
from benchmarks.ledger_load import (
    LEDGER,
    SPACE,
    LedgerLoad,
    LedgerOrder,
    ledgers_at,
    open_accounts,
)
from benchmarks.slow_commits import SlowCommits
from benchmarks.stage import (
    age_wal,
    child_pid,
    family_ms,
    machine_ms,
    make_merchants,
    other_load,
    own_folder,
)
from hazina.cli.place import SystemOptions, free_port
from hazina.cli.system import Running, System
from hazina.clock import SystemClock
from hazina.db import embedded
from hazina.db.migrate import migrate
from hazina.ids import SystemIds
from hazina.ledger.client import AccountEvent

_MERCHANTS = 100
_WRITERS = 8
_MANY = 200_000
"""So many accounts that most are not among those that the writer remembers."""
_HORDAK = Path(__file__).parent / "hordak"
_AIMS = {
    "16 callers": "7,000/s, p99 5 ms",
    "256 callers": "18,000/s, p99 30 ms",
    "256 callers, one hot account": "18,000/s, p99 30 ms",
    "batches of 1,000 from 4 callers": "20,000/s",
    "256 callers, flushes 1 ms slower": "12,000/s",
    "HTTP, 64 clients": "2,000/s",
    "HTTP, bulks of 100 from 8 clients": "10,000/s",
    "8 writers, flushes 5 ms slower": "3 times one writer",
}


@dataclass(slots=True)
class Stage:
    """What runs meanwhile: the server, its databases, the API."""

    server: embedded.Server
    url: str
    beside_url: str
    running: Running
    keys: list[str]
    slow: SlowCommits | None
    seconds: float


def _child(module: str, order: LedgerOrder | HttpOrder) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(order)))
    process.stdin.close()
    return process


def _result(process: subprocess.Popen[str]) -> LedgerLoad:
    assert process.stdout is not None
    output = process.stdout.read()
    if process.wait() != 0:
        raise SystemExit("a load generator failed")
    return LedgerLoad(**json.loads(output))


def _inside(
    callers: int, batch: int = 1, *, hot: bool = False, accounts: int = ACCOUNTS
) -> Callable[[Stage], LedgerLoad]:
    def run(stage: Stage) -> LedgerLoad:
        order = LedgerOrder(
            stage.url, callers, stage.seconds, batch, hot, postmaster=stage.server.pid,
            space=SPACE if accounts == ACCOUNTS else f"{SPACE}_{accounts}", accounts=accounts,
        )  # fmt: skip
        return _result(_child("benchmarks.ledger_load", order))

    return run


def _slowly(
    milliseconds: float, inner: Callable[[Stage], LedgerLoad]
) -> Callable[[Stage], LedgerLoad]:
    def run(stage: Stage) -> LedgerLoad:
        assert stage.slow is not None
        stage.slow.set_ms(milliseconds)
        try:
            return inner(stage)
        finally:
            stage.slow.set_ms(0)

    return run


def _writers(count: int, callers: int, *, apart: bool) -> Callable[[Stage], LedgerLoad]:
    def run(stage: Stage) -> LedgerLoad:
        """Sum up processes that run at once; the long warm-up lets all of them start."""
        order = LedgerOrder(stage.url, callers, stage.seconds, warm_up=5.0)
        children = [
            _child(
                "benchmarks.ledger_load",
                replace(
                    order,
                    space=f"{order.space}_{number}" if apart else order.space,
                    postmaster=0 if number else stage.server.pid,
                ),
            )
            for number in range(count)
        ]
        loads = [_result(child) for child in children]
        transfers = sum(load.transfers for load in loads)
        share = loads[0].transfers / transfers  # The first one measured for all of them.
        return LedgerLoad(
            transfers=transfers,
            seconds=transfers / sum(load.rate for load in loads),
            p50_ms=statistics.median(load.p50_ms for load in loads),
            p99_ms=max(load.p99_ms for load in loads),
            client_us=sum(load.client_us * load.transfers for load in loads) / transfers,
            postgres_us=loads[0].postgres_us * share,
            machine_us=loads[0].machine_us * share,
        )

    return run


def _http(clients: int, bulk: int) -> Callable[[Stage], LedgerLoad]:
    def run(stage: Stage) -> LedgerLoad:
        port = int(stage.running.url.rsplit(":", 1)[1])
        api = child_pid("api")
        before = family_ms(api), family_ms(stage.server.pid)
        load = _result(
            _child(
                "benchmarks.ledger_http", HttpOrder(port, stage.keys, clients, bulk, stage.seconds)
            )
        )
        used = family_ms(api) - before[0], family_ms(stage.server.pid) - before[1]
        # Of the warm-up, CPU is counted and transfers are not.
        counted = load.transfers * (stage.seconds + WARM_UP) / stage.seconds
        api_us, postgres_us = (1000 * spent / counted for spent in used)
        return replace(load, client_us=api_us, postgres_us=postgres_us)

    return run


def _hordak(stage: Stage) -> LedgerLoad:
    url = _database(stage.server.url, "hordak", empty=True)
    before, machine = family_ms(stage.server.pid), machine_ms()
    done = subprocess.run(
        [str(_HORDAK / ".venv/bin/python"), str(_HORDAK / "post.py"), _as_url(url), "16",
         str(stage.seconds)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-2_000:])
    load = LedgerLoad(**json.loads(done.stdout))
    spent = family_ms(stage.server.pid) - before
    machine = machine_ms() - machine
    return replace(
        load,
        postgres_us=spent * 1000 / load.transfers,
        machine_us=machine * 1000 / load.transfers,
    )


def _subjects(stage: Stage) -> dict[str, Callable[[Stage], LedgerLoad]]:
    subjects = {
        "16 callers": _inside(16),
        "256 callers": _inside(256),
        "256 callers, one hot account": _inside(256, hot=True),
        "batches of 1,000 from 4 callers": _inside(4, 1_000),
        "16 callers, 200,000 accounts": _inside(16, accounts=_MANY),
        "256 callers, 200,000 accounts": _inside(256, accounts=_MANY),
        "HTTP, 64 clients": _http(64, 1),
        "HTTP, bulks of 100 from 8 clients": _http(8, 100),
    }
    if stage.slow is not None:
        subjects |= {
            "16 callers, flushes 1 ms slower": _slowly(1, _inside(16)),
            "256 callers, flushes 1 ms slower": _slowly(1, _inside(256)),
            "1 writer, flushes 5 ms slower": _slowly(5, _inside(16)),
            "8 writers, flushes 5 ms slower": _slowly(5, _writers(_WRITERS, 16, apart=True)),
            "8 writers on the same 1,000 accounts": _slowly(5, _writers(_WRITERS, 16, apart=False)),
        }
    pid = stage.server.pid
    subjects |= {
        "row by row, 16 connections": lambda stage: ledger_beside.row_by_row(
            stage.beside_url, 16, stage.seconds, pid
        ),
        "COPY of the same rows": lambda stage: ledger_beside.raw_copy(
            stage.beside_url, stage.seconds, pid
        ),
    }
    if (_HORDAK / ".venv/bin/python").exists():
        subjects["django-hordak, 16 threads"] = _hordak
    return subjects


def report(results: dict[str, list[LedgerLoad]]) -> None:
    """Print the medians of each subject, and ratios."""
    print(
        f"\n{'subject':<36} {'transfers/s':>11} {'p50 ms':>8} {'p99 ms':>8} {'client':>7}"
        f" {'PostgreSQL':>10} {'others':>7}  aim   (CPU us per transfer; cores of others)"
    )
    rates = {}
    for name, loads in results.items():
        rates[name] = statistics.median(load.rate for load in loads)
        p50, p99, client, postgres, others = (
            statistics.median(getattr(load, what) for load in loads)
            for what in ("p50_ms", "p99_ms", "client_us", "postgres_us", "others")
        )
        print(
            f"{name:<36} {rates[name]:>11,.0f} {p50:>8.1f} {p99:>8.1f} {client:>7.1f}"
            f" {postgres:>10.1f} {others:>7.2f}  {_AIMS.get(name, '')}"
        )
    for one, other in (
        ("8 writers, flushes 5 ms slower", "1 writer, flushes 5 ms slower"),
        ("256 callers", "django-hordak, 16 threads"),
        ("256 callers", "row by row, 16 connections"),
        ("batches of 1,000 from 4 callers", "COPY of the same rows"),
    ):
        if one in rates and other in rates:
            print(f"{one} / {other}: {rates[one] / rates[other]:.2f}")


def run(arguments: argparse.Namespace, var: Path) -> None:
    """Start everything, measure the subjects in turn, print, and end everything."""
    server = embedded.ensure(var / "postgres")
    slow = None
    if slow_commits.available():
        slow = SlowCommits(server, var)
        server = embedded.ensure(var / "postgres")
    else:
        print("There is no C compiler: flushes are not made slower.")
    system = System(SystemOptions(free_port(), var), SystemClock(), SystemIds())
    try:
        running = asyncio.run(system.start())
        age_wal(server.url)
        keys = asyncio.run(make_merchants(running, _MERCHANTS))
        url, beside_url = (_database(server.url, name) for name in ("ledger", "beside"))
        asyncio.run(_open_accounts([url, beside_url], running))
        stage = Stage(server, url, beside_url, running, keys, slow, arguments.seconds)
        subjects = {
            name: subject
            for name, subject in _subjects(stage).items()
            if any(word in name for word in arguments.only)
        }
        print(f"Other programs use {other_load():.2f} cores at rest. Trust ratios before figures.")
        results: dict[str, list[LedgerLoad]] = {}
        for round_number in range(arguments.runs):
            for name, subject in subjects.items():
                load = subject(stage)
                results.setdefault(name, []).append(load)
                print(
                    f"  run {round_number + 1}, {name}: {load.rate:,.0f}/s"
                    f" (others used {load.others:.2f} cores)",
                    flush=True,
                )
        report(results)
    finally:
        system.stop()


def _database(server_url: str, name: str, *, empty: bool = False) -> str:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "bench_{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "bench_{name}"'.encode())
    url = make_conninfo(**{**conninfo_to_dict(server_url), "dbname": f"bench_{name}"})
    if not empty:
        migrate(url)
    return url


def _as_url(conninfo: str) -> str:
    parts = conninfo_to_dict(conninfo)
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}"


async def _open_accounts(urls: list[str], running: Running) -> None:
    for url in urls:
        async with ledgers_at(url) as ledgers:
            await open_accounts(ledgers)
    with psycopg.connect(running.database_url) as connection:
        spaces = [row[0] for row in connection.execute("SELECT merchant_id FROM merchant")]
    events = [AccountEvent(number, LEDGER, 1) for number in range(1, ACCOUNTS + 1)]
    async with ledgers_at(running.database_url) as ledgers:
        for space in dict.fromkeys(spaces):
            await ledgers.create_accounts(space, events)


def main() -> None:
    """Read the options and measure on a temporary system."""
    parser = argparse.ArgumentParser(prog="benchmarks.ledger", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", nargs="+", default=[""], help="parts of subjects' names")
    arguments = parser.parse_args()
    with own_folder() as var:
        run(arguments, var)


if __name__ == "__main__":
    main()
