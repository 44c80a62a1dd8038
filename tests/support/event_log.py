"""The event log in tests: written to directly, and waited for until its end can be read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

_HELD_BACK = """
SELECT count(*) FROM event WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())
"""


async def readable(url: str) -> None:
    """Return when no database transaction of the cluster holds the log back.

    The oldest running one of *any* database bounds what may be read, and other tests run beside.
    """
    async with (
        asyncio.timeout(60),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
    ):
        while True:
            cursor = await connection.execute(_HELD_BACK)
            if await cursor.fetchone() == (0,):
                return
            await asyncio.sleep(0.05)


def readable_now(url: str) -> None:
    """Do what `readable` does, from a test that is not asynchronous."""
    asyncio.run(readable(url))


def event_row(
    number: int, object_id: str, sequence: int, body: bytes | None = None
) -> tuple[Any, ...]:
    """Return the values of one event for `INSERT_EVENT`, of a merchant of the tests."""
    event_id = f"evt_{number:026d}"
    content = (
        body
        or json.dumps(
            {"id": event_id, "object": "event", "type": "charge.succeeded", "number": number}
        ).encode()
    )
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return ("acct_log_test", event_id, "charge.succeeded", object_id, sequence, moment, content)


INSERT_EVENT = """
INSERT INTO event (merchant_id, id, type, object_id, sequence, created, body)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


def write_events(url: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write events, each in a database transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for row in rows:
            connection.execute(INSERT_EVENT, row)
