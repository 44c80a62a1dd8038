"""What is over is deleted after its days; what somebody may still need is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from hazina.clock import ManualClock, unix
from hazina.ids import first_id_of
from hazina.workers.retention import KeepDays, Retention
from tests.support.relays import parts_over

_NOW = datetime(2026, 6, 1, tzinfo=UTC)
_DELIVERY = """
INSERT INTO webhook_delivery (merchant_id, endpoint, event_id, position, state, attempts, created)
VALUES ('acct_1_test', %(endpoint)s, %(event)s, 1, %(state)s, 1, now())
"""
_ATTEMPT = """
INSERT INTO webhook_attempt (merchant_id, endpoint, event_id, id, number, created)
VALUES ('acct_1_test', %(endpoint)s, %(event)s, %(id)s, 1, now())
"""
_ENDPOINT = """
INSERT INTO webhook_endpoint
    (merchant_id, id, url, secret, enabled_events, status, metadata, created)
VALUES ('acct_1_test', %s, 'https://shop.test', 'whsec_', '["*"]', 'enabled', '{}', now())
"""
_CALLBACK = """
INSERT INTO inbox (connector, deduplication_key, reference, body, headers, state, tries, received)
VALUES ('one', %s, 'cmd_1', '', '{}', %s, 1, %s)
"""


def _id(prefix: str, days: float) -> str:
    return first_id_of(prefix, unix(_NOW - timedelta(days=days)))


async def test_only_what_is_over_for_long_is_deleted(fresh_database_url: str) -> None:
    deliveries = {
        ("we_1", _id("evt", 40)): ("delivered", 40.0),
        ("we_2", _id("evt", 41)): ("delivered", 41.0),
        ("we_1", _id("evt", 42)): ("pending", 42.0),
        ("we_1", _id("evt", 43)): ("failed", 43.0),
        ("we_1", _id("evt", 10)): ("delivered", 10.0),
        ("we_1", _id("evt", 44)): ("delivered", 1.0),
    }
    callbacks = {"old": ("applied", 100), "young": ("applied", 80), "parked": ("parked", 100),
                 "bad": ("quarantined", 100), "due": ("received", 100)}  # fmt: skip
    with psycopg.connect(fresh_database_url) as connection:
        for endpoint in ("we_1", "we_2"):
            connection.execute(_ENDPOINT, (endpoint,))
        for (endpoint, event), (state, tried) in deliveries.items():
            given: dict[str, Any] = {"endpoint": endpoint, "event": event, "state": state}
            connection.execute(_DELIVERY, given)
            connection.execute(_ATTEMPT, given | {"id": _id("wha", tried)})
        for key, (state, days) in callbacks.items():
            connection.execute(_CALLBACK, (key, state, _NOW - timedelta(days=days)))
    async with parts_over(fresh_database_url) as (reader, writer):
        retention = Retention(reader, writer, ManualClock(_NOW), KeepDays())

        assert await retention.step() == 5
        assert await retention.step() == 0

    with psycopg.connect(fresh_database_url) as connection:
        left = connection.execute("SELECT endpoint, event_id FROM webhook_delivery").fetchall()
        attempts = connection.execute("SELECT endpoint, event_id FROM webhook_attempt").fetchall()
        kept = connection.execute("SELECT deduplication_key FROM inbox").fetchall()
    expected = set(list(deliveries)[2:])
    assert set(left) == set(attempts) == expected
    assert {key for (key,) in kept} == {"young", "parked", "bad", "due"}


async def test_what_was_owed_to_a_deleted_endpoint_is_deleted(fresh_database_url: str) -> None:
    with psycopg.connect(fresh_database_url) as connection:
        connection.execute(_ENDPOINT, ("we_2",))
        for endpoint in ("we_1", "we_2", "we_3"):
            for state in ("pending", "failed", "delivered"):
                given = {"endpoint": endpoint, "event": f"evt_{state}", "state": state}
                connection.execute(_DELIVERY, given)
    async with parts_over(fresh_database_url) as (reader, writer):
        retention = Retention(reader, writer, ManualClock(_NOW), KeepDays())

        while await retention.step():
            pass

    with psycopg.connect(fresh_database_url) as connection:
        left = connection.execute("SELECT endpoint FROM webhook_delivery").fetchall()
    assert left == [("we_2",)] * 3
