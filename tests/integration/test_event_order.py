"""The event log is read in the order of its numbers, also where they get one more digit."""

from __future__ import annotations

import psycopg
import pytest

from hazina.bootstrap.app import SCHEMA, query_files
from hazina.db.pooled import PooledReader
from hazina.events.service import Cursor, Events

_INSERT = """
INSERT INTO event (merchant_id, id, type, object_id, sequence, created, body, xid)
VALUES ('acct_1_test', %s, 'charge.succeeded', 'ch_1', 1, now(), '{}', %s::text::xid8)
"""
_XIDS = ("9", "10", "98", "99", "100", "101")


@pytest.fixture
def url(fresh_database_url: str) -> str:
    with psycopg.connect(fresh_database_url) as connection:
        for xid in _XIDS:
            connection.execute(_INSERT, (f"evt_{xid}", xid))
    return fresh_database_url


async def test_reading_forward_in_short_steps_skips_nothing(url: str) -> None:
    reader = PooledReader(url, SCHEMA, query_files(), size=1)
    try:
        events, found, at = Events(reader), [], Cursor()
        while step := await events.forward(at, 2):
            found += [event.id for event in step]
            at = step[-1].cursor
        ends = await reader.query("webhook_log_end", {"xid": "0", "position": 0})
        relayed = await reader.query("relay_forward", {"xid": "0", "position": 0, "limit": 10})
    finally:
        await reader.close()

    assert found == [f"evt_{xid}" for xid in _XIDS]
    assert [row["xid"] for row in ends] == ["101"]
    assert [row["id"] for row in relayed] == found
