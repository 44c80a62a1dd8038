"""The young end of the event log, read once for all who follow it."""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import structlog

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.events.service import Cursor, EventRow, Events
from hazina.refusals import Code, Refusal, shown_id
from hazina.values import value

_log = structlog.get_logger("hazina.events")
_POLL_MS = 200
_PAUSE_MS = 2_000
_KEPT_MAX = 5_000
_STRETCH = 2_000
_FOLLOWERS_MAX = 1_000
_FOLLOWERS_PER_MERCHANT_MAX = 25
_PLACE = re.compile(r"log_([0-9]{1,20})_([0-9]{1,20})")
_NUMBER_MAX = 2**63 - 1


@value
class Stretch:
    """Some events that somebody follows, and how far the log was looked through for them."""

    events: Sequence[EventRow]
    end: Cursor
    more: bool


class LogTail:
    """Follows the log while anybody wants it, and keeps the youngest events in memory.

    So a thousand followers cost one query per look. Who is further behind reads stretches of the
    log itself, in the same order.
    """

    def __init__(self, reader: Reader, events: Events, clock: Clock) -> None:
        self._reader = reader
        self._events = events
        self._clock = clock
        self._kept: list[EventRow] = []
        self._start: Cursor | None = None
        self._end = Cursor()
        self._followers: dict[str, int] = {}
        self._looking: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.ending = False
        """Whether those who follow are to end."""

    @contextmanager
    def followed(self, merchant_id: str) -> Iterator[None]:
        """Follow until the block ends. Refuses `rate_limit` when too many do."""
        count = self._followers.get(merchant_id, 0)
        total = sum(self._followers.values())
        if count >= _FOLLOWERS_PER_MERCHANT_MAX or total >= _FOLLOWERS_MAX:
            raise Refusal(
                Code.RATE_LIMIT, "Too many streams of events are open; close one and try again."
            )
        self._followers[merchant_id] = count + 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="log tail")
        try:
            yield
        finally:
            self._followers[merchant_id] -= 1
            if not self._followers[merchant_id]:
                del self._followers[merchant_id]

    async def place(self, merchant_id: str, event_id: str | None) -> Cursor:
        """Return where an event stands, or the log's end. Refuses `resource_missing`.

        Instead of an event's id it may be what `named` returned.
        """
        if event_id is None:
            return await self._log_end()
        if named := _PLACE.fullmatch(event_id):
            return Cursor(*(min(int(number), _NUMBER_MAX) for number in named.groups()))
        rows = await self._reader.query("event_place", {"merchant_id": merchant_id, "id": event_id})
        if not rows:
            raise Refusal(
                Code.RESOURCE_MISSING, f"No such event: '{shown_id(event_id)}'", param="after"
            )
        return Cursor(int(rows[0]["xid"]), rows[0]["position"])

    async def after(
        self, at: Cursor, merchant_id: str, types: Sequence[str] | None, *, recent: bool
    ) -> Stretch:
        """Return a merchant's events behind a place, of some types or all.

        `recent` is enough for those who come again: what is in memory is a moment behind the log.
        """
        if recent and self._start is not None and _key(at) >= _key(self._start):
            found = self._kept[bisect_right(self._kept, _key(at), key=_key_of) :]
            end = found[-1].cursor if found else at
            wanted = [one for one in found if one.merchant_id == merchant_id]
            return Stretch(_of_types(wanted, types), end, False)
        given = {"xid": str(at.xid), "position": at.position, "limit": _STRETCH}
        ends = await self._reader.query("event_stretch_end", given)
        if not ends:
            return Stretch((), at, False)
        end = Cursor(int(ends[0]["xid"]), ends[0]["position"])
        rows = await self._events.between(merchant_id, at, end)
        return Stretch(_of_types(rows, types), end, ends[0]["count"] >= _STRETCH)

    async def news(self, within_ms: int) -> None:
        """Wait until there is something new, for a bounded time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_ms / 1000):
                await self._news.wait()

    def let_go(self) -> None:
        """Have all who follow end soon: the process is about to."""
        self.ending = True
        self._news.set()

    async def close(self) -> None:
        """Stop looking."""
        self.let_go()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        """Look until nobody follows any more."""
        self._kept = []
        self._start = self._end = await self._log_end()
        while self._followers and not self.ending:
            try:
                found = await self._events.forward(self._end, _KEPT_MAX)
            except Exception as problem:
                _log.warning("log_tail_waits", problem=type(problem).__name__)
                await self._clock.sleep_ms(_PAUSE_MS)
                continue
            if found:
                self._keep(found)
            await self._clock.sleep_ms(_POLL_MS)
        self._kept, self._start = [], None

    def _keep(self, found: Sequence[EventRow]) -> None:
        self._kept.extend(found)
        self._end = found[-1].cursor
        surplus = len(self._kept) - _KEPT_MAX
        if surplus > 0:
            self._start = self._kept[surplus - 1].cursor
            del self._kept[:surplus]
        self._news.set()
        self._news = asyncio.Event()

    async def _log_end(self) -> Cursor:
        rows = await self._reader.query("event_log_end", {})
        return Cursor(int(rows[0]["xid"]), rows[0]["position"]) if rows else Cursor()


def named(at: Cursor) -> str:
    """Return a place in the log as a word, for those who have seen no event yet."""
    return f"log_{at.xid}_{at.position}"


def _key(cursor: Cursor) -> tuple[int, int]:
    return (cursor.xid, cursor.position)


def _key_of(event: EventRow) -> tuple[int, int]:
    return _key(event.cursor)


def _of_types(events: Sequence[EventRow], types: Sequence[str] | None) -> Sequence[EventRow]:
    return events if types is None else [one for one in events if one.type in types]
