"""Fanning out: each event in the log becomes one delivery per endpoint that wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Claim, Committed, Lane, RowVersion, Taken, Unit, Update
from hazina.db.writer import Writer
from hazina.events.service import Cursor, EventRow, Events
from hazina.ids import moment_of
from hazina.webhooks.endpoint import wants

_CURSOR = "webhook_cursor"
_CURSOR_KEY = ("fan_out",)
_DELIVERY = "webhook_delivery"
_ROWS_PER_UNIT_MAX = 256
_FEW = 8


class FanOut:
    """What must be delivered is a row beside the event; every queue is derived from the rows."""

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        events: Events,
        clock: Clock,
        made: Callable[[], None] = lambda: None,
    ) -> None:
        """`made` is called when deliveries have become durable."""
        self._reader = reader
        self._writer = writer
        self._events = events
        self._clock = clock
        self._made = made
        self._row: Row | None = None
        self._reached: Cursor | None = None
        """How far this worker has come, if that is not written down yet."""
        self._anybody = False
        """Whether the last events were wanted; if not, it is asked first whether any could be."""
        self.trickling = False
        """Whether few events came last, and somebody wanted some of them: look soon again."""

    async def step(self, limit: int) -> int:
        """Make the delivery rows of the next events in the log; return how many events were read.

        Rows are claimed before the cursor moves and their key is (endpoint, event): workers that do
        the same at once, or again after a crash, change nothing.
        """
        start = await self._start()
        if not self._anybody:
            end = await self._end_of_log(start)
            if end is None:
                await self._catch_up()
                return 0
            # The end was read first: an endpoint made since then has nothing to hear of before it.
            self._anybody = bool(await self._enabled(None, limit=1))
            if not self._anybody:
                self._reached = end
                await self._catch_up()
                return 0
        events = await self._events.forward(start, limit)
        if not events:
            await self._catch_up()
            return 0
        # How far the last step came is written down along with this step's rows, in one batch.
        self._anybody, _ = await asyncio.gather(self.make(events), self._catch_up())
        self.trickling = self._anybody and len(events) <= _FEW
        self._reached = events[-1].cursor
        return len(events)

    async def make(self, events: Sequence[EventRow]) -> bool:
        """Make the delivery rows that these events lack; return whether anybody wants any."""
        merchants = sorted({event.merchant_id for event in events})
        by_merchant: dict[str, list[dict[str, object]]] = {}
        for endpoint in await self._enabled(merchants, limit=None):
            by_merchant.setdefault(str(endpoint["event_merchant"]), []).append(endpoint)
        now = self._clock.now()
        rows: dict[str, list[Row]] = {}
        for event in events:
            # A test clock may be far behind; when it was really recorded its id tells.
            recorded = max(event.created, moment_of(event.id))
            for endpoint in by_merchant.get(event.merchant_id, ()):
                if wants(endpoint, event.type, recorded):
                    owner = str(endpoint["merchant_id"])
                    made = new_delivery(
                        owner, str(endpoint["id"]), event.id, event.cursor.position, now,
                        _other(endpoint),
                    )  # fmt: skip
                    rows.setdefault(owner, []).append(made)
        parts = (
            (owner, wanted[first : first + _ROWS_PER_UNIT_MAX])
            for owner, wanted in rows.items()
            for first in range(0, len(wanted), _ROWS_PER_UNIT_MAX)
        )
        await asyncio.gather(*(self._claim(owner, part) for owner, part in parts))
        if rows:
            self._made()
        return bool(rows)

    async def _claim(self, owner: str, rows: Sequence[Row]) -> None:
        """Claim rows at once; one by one if somebody has made some of them."""
        claims = tuple(Claim(_DELIVERY, row) for row in rows)
        unit = Unit(owner, claims=claims, lane=Lane.BULK)
        if isinstance(await self._writer.submit(unit), Taken):
            singles = (Unit(owner, claims=(one,), lane=Lane.BULK) for one in claims)
            await asyncio.gather(*(self._writer.submit(single) for single in singles))

    async def _start(self) -> Cursor:
        """Return from where to read: as far as this worker came, or whoever wrote down more."""
        if self._reached is not None:
            return self._reached
        self._row = row = await self._cursor()
        return Cursor(int(row["xid"]), row["position"])

    async def _catch_up(self) -> None:
        """Write down how far this worker had come, unless another has come further."""
        reached, row = self._reached, self._row
        if reached is None or row is None:
            return
        changes = {"xid": reached.xid, "position": reached.position}
        if await self._advance(row, reached):
            self._row = {**row, **changes, "version": row["version"] + 1}
        else:
            self._row = found = await self._cursor()
            theirs = Cursor(int(found["xid"]), found["position"])
            if _before(theirs, reached):
                return
        if self._reached == reached:
            self._reached = None

    async def _cursor(self) -> Row:
        row = await self._reader.get(_CURSOR, _CURSOR_KEY)
        if row is None:
            first = {"name": _CURSOR_KEY[0], "xid": 0, "position": 0}
            unit = Unit("", claims=(Claim(_CURSOR, first),), lane=Lane.BULK)
            await self._writer.submit(unit)
            row = await self._reader.get(_CURSOR, _CURSOR_KEY)
        assert row is not None, "a cursor that was claimed exists"
        return row

    async def _end_of_log(self, start: Cursor) -> Cursor | None:
        rows = await self._reader.query(
            "webhook_log_end", {"xid": str(start.xid), "position": start.position}
        )
        return Cursor(int(rows[0]["xid"]), rows[0]["position"]) if rows else None

    async def _enabled(
        self, merchants: list[str] | None, limit: int | None
    ) -> list[dict[str, object]]:
        rows = await self._reader.query(
            "webhook_endpoints_enabled", {"merchants": merchants, "limit": limit}
        )
        return [dict(row) for row in rows]

    async def _advance(self, row: Row, to: Cursor) -> bool:
        version = row["version"]
        changes = {"xid": to.xid, "position": to.position}
        unit = Unit(
            "",
            relies_on=(RowVersion(_CURSOR, _CURSOR_KEY, version),),
            writes=(Update(_CURSOR, _CURSOR_KEY, version, changes),),
            lane=Lane.BULK,
        )
        return isinstance(await self._writer.submit(unit), Committed)


def new_delivery(
    merchant_id: str,
    endpoint: str,
    event_id: str,
    position: int,
    created: datetime,
    event_merchant: str | None,
) -> Row:
    """Return a delivery that is due at once.

    `event_merchant` is set where the event stands in the log of another merchant, a connected one.
    """
    return {
        "merchant_id": merchant_id, "endpoint": endpoint, "event_id": event_id,
        "position": position, "state": "pending", "attempts": 0, "next_at": 0,
        "last_status": None, "created": created, "event_merchant": event_merchant,
    }  # fmt: skip


def _before(one: Cursor, other: Cursor) -> bool:
    return (one.xid, one.position) < (other.xid, other.position)


def _other(endpoint: Mapping[str, object]) -> str | None:
    """Return in whose log the event stands, where that is not the endpoint's own merchant."""
    theirs = str(endpoint["event_merchant"])
    return None if theirs == endpoint["merchant_id"] else theirs
