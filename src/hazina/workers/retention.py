"""Retention: what is over is deleted after some days, a little at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hazina.clock import Clock, unix
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Delete, Lane, RowVersion, Unit
from hazina.db.writer import Writer
from hazina.ids import first_id_of
from hazina.values import value

_ROWS_MAX = 500


@value
class KeepDays:
    """For how many days each is kept after it was over."""

    deliveries: int = 30
    """Delivered webhooks, and all attempts of theirs."""
    callbacks: int = 90
    """Callbacks that were applied."""


class Retention:
    """Deletes what nobody waits for: never what is due, failed, parked or quarantined.

    Deliveries to an endpoint that was deleted go at once, whatever became of them.
    """

    def __init__(self, reader: Reader, writer: Writer, clock: Clock, keep: KeepDays) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._keep = keep

    async def step(self) -> int:
        """Delete some of each; return how many rows that was."""
        now = self._clock.now()
        delivered = now - timedelta(days=self._keep.deliveries)
        # Attempts go first: a delivery says whether its attempts may go.
        done = await self._delete(
            "webhook_attempt", ("merchant_id", "endpoint", "event_id", "id"),
            "webhook_attempts_old", {"before": _id("wha", delivered)},
        )  # fmt: skip
        done += await self._delete(
            "webhook_delivery", ("merchant_id", "endpoint", "event_id"),
            "webhook_deliveries_old", {"before": _id("evt", delivered)},
        )  # fmt: skip
        done += await self._delete(
            "webhook_delivery", ("merchant_id", "endpoint", "event_id"),
            "webhook_deliveries_orphaned", {},
        )  # fmt: skip
        done += await self._delete(
            "inbox", ("connector", "deduplication_key"), "inbox_old",
            {"before": now - timedelta(days=self._keep.callbacks)},
        )  # fmt: skip
        return done

    async def _delete(
        self, table: str, key: Sequence[str], query: str, given: Mapping[str, Any]
    ) -> int:
        rows = await self._reader.query(query, {**given, "limit": _ROWS_MAX})
        by_merchant: dict[str, list[Row]] = {}
        for row in rows:
            by_merchant.setdefault(row.get("merchant_id", ""), []).append(row)
        for merchant_id, some in by_merchant.items():
            keys = [(tuple(row[name] for name in key), row.get("version", 0)) for row in some]
            await self._writer.submit(
                Unit(
                    merchant_id,
                    relies_on=tuple(RowVersion(table, at, version) for at, version in keys),
                    writes=tuple(Delete(table, at, version) for at, version in keys),
                    lane=Lane.BULK,
                )
            )
        return len(rows)


def _id(prefix: str, moment: datetime) -> str:
    return first_id_of(prefix, unix(moment))
