"""Four processes on the same accounts and ids, and processes and a server that are killed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom

import psycopg
import pytest

from hazina.db import embedded
from hazina.db.migrate import migrate
from hazina.ledger.client import AccountEvent
from tests.support.ledger_on_postgres import LedgerOnPostgres, a_ledger
from tests.support.ledger_process import OWN, SPACE, hot_round, resubmitted_batch
from tests.support.promises import note

_ROOT = Path(__file__).parents[2]
_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
pytestmark = pytest.mark.timeout(3_600)
_ROUNDS = 1_500 if _WHOLE else 40
_PROCESSES = 4
_KILLS = 20 if _WHOLE else 3
DEBITS_LIMITED, CREDITS_LIMITED = 2, 4


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.ledger_process", *arguments,
        stdout=asyncio.subprocess.PIPE, cwd=_ROOT,
    )  # fmt: skip


async def _open_accounts(ledger: LedgerOnPostgres) -> None:
    flags = {5: DEBITS_LIMITED, 6: CREDITS_LIMITED}
    events = [AccountEvent(number, 1, 1, flags.get(number, 0)) for number in range(1, 8)]
    await ledger.ledgers.create_accounts(SPACE, events)


async def test_four_processes_on_hot_accounts_neither_overdraw_nor_deadlock_nor_double(
    fresh_database_url: str,
) -> None:
    """Every process sends the same ids, some with other bodies; each id is decided once."""
    async with a_ledger(fresh_database_url) as ledger:
        await _open_accounts(ledger)
        processes = [
            await _start("hot", fresh_database_url, str(_ROUNDS), str(process))
            for process in range(_PROCESSES)
        ]
        outputs = [(await process.communicate())[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * _PROCESSES
        answers: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for output in outputs:
            for number, process, status in json.loads(output):
                answers[number].append((process, status))
        for number, given in answers.items():
            _judge_answers(number, given)
        await ledger.demand_whole()
    with psycopg.connect(fresh_database_url) as connection:
        await asyncio.sleep(1)  # Statistics of ended backends arrive a moment later.
        connection.execute("SELECT pg_stat_clear_snapshot()")
        deadlocks = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert deadlocks == (0,)


def _judge_answers(number: int, given: list[tuple[int, str]]) -> None:
    """Demand that one request decided about the id, and that all others were told so."""
    statuses = [status for _, status in given]
    assert statuses.count("created") <= 1, (number, given)
    if number >= OWN:
        return
    bodies = {
        process: next(event for event in hot_round(number // 10, process) if event.id == number)
        for process, _ in given
    }
    first = [process for process, status in given if status == "created"]
    for process, status in given:
        if status == "created":
            continue
        if not first:
            assert not status.startswith("exists"), (number, given)
        elif bodies[process] == bodies[first[0]]:
            assert status == "exists", (number, given)
        else:
            assert status.startswith("exists_with_different"), (number, given)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that any account can reach, unlike pytest's own temporary folders."""
    parent = Path(tempfile.mkdtemp(prefix="hz-killed-"))
    parent.chmod(0o711)
    yield parent
    embedded.destroy(parent / "data")
    shutil.rmtree(parent)


async def test_what_was_acknowledged_outlives_kills_of_postgresql_and_of_writers(
    folder: Path,
) -> None:
    """Who was not answered sends the same ids again: nothing is lost, and nothing is doubled."""
    seed = SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    random = Random(seed)
    server = embedded.ensure(folder / "data")
    migrate(server.url)
    async with a_ledger(server.url) as ledger:
        await _open_accounts(ledger)
    files = [folder / f"acknowledged-{process}" for process in range(2)]

    async def begin(process: int) -> asyncio.subprocess.Process:
        return await _start("resubmits", server.url, str(files[process]), str(process))

    writers = [await begin(0), await begin(1)]
    try:
        for round_ in range(_KILLS):
            await _progress(writers, files)
            await asyncio.sleep(random.random() / 5)
            victims = [["postgres"], ["postgres", 0], [0], [1], [0, 1]][round_ % 5]
            for victim in victims:
                if isinstance(victim, int):
                    writers[victim].kill()
                    await writers[victim].wait()
                    writers[victim] = await begin(victim)
                else:
                    embedded.kill(server)
                    server = embedded.ensure(folder / "data")
        await _progress(writers, files)
        for writer in writers:
            writer.terminate()
        assert [await writer.wait() for writer in writers] == [0, 0]
    finally:
        for writer in writers:
            if writer.returncode is None:
                writer.kill()
                await writer.wait()
    acknowledged = await _demand_all(server.url, [_count(file) for file in files])
    note("ledger killed", f"{_KILLS} times, {acknowledged:,} acknowledged: 0 lost, 0 doubled")


async def _progress(writers: list[asyncio.subprocess.Process], files: list[Path]) -> None:
    """Wait until each writer has had two more batches acknowledged."""
    before = [_count(file) for file in files]
    async with asyncio.timeout(120):
        while any(_count(file) < was + 2 for file, was in zip(files, before, strict=True)):
            assert all(writer.returncode is None for writer in writers)
            await asyncio.sleep(0.02)


def _count(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


async def _demand_all(url: str, acknowledged: list[int]) -> int:
    """Demand that exactly the acknowledged transfers are there, and that the books are right.

    Returns how many there are.
    """
    wanted = {
        event.id
        for process, batches in enumerate(acknowledged)
        for number in range(batches)
        for event in resubmitted_batch(number, process)
    }
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT client_id FROM transfer").fetchall()
    found = [row[0].int for row in rows]
    assert len(found) == len(set(found)), "an id was booked twice"
    assert set(found) == wanted
    async with a_ledger(url) as ledger:
        await ledger.demand_whole()
    return len(wanted)
