"""Daily totals of a merchant: what was captured and refunded on each day, per currency."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hazina.consuming.record import Consumed, Effect, Poison
from hazina.db.reader import Reader
from hazina.db.table import Key, Row
from hazina.db.unit import Claim, RowVersion, Update
from hazina.values import value

_CHARGE = "daily_charge"
_TOTAL = "daily_total"
_COUNTED = ("charges", "captured", "refunds", "refunded")
_TYPES = frozenset(
    [
        "charge.captured",
        "charge.expired",
        "charge.failed",
        "charge.pending",
        "charge.refunded",
        "charge.succeeded",
        "charge.updated",
    ]
)


@value
class _State:
    """What a charge came to at one sequence, and when that happened."""

    charge: str
    sequence: int
    captured: int
    refunded: int
    day: str
    currency: str


@dataclass(slots=True)
class _Sums:
    """Rows as they are loaded, and as they are to be."""

    rows: dict[Key, Row | None]
    changed: dict[Key, dict[str, Any]] = field(default_factory=dict)

    def now(self, key: Key) -> Mapping[str, Any]:
        return self.changed.get(key) or self.rows.get(key) or {}

    def add(self, key: Key, **amounts: int) -> None:
        known = self.now(key)
        self.changed[key] = {name: known.get(name, 0) + amounts.get(name, 0) for name in _COUNTED}


class DailyTotals:
    """Adds up charges by the difference to what each of them had come to before.

    So an event that comes late, or never, is made good by the next one of its charge: a younger
    state replaces an older one. Days are UTC, and are those of the event that told of the change.
    """

    name = "daily_totals"

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def wants(self, event_type: str) -> bool:
        """Say whether events of a type are for it; a record without a type is looked into."""
        return event_type in _TYPES or not event_type

    def lane(self, record: Consumed) -> str:
        """Return the merchant: its totals are written by one unit at a time."""
        return record.merchant_id

    async def decide(self, records: Sequence[Consumed]) -> Effect:
        """Return what these events of one merchant change."""
        merchant_id = records[0].merchant_id
        states = [_state(record) for record in records]
        charges = _Sums(await self._load(_CHARGE, [(merchant_id, s.charge) for s in states]))
        totals = _Sums(await self._load(_TOTAL, [(merchant_id, s.day, s.currency) for s in states]))
        for state in states:
            _count(merchant_id, state, charges, totals)
        claims, relied, updates = [], [], []
        for table, sums, names in (
            (_CHARGE, charges, ("merchant_id", "charge")),
            (_TOTAL, totals, ("merchant_id", "day", "currency")),
        ):
            for key, changes in sums.changed.items():
                row = sums.rows[key]
                if row is None:
                    claims.append(Claim(table, dict(zip(names, key, strict=True)) | changes))
                else:
                    relied.append(RowVersion(table, key, row["version"]))
                    updates.append(Update(table, key, row["version"], changes))
        return Effect(merchant_id, tuple(claims), tuple(relied), tuple(updates))

    async def _load(self, table: str, keys: Sequence[Key]) -> dict[Key, Row | None]:
        wanted = list(dict.fromkeys(keys))
        found = await asyncio.gather(*(self._reader.get(table, key) for key in wanted))
        return dict(zip(wanted, found, strict=True))


async def totals(
    reader: Reader, merchant_id: str | None, first: str | None, last: str | None, limit: int = 1_000
) -> Sequence[Row]:
    """Return totals by merchant, day and currency; bounds are days, inclusive."""
    given = {"merchant_id": merchant_id, "first": first, "last": last, "limit": limit}
    return await reader.query("daily_totals", given)


def _count(merchant_id: str, state: _State, charges: _Sums, totals: _Sums) -> None:
    key = (merchant_id, state.charge)
    known = charges.now(key)
    if state.sequence <= known.get("sequence", 0):
        return  # What is known already is at least as young.
    captured, refunded = known.get("captured", 0), known.get("refunded", 0)
    charges.changed[key] = {
        "sequence": state.sequence, "captured": state.captured, "refunded": state.refunded,
    }  # fmt: skip
    if (state.captured, state.refunded) == (captured, refunded):
        return
    totals.add(
        (merchant_id, state.day, state.currency),
        charges=int(state.captured > 0 and captured == 0),
        captured=state.captured - captured,
        refunds=int(state.refunded > refunded),
        refunded=state.refunded - refunded,
    )


def _state(record: Consumed) -> _State:
    event = record.event()
    charge = event["data"].get("object")
    if not isinstance(charge, dict) or charge.get("object") != "charge":
        raise Poison("data.object is not a charge")
    currency = charge.get("currency")
    if not isinstance(currency, str) or len(currency) != 3:
        raise Poison("data.object.currency is no currency")
    created = event.get("created")
    if type(created) is not int or not 0 <= created < 253_402_300_800:
        raise Poison("created is no moment")
    day = datetime.fromtimestamp(created, UTC).date().isoformat()
    return _State(
        record.object_id, record.sequence, _amount(charge, "amount_captured"),
        _amount(charge, "amount_refunded"), day, currency,
    )  # fmt: skip


def _amount(charge: Mapping[str, Any], name: str) -> int:
    found = charge.get(name)
    if type(found) is not int or found < 0:
        raise Poison(f"data.object.{name} is no amount")
    return found
