"""Waits until the event log can be read up to its end."""

from __future__ import annotations

import asyncio

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
