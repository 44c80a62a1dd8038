"""From the event log through a real Kafka into the daily totals, with every repetition absorbed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from hazina.bootstrap import streams
from hazina.bootstrap.settings import Settings
from hazina.clock import SystemClock
from hazina.kafka.reading import KafkaReading
from hazina.reports.daily_totals import totals
from tests.support.charge_events import charge_event
from tests.support.event_log import readable, write_events
from tests.support.kafka_broker import KafkaBroker
from tests.support.relays import parts_over, relay_over, relay_until

pytestmark = pytest.mark.timeout(180)
_COUNT = 60


def _rows() -> list[tuple[object, ...]]:
    rows = []
    for n in range(1, _COUNT + 1):
        record = charge_event(n, charge=f"ch_{n % 20}", sequence=n, captured=n, day=n // 30)
        event = record.event()
        moment = datetime.fromtimestamp(event["created"], UTC)
        rows.append(
            ("acct_duka_test", record.id, record.type, record.object_id, n, moment, record.body)
        )
    return rows


@asynccontextmanager
async def _consumer(
    url: str, settings: Settings, since: datetime | None = None
) -> AsyncIterator[KafkaReading]:
    async with parts_over(url) as (reader, writer):
        applying = streams.applying(reader, writer, SystemClock(), "daily_totals")
        reading = streams.reading(settings, applying, since)
        try:
            yield reading
        finally:
            await reading.close()


async def _brought(reading: KafkaReading, count: int) -> int:
    """Step until at least so many records were brought and no more come; return how many."""
    found, idle = 0, 0
    async with asyncio.timeout(60):
        while found < count or idle < 3:
            brought = await reading.step(200)
            found, idle = found + brought, 0 if brought else idle + 1
    return found


async def _sums(url: str) -> list[tuple[str, int]]:
    async with parts_over(url) as (reader, _):
        return [(row["day"], row["captured"]) for row in await totals(reader, None, None, None)]


async def test_charges_become_totals_once_though_relay_and_consumer_repeat_themselves(
    fresh_database_url: str, kafka: KafkaBroker
) -> None:
    prefix = f"t{uuid4().hex[:10]}"
    settings = Settings(kafka_brokers=kafka.address, kafka_topic_prefix=prefix)
    rows = _rows()
    async with relay_over(fresh_database_url, kafka.address, prefix) as relay:
        write_events(fresh_database_url, rows[:30])
        await readable(fresh_database_url)
        await relay_until(relay, 30)
        await asyncio.sleep(0.05)
        since = datetime.now(UTC)
        write_events(fresh_database_url, rows[30:])
        await readable(fresh_database_url)
        await relay_until(relay, 30)
    expected = _expected()

    async with _consumer(fresh_database_url, settings) as reading:
        await _brought(reading, _COUNT)
    assert await _sums(fresh_database_url) == expected

    # The group is at the end: from a moment on it reads again, and nothing is counted twice.
    async with _consumer(fresh_database_url, settings, since) as reading:
        assert await _brought(reading, 30) == 30
    assert await _sums(fresh_database_url) == expected

    # A relay whose place was lost sends everything anew.
    with psycopg.connect(fresh_database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM relay")
    async with relay_over(fresh_database_url, kafka.address, prefix) as relay:
        await relay_until(relay, _COUNT)
    async with _consumer(fresh_database_url, settings) as reading:
        await _brought(reading, _COUNT)
    assert await _sums(fresh_database_url) == expected


def _expected() -> list[tuple[str, int]]:
    last: dict[str, int] = {}
    days: dict[str, int] = {}
    for row in _rows():
        charge, number = str(row[3]), int(str(row[4]))
        day = str(row[5])[:10]
        days[day] = days.get(day, 0) + number - last.get(charge, 0)
        last[charge] = number
    return sorted(days.items())
