"""How an endpoint fares over days: failing since when, and disabled when that lasts too long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Committed, Insert, RowVersion, Unit, Update
from hazina.db.writer import Writer
from hazina.events.service import record
from hazina.ids import Ids
from hazina.webhooks.view import endpoint_view

_TABLE = "webhook_endpoint"
DISABLE_AFTER_MS = 5 * 24 * 3_600_000

Reason = Literal["failing", "gone"]


@dataclass(frozen=True, slots=True)
class Disabled:
    """An endpoint that we have disabled, for whoever tells its merchant."""

    merchant_id: str
    endpoint: str
    url: str
    reason: Reason


Notice = Callable[[Disabled], Awaitable[None]]
"""Tells a merchant by another way than webhooks, such as a mail. It may fail; the event stays."""


class EndpointHealth:
    """Notes when an endpoint begins and ends to fail, and disables it after days, or when it asks.

    The rows of endpoints are written only when something changes, not at each attempt.
    """

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        clock: Clock,
        ids: Ids,
        notice: Notice,
        disable_after_ms: int = DISABLE_AFTER_MS,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._ids = ids
        self._notice = notice
        self._disable_after = timedelta(milliseconds=disable_after_ms)

    def too_long(self, failing_since: datetime, now: datetime) -> bool:
        """Say whether an endpoint has failed for so long that it is disabled."""
        return now - failing_since >= self._disable_after

    async def failed(self, merchant_id: str, endpoint: str) -> None:
        """Note that an attempt failed: the first of them, or one too many."""
        row = await self._enabled(merchant_id, endpoint)
        if row is None:
            return
        now = self._clock.now()
        if row["failing_since"] is None:
            await self._change(row, {"failing_since": now}, ())
        elif self.too_long(row["failing_since"], now):
            await self._disable(row, "failing")

    async def succeeded(self, merchant_id: str, endpoint: str) -> None:
        """Note that the endpoint takes webhooks again."""
        row = await self._enabled(merchant_id, endpoint)
        if row is not None and row["failing_since"] is not None:
            await self._change(row, {"failing_since": None}, ())

    async def gone(self, merchant_id: str, endpoint: str) -> None:
        """Disable an endpoint that answered 410: it wants nothing any more."""
        row = await self._enabled(merchant_id, endpoint)
        if row is not None:
            await self._disable(row, "gone")

    async def _disable(self, row: Row, reason: Reason) -> None:
        changes = {"status": "disabled", "disabled_reason": reason}
        merchant_id, livemode = row["merchant_id"], row["merchant_id"].endswith("_live")
        event = record(
            merchant_id=merchant_id, livemode=livemode, event_id=self._ids.new("evt"),
            type="hazina.webhook_endpoint.disabled",
            object_view=endpoint_view({**row, **changes}, livemode=livemode),
            object_id=row["id"], sequence=row["version"] + 1, created=self._clock.now(),
        )  # fmt: skip
        if await self._change(row, changes, (event,)):
            await self._notice(Disabled(merchant_id, row["id"], row["url"], reason))

    async def _enabled(self, merchant_id: str, endpoint: str) -> Row | None:
        row = await self._reader.get(_TABLE, (merchant_id, endpoint))
        return row if row is not None and row["status"] == "enabled" else None

    async def _change(self, row: Row, changes: dict[str, Any], more: tuple[Insert, ...]) -> bool:
        """Write a change; somebody else's meanwhile wins, and the next attempt tells anew."""
        key, version = (row["merchant_id"], row["id"]), row["version"]
        unit = Unit(
            row["merchant_id"],
            relies_on=(RowVersion(_TABLE, key, version),),
            writes=(Update(_TABLE, key, version, changes), *more),
        )
        return isinstance(await self._writer.submit(unit), Committed)
