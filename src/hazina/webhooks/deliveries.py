"""One door to deliveries: fan events out to endpoints, take what is due, settle what was tried."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Claim, Committed, Lane, RowVersion, Unit, Update
from hazina.db.writer import Writer
from hazina.events.service import Cursor, EventRow, Events
from hazina.ids import Ids
from hazina.webhooks.delivery import Attempt, Next, Schedule, after
from hazina.webhooks.endpoint import wants

_CURSOR = "webhook_cursor"
_CURSOR_KEY = ("fan_out",)
_DELIVERY = "webhook_delivery"
_ENDPOINTS_AT_ONCE_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Due:
    """One delivery to attempt: where to, signed with what, and the event's stored bytes."""

    merchant_id: str
    endpoint: str
    event_id: str
    attempts: int
    version: int
    url: str
    secret: str
    body: bytes

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.merchant_id, self.endpoint, self.event_id)


class WebhookDeliveries:
    """What must be delivered is a row beside the event; every queue is derived from the rows."""

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        events: Events,
        clock: Clock,
        ids: Ids,
        schedule: Schedule | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._events = events
        self._clock = clock
        self._ids = ids
        self._schedule = schedule or Schedule()

    async def fan_out(self, limit: int) -> int:
        """Make the delivery rows of the next events in the log; return how many events were read.

        Rows are claimed before the cursor moves and their key is (endpoint, event): workers that do
        the same at once, or again after a crash, change nothing.
        """
        row = await self._cursor()
        start = Cursor(int(row["xid"]), row["position"])
        end = await self._end_of_log(start)
        if end is None:
            return 0
        if not await self._enabled(None, limit=1):
            # The end was read first: an endpoint made since then has nothing to hear of before it.
            await self._advance(row, end)
            return 0
        events = await self._events.forward(start, limit)
        if not events:
            return 0
        await self.make(events)
        await self._advance(row, events[-1].cursor)
        return len(events)

    async def make(self, events: Sequence[EventRow]) -> None:
        """Make the delivery rows that these events lack; those that exist stay as they are."""
        merchants = sorted({event.merchant_id for event in events})
        by_merchant: dict[str, list[dict[str, object]]] = {}
        for endpoint in await self._enabled(merchants, limit=_ENDPOINTS_AT_ONCE_MAX):
            by_merchant.setdefault(str(endpoint["event_merchant"]), []).append(endpoint)
        now = self._clock.now()
        units = [
            Unit(
                str(endpoint["merchant_id"]),
                claims=(
                    Claim(
                        _DELIVERY,
                        {
                            "merchant_id": endpoint["merchant_id"], "endpoint": endpoint["id"],
                            "event_id": event.id, "position": event.cursor.position,
                            "state": "pending", "attempts": 0, "next_at": 0, "last_status": None,
                            "created": now, "event_merchant": _other(endpoint),
                        },
                    ),
                ),
                lane=Lane.BULK,
            )
            for event in events
            for endpoint in by_merchant.get(event.merchant_id, ())
            if wants(endpoint, event.type, event.created)
        ]  # fmt: skip
        await asyncio.gather(*(self._writer.submit(unit) for unit in units))

    async def due(self, per_endpoint: int, busy: Sequence[str]) -> list[Due]:
        """Return deliveries whose time has come, a few for each endpoint that is not busy."""
        rows = await self._reader.query(
            "webhook_deliveries_due", {"per_endpoint": per_endpoint, "busy": list(busy)}
        )
        return [
            Due(
                row["merchant_id"], row["endpoint"], row["event_id"], row["attempts"],
                row["version"], row["url"], row["secret"], _body(row),
            )
            for row in rows
        ]  # fmt: skip

    async def take(self, due: Due, lease_ms: int) -> Due | None:
        """Count an attempt and keep others off it for a while; None if somebody else was first."""
        changes = {"attempts": due.attempts + 1, "next_at": lease_ms}
        if not await self._update(due, changes):
            return None
        return Due(
            due.merchant_id, due.endpoint, due.event_id, due.attempts + 1, due.version + 1,
            due.url, due.secret, due.body,
        )  # fmt: skip

    async def settle(self, taken: Due, attempt: Attempt) -> Next:
        """Write down what an attempt came to; nothing, if the lease was lost meanwhile."""
        next_state = after(attempt, taken.attempts, self._schedule, self._ids.jitter(1_000))
        changes = {
            "state": next_state.state, "next_at": next_state.delay_ms, "last_status": attempt.word,
        }  # fmt: skip
        await self._update(taken, changes)
        return next_state

    async def counts(self, merchant_id: str, endpoint: str) -> dict[str, int]:
        """Return how many deliveries of an endpoint are in each state."""
        rows = await self._reader.query(
            "webhook_deliveries_count", {"merchant_id": merchant_id, "endpoint": endpoint}
        )
        return {row["state"]: row["count"] for row in rows}

    async def _cursor(self) -> Row:
        row = await self._reader.get(_CURSOR, _CURSOR_KEY)
        if row is None:
            first = {"name": _CURSOR_KEY[0], "xid": 0, "position": 0}
            await self._writer.submit(Unit("", claims=(Claim(_CURSOR, first),), lane=Lane.BULK))
            row = await self._reader.get(_CURSOR, _CURSOR_KEY)
        assert row is not None, "a cursor that was claimed exists"
        return row

    async def _end_of_log(self, start: Cursor) -> Cursor | None:
        rows = await self._reader.query(
            "webhook_log_end", {"xid": str(start.xid), "position": start.position}
        )
        return Cursor(int(rows[0]["xid"]), rows[0]["position"]) if rows else None

    async def _enabled(self, merchants: list[str] | None, limit: int) -> list[dict[str, object]]:
        rows = await self._reader.query(
            "webhook_endpoints_enabled", {"merchants": merchants, "limit": limit}
        )
        return [dict(row) for row in rows]

    async def _advance(self, row: Row, to: Cursor) -> None:
        version = row["version"]
        changes = {"xid": to.xid, "position": to.position}
        unit = Unit(
            "",
            relies_on=(RowVersion(_CURSOR, _CURSOR_KEY, version),),
            writes=(Update(_CURSOR, _CURSOR_KEY, version, changes),),
            lane=Lane.BULK,
        )
        await self._writer.submit(unit)

    async def _update(self, due: Due, changes: Mapping[str, object]) -> bool:
        unit = Unit(
            due.merchant_id,
            relies_on=(RowVersion(_DELIVERY, due.key, due.version),),
            writes=(Update(_DELIVERY, due.key, due.version, changes),),
            lane=Lane.BULK,
        )
        return isinstance(await self._writer.submit(unit), Committed)


def _other(endpoint: Mapping[str, object]) -> object:
    """Return in whose log the event stands, where that is not the endpoint's own merchant."""
    theirs = endpoint["event_merchant"]
    return None if theirs == endpoint["merchant_id"] else theirs


def _body(row: Row) -> bytes:
    """Return the event's stored bytes; a platform is also told which account it is about."""
    body = bytes(row["body"])
    if row["account"] is None:
        return body
    return b'{"account":"%b",%b' % (row["account"].encode(), body[1:])
