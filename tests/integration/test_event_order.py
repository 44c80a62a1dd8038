"""Events of one unit stand in the log in the order in which they were recorded."""

from __future__ import annotations

from datetime import UTC, datetime

from hazina.bootstrap.app import SCHEMA
from hazina.clock import SystemClock
from hazina.db.postgres import PostgresStore
from hazina.db.unit import Committed, Insert, Unit
from hazina.db.writer import Writer
from hazina.ids import SystemIds
from tests.support.books import rows


async def test_events_of_one_unit_keep_their_order(database_url: str) -> None:
    store = PostgresStore(database_url, SCHEMA, None)
    await store.open()
    writer = Writer(store, SystemClock())
    await writer.start()
    ids, merchant = SystemIds(), SystemIds().new("acct")
    names = [f"event.{number:02}" for number in range(40)]
    writes = tuple(
        Insert(
            "event",
            {"merchant_id": merchant, "id": ids.new("evt"), "type": name, "object_id": "pi_1",
             "sequence": 1, "created": datetime.now(UTC), "body": b"{}"},
        )
        for name in names
    )  # fmt: skip

    verdict = await writer.submit(Unit(merchant, writes=writes))

    await writer.close()
    await store.close()
    assert isinstance(verdict, Committed)
    query = "SELECT type FROM event WHERE merchant_id = %s ORDER BY xid, position"
    assert [row["type"] for row in rows(database_url, query, (merchant,))] == names
