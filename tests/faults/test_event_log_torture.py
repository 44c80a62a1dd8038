"""The event log under torture: early ids held back, relays killed, the broker killed and started.

Nothing is skipped, each object's events first appear in order, and the consumer kit absorbs every
repetition. `HAZINA_FAULTS=whole` holds the ids for a minute, behind 10,000 events and 50 kills.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hazina.bootstrap import streams
from hazina.clock import SystemClock
from hazina.consuming.record import Consumed, consumed
from hazina.crashpoints import VARIABLE
from hazina.reports.daily_totals import totals
from tests.support import promises
from tests.support.charge_events import charge_event, log_row
from tests.support.event_log import INSERT_EVENT, readable
from tests.support.kafka_broker import KafkaBroker, needs_kafka, own_broker
from tests.support.kafka_topic import Seen, disordered_keys, first_appearances, read_all
from tests.support.relays import parts_over, relay_over

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_HELD_SECONDS = 60 if _WHOLE else 3
_EVENTS = 10_000 if _WHOLE else 600
_KILLS = 50 if _WHOLE else 4
_EARLY = 20
_OBJECTS = 97
_PREFIX = "torture"

pytestmark = [needs_kafka, pytest.mark.timeout(900 if _WHOLE else 180)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    with own_broker(tmp_path) as running:
        yield running


def _early() -> list[Consumed]:
    return [charge_event(n, charge=f"ch_early_{n}", captured=1) for n in range(1, _EARLY + 1)]


def _later() -> list[Consumed]:
    return [
        charge_event(
            _EARLY + n + 1, charge=f"ch_{n % _OBJECTS}", sequence=n // _OBJECTS + 1, captured=n + 1
        )
        for n in range(_EVENTS)
    ]


def _write_meanwhile(url: str) -> None:
    """Commit the later events over the time for which the early ones are held back."""
    events = _later()
    began = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        for number, record in enumerate(events, 1):
            connection.execute(INSERT_EVENT, log_row(record))
            ahead = number / len(events) * _HELD_SECONDS - (time.monotonic() - began)
            if ahead > 0.01:
                time.sleep(ahead)


def _killed_relays(url: str, broker: KafkaBroker) -> None:
    """Run relays one after the other; kill each, at a boundary of its own or at any moment."""
    chance = random.Random(7)
    for number in range(_KILLS):
        if number == _KILLS // 2:
            broker.kill()
            broker.start()
        point = chance.choice(["relay.before_sending", "relay.after_sending", ""])
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.relays", url, broker.address, _PREFIX],
            env=os.environ | {VARIABLE: point},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(chance.uniform(1.5, 3.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _finish(url: str, broker: KafkaBroker) -> None:
    """Let one relay carry what is left."""
    await readable(url)
    async with relay_over(url, broker.address, _PREFIX) as relay, asyncio.timeout(90):
        while await relay.oldest() is not None or not await _started(url):
            if not await relay.step():
                await asyncio.sleep(0.05)


async def _started(url: str) -> bool:
    async with parts_over(url) as (reader, _):
        return bool(await reader.query("relay_place", {"name": "kafka"}))


async def _totals(url: str, records: list[Seen]) -> list[tuple[int, int]]:
    async with parts_over(url) as (reader, writer):
        applying = streams.applying(reader, writer, SystemClock(), "daily_totals")
        brought = [consumed(one.headers, one.value, f"t/0/{n}") for n, one in enumerate(records)]
        for start in range(0, len(brought), 500):
            await applying.apply(brought[start : start + 500])
        assert await applying.parked() == []
        rows = await totals(reader, None, None, None)
    return [(row["charges"], row["captured"]) for row in rows]


def test_nothing_is_skipped_or_out_of_order_whatever_is_killed(
    fresh_database_url: str, broker: KafkaBroker
) -> None:
    with psycopg.connect(fresh_database_url) as held:
        for record in _early():
            held.execute(INSERT_EVENT, log_row(record))
        writing = threading.Thread(target=_write_meanwhile, args=(fresh_database_url,))
        killing = threading.Thread(target=_killed_relays, args=(fresh_database_url, broker))
        writing.start()
        killing.start()
        writing.join()
        held.commit()
        killing.join()
    asyncio.run(_finish(fresh_database_url, broker))

    records = read_all(broker.address, f"{_PREFIX}.events.test")
    every = {record.id for record in _early() + _later()}
    assert {record.event_id for record in records} == every
    assert len(first_appearances(records)) == len(every)
    assert disordered_keys(records) == []
    last = {record.object_id: record.event() for record in _later()}
    captured = sum(event["data"]["object"]["amount_captured"] for event in last.values())
    charges = min(_OBJECTS, _EVENTS) + _EARLY
    assert asyncio.run(_totals(fresh_database_url, records)) == [(charges, captured + _EARLY)]
    promises.note(
        "event log torture",
        f"{len(every):,} events behind ids held for {_HELD_SECONDS} s, {_KILLS} kills of the relay:"
        f" 0 skipped, {len(records) - len(every):,} repeated",
    )


async def test_a_broker_that_is_away_only_delays(
    fresh_database_url: str, broker: KafkaBroker
) -> None:
    with psycopg.connect(fresh_database_url, autocommit=True) as connection:
        for record in _later()[:50]:
            connection.execute(INSERT_EVENT, log_row(record))
    await readable(fresh_database_url)
    async with relay_over(fresh_database_url, broker.address, _PREFIX, events_max=10) as relay:
        while not await relay.step():
            await asyncio.sleep(0.02)
        broker.freeze()
        try:
            for _ in range(4):
                await relay.step()
            assert relay.waits is not None
        finally:
            broker.thaw()
        async with asyncio.timeout(60):
            while await relay.oldest() is not None:
                await relay.step()
        assert relay.waits is None

    records = read_all(broker.address, f"{_PREFIX}.events.test")
    assert len(first_appearances(records)) == 50
    assert disordered_keys(records) == []
