"""One door to the event log: record in a unit of work, read back, read forward."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from hazina.clock import unix
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Insert
from hazina.events.tables import API_VERSION
from hazina.events.types import RECORDED
from hazina.paging import Page, created_bounds, read_page
from hazina.refusals import Code, Refusal, shown_id
from hazina.values import value


@value
class Cause:
    """The request that made something happen, as events carry it; empty for our own doing."""

    request_id: str | None = None
    idempotency_key: str | None = None


def record(
    *,
    merchant_id: str,
    livemode: bool,
    event_id: str,
    type: str,
    object_view: dict[str, Any],
    object_id: str,
    sequence: int,
    created: datetime,
    request_id: str | None = None,
    idempotency_key: str | None = None,
    previous_attributes: dict[str, Any] | None = None,
) -> Insert:
    """Return the write that puts one event in the log, its public body as bytes."""
    data: dict[str, Any] = {"object": object_view}
    if previous_attributes is not None:
        data["previous_attributes"] = previous_attributes
    body = {
        "id": event_id, "object": "event", "api_version": API_VERSION,
        "created": unix(created), "data": data, "livemode": livemode, "pending_webhooks": 0,
        "request": {"id": request_id, "idempotency_key": idempotency_key}, "type": type,
    }  # fmt: skip
    return Insert(
        "event",
        {
            "merchant_id": merchant_id, "id": event_id, "type": type, "object_id": object_id,
            "sequence": sequence, "created": created, "body": orjson.dumps(body),
        },
    )  # fmt: skip


@value
class Cursor:
    """A place in the log: database transaction id, then position."""

    xid: int = 0
    position: int = 0


@value
class EventRow:
    """One event as the log holds it."""

    cursor: Cursor
    merchant_id: str
    id: str
    type: str
    object_id: str
    created: datetime
    body: bytes


class Events:
    """Reads of the event log."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def retrieve(self, merchant_id: str, event_id: str) -> bytes:
        """Return the stored bytes of one event. Refuses `resource_missing`."""
        row = await self._reader.get("event", (merchant_id, event_id))
        if row is None:
            raise _missing(event_id, "id")
        return bytes(row["body"])

    async def list(
        self,
        merchant_id: str,
        filters: dict[str, Any],
        page: Page,
        span: tuple[str | None, str | None] = (None, None),
    ) -> tuple[list[bytes], bool]:
        """Return bodies from the newest to the oldest, and whether there are more.

        `span` is where the ids lie that `created` allows.
        Refuses `resource_missing` for a cursor that is no event of the merchant's.
        """
        cursor = page.cursor
        if cursor and await self._reader.get("event", (merchant_id, cursor.object_id)) is None:
            raise _missing(cursor.object_id, cursor.param)
        types = filters.get("types") or (_meant(filters["type"]) if "type" in filters else None)
        if types == []:
            return [], False
        parameters = {
            "merchant_id": merchant_id, "types": types, "low": span[0], "high": span[1],
        } | created_bounds(filters)  # fmt: skip
        rows, more = await read_page(self._reader.query, "event_list", page, parameters)
        return [bytes(row["body"]) for row in rows], more

    async def forward(self, after: Cursor, limit: int) -> Sequence[EventRow]:
        """Return events in log order, only such as no older commit can still precede."""
        rows = await self._reader.query(
            "event_forward", {"xid": str(after.xid), "position": after.position, "limit": limit}
        )
        return [_event_row(row) for row in rows]

    async def between(self, merchant_id: str, after: Cursor, end: Cursor) -> Sequence[EventRow]:
        """Return a merchant's events of a stretch of the log, its end included."""
        rows = await self._reader.query(
            "event_between",
            {
                "merchant_id": merchant_id, "xid": str(after.xid), "position": after.position,
                "end_xid": str(end.xid), "end_position": end.position,
            },
        )  # fmt: skip
        return [_event_row(row) for row in rows]


def _event_row(row: Row) -> EventRow:
    return EventRow(
        Cursor(int(row["xid"]), row["position"]), row["merchant_id"], row["id"],
        row["type"], row["object_id"], row["created"], bytes(row["body"]),
    )  # fmt: skip


def _meant(type: str) -> list[str]:
    """Return the types that one names; `charge.*` is every type that begins like it."""
    if not type.endswith("*"):
        return [type]
    return [name for name in RECORDED if name.startswith(type[:-1])]


def _missing(event_id: str, param: str) -> Refusal:
    return Refusal(Code.RESOURCE_MISSING, f"No such event: '{shown_id(event_id)}'", param=param)
