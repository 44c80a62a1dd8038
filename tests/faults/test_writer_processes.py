"""Several writer processes: overlapping claims, and one that stops while it holds locks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psycopg
import pytest

from hazina.clock import SystemClock
from hazina.db.postgres import PostgresStore
from hazina.db.unit import Committed, Insert, Quarantined, RowVersion, Unit, Update
from tests.support.toy import SCHEMA, ToyEngine, create_tables

_ROOT = Path(__file__).parents[2]
_SECONDS = 60 if os.environ.get("HAZINA_FAULTS") == "whole" else 6


@pytest.fixture
def url(fresh_database_url: str) -> str:
    create_tables(fresh_database_url)
    return fresh_database_url


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.writer_process",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        cwd=_ROOT,
    )


async def _go_on(process: asyncio.subprocess.Process) -> None:
    """Continue a process once it has stopped: a signal that came before would be lost."""
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGCONT)


async def test_two_processes_claim_overlapping_keys_without_deadlock(url: str) -> None:
    processes = [await _start("claims", url, str(_SECONDS), str(seed)) for seed in (1, 2)]
    outputs = [(await process.communicate())[0] for process in processes]
    first, second = (json.loads(output) for output in outputs)
    assert first
    assert second
    assert len({*first, *second}) == len(first) + len(second), "a key was claimed twice"
    with psycopg.connect(url) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM toy_claim")}
        slots = connection.execute("SELECT count(DISTINCT slot) FROM batch").fetchone()
        await asyncio.sleep(1)  # Statistics of ended backends arrive a moment later.
        connection.execute("SELECT pg_stat_clear_snapshot()")
        deadlocks = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert names == {*first, *second}
    assert slots == (2,)
    assert deadlocks == (0,)


async def test_a_writer_that_is_stopped_holds_others_up_for_ten_seconds_at_most(url: str) -> None:
    store = PostgresStore(url, SCHEMA, ToyEngine())
    await store.open()
    await store.execute(
        [Unit("m", writes=(Insert("toy_object", {"merchant_id": "m", "id": "a"}),))]
    )
    process = await _start("stops", url)
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"locked\n"
        clock = SystemClock()
        began_ms = clock.monotonic_ms()
        unit = Unit(
            "m",
            relies_on=(RowVersion("toy_object", ("m", "a"), 1),),
            writes=(Update("toy_object", ("m", "a"), 1, {"state": "went on"}),),
        )
        (verdict,) = await store.execute([unit])
        assert isinstance(verdict, Committed)
        assert clock.monotonic_ms() - began_ms < 10_000
        await _go_on(process)
        # It stops itself once more when it tries the batch again.
        assert await process.stdout.readline() == b"locked\n"
        await _go_on(process)
        assert await process.stdout.readline() == b"Stale\n"
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await store.close()


async def test_a_poison_unit_among_five_hundred_harms_nobody(url: str) -> None:
    store = PostgresStore(url, SCHEMA, ToyEngine())
    await store.open()
    units = [
        Unit("m", writes=(Insert("toy_object", {"merchant_id": "m", "id": f"{number:03}"}),))
        for number in range(500)
    ]
    row = {"merchant_id": "m", "id": "321", "amount": -1}
    units[321] = Unit("m", writes=(Insert("toy_object", row),))
    verdicts = await store.execute(units)
    bad = [number for number, verdict in enumerate(verdicts) if isinstance(verdict, Quarantined)]
    assert bad == [321]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM toy_object").fetchone() == (499,)
    await store.close()
