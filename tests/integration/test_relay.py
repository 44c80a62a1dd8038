"""The relay to Kafka: every event once a stretch was acknowledged, in the log's safe order."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from hazina.kafka.record import SendFailed
from tests.support.event_log import INSERT_EVENT, event_row, readable, write_events
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_topic import disordered_keys, first_appearances, read_all
from tests.support.relays import relay_over, relay_until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def prefix() -> str:
    return f"t{uuid4().hex[:10]}"


async def test_an_event_is_one_record_with_its_stored_bytes(
    fresh_database_url: str, kafka: KafkaBroker, prefix: str
) -> None:
    write_events(fresh_database_url, [event_row(7, "ch_1", 3)])
    await readable(fresh_database_url)

    async with relay_over(fresh_database_url, kafka.address, prefix) as relay:
        await relay_until(relay, 1)

    (record,) = read_all(kafka.address, f"{prefix}.events.test")
    assert record.key == "acct_log_test/ch_1"
    assert record.value == event_row(7, "ch_1", 3)[6]
    assert record.headers == {
        "content-type": "application/json", "ce_specversion": "1.0",
        "ce_id": "evt_00000000000000000000000007", "ce_source": "/hazina/acct_log_test",
        "ce_type": "charge.succeeded", "ce_subject": "ch_1", "ce_time": "2026-01-01T00:00:07Z",
        "ce_dataschema": "urn:hazina:event:v1:charge.succeeded", "ce_sequence": "3",
        "ce_partitionkey": "acct_log_test/ch_1", "ce_merchantid": "acct_log_test",
    }  # fmt: skip


async def test_an_older_commit_that_comes_late_is_not_skipped(
    fresh_database_url: str, kafka: KafkaBroker, prefix: str
) -> None:
    async with relay_over(fresh_database_url, kafka.address, prefix) as relay:
        with psycopg.connect(fresh_database_url) as early:
            early.execute(INSERT_EVENT, event_row(1, "ch_early", 1))
            write_events(fresh_database_url, [event_row(n, "ch_late", n) for n in range(2, 22)])
            for _ in range(3):
                assert await relay.step() == 0
            early.commit()
        await relay_until(relay, 21)

    records = read_all(kafka.address, f"{prefix}.events.test")
    assert sorted(one.event_id for one in records) == [f"evt_{n:026d}" for n in range(1, 22)]
    assert disordered_keys(records) == []


async def test_one_of_two_relays_sends_and_the_other_takes_over_when_it_is_gone(
    fresh_database_url: str, kafka: KafkaBroker, prefix: str
) -> None:
    rows = [event_row(n, f"ch_{n % 7}", n) for n in range(1, 101)]
    write_events(fresh_database_url, rows[:50])
    await readable(fresh_database_url)
    async with relay_over(fresh_database_url, kafka.address, prefix) as second:
        async with relay_over(
            fresh_database_url, kafka.address, prefix, lease_ms=60_000, farewell=False
        ) as first:
            await relay_until(first, 50)
            assert await second.step() == 0
        _end_lease(fresh_database_url)
        write_events(fresh_database_url, rows[50:])
        await readable(fresh_database_url)

        await relay_until(second, 50)

    records = read_all(kafka.address, f"{prefix}.events.test")
    assert len(first_appearances(records)) == 100
    assert disordered_keys(records) == []


async def test_a_relay_that_slept_past_its_lease_cannot_move_the_place(
    fresh_database_url: str, kafka: KafkaBroker, prefix: str
) -> None:
    write_events(fresh_database_url, [event_row(n, "ch_1", n) for n in range(1, 11)])
    await readable(fresh_database_url)
    async with (
        relay_over(
            fresh_database_url, kafka.address, prefix, events_max=5, lease_ms=60_000
        ) as first,
        relay_over(fresh_database_url, kafka.address, prefix, events_max=5) as second,
    ):
        await relay_until(first, 5)
        _end_lease(fresh_database_url)
        await relay_until(second, 5)

        assert await first.step() == 0
        assert await second.oldest() is None


async def test_a_record_that_the_broker_refuses_is_set_aside_and_its_neighbours_arrive(
    fresh_database_url: str, kafka: KafkaBroker, prefix: str
) -> None:
    topic = f"{prefix}.events.test"
    large = b'{"filler":"' + b"".join(b"%d" % n for n in range(300_000)) + b'"}'
    rows = [event_row(n, f"ch_{n}", 1) for n in range(1, 21)]
    rows[9] = event_row(10, "ch_10", 1, large)
    write_events(fresh_database_url, rows)
    await readable(fresh_database_url)
    async with relay_over(fresh_database_url, kafka.address, prefix) as relay:
        await relay.step()
        _allow(kafka, topic, 100_000)
        await relay_until(relay, 20)

        (aside,) = await relay.quarantined(10)
        assert aside["event_id"] == "evt_00000000000000000000000010"
        arrived = {one.event_id for one in read_all(kafka.address, topic)}
        assert len(arrived) == 19
        with pytest.raises(SendFailed):
            await relay.replay(10)
        _allow(kafka, topic, 8_000_000)

        assert await relay.replay(10) == 1

        assert await relay.quarantined(10) == []
    arrived = {one.event_id for one in read_all(kafka.address, topic)}
    assert len(arrived) == 20


def _end_lease(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE relay SET lease_until = now()")


def _allow(kafka: KafkaBroker, topic: str, size: int) -> None:
    """Set how large records of a topic may be."""
    admin = AdminClient({"bootstrap.servers": kafka.address})
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)
