"""Daily totals add up, in whatever order and however often a charge's events come."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from hazina.clock import SystemClock
from hazina.consuming import tables as consuming_tables
from hazina.consuming.record import Consumed, Poison
from hazina.consuming.service import Applying
from hazina.db.memory import MemoryReader, MemoryStore
from hazina.db.table import Row, Schema
from hazina.db.writer import Writer
from hazina.reports import tables
from hazina.reports.daily_totals import DailyTotals
from tests.support.charge_events import charge_event

_SCHEMA = Schema(tables.TABLES + consuming_tables.TABLES)
_LIFE = (
    charge_event(1, sequence=1, captured=0, type="charge.succeeded"),
    charge_event(2, sequence=2, captured=900, type="charge.captured", day=1),
    charge_event(3, sequence=3, captured=900, refunded=200, type="charge.refunded", day=1),
    charge_event(4, sequence=4, captured=900, refunded=500, type="charge.refunded", day=2),
)


def _known(store: MemoryStore, given: Any) -> Sequence[Row]:
    keys = store.tables["consumed"]
    return [{"event_id": one} for one in given["ids"] if (given["consumer"], one) in keys]


async def _totals(stretches: Sequence[Sequence[Consumed]]) -> list[dict[str, Any]]:
    clock = SystemClock()
    store = MemoryStore(_SCHEMA, clock=clock)
    reader = MemoryReader(store, {"consumed_known": _known})
    writer = Writer(store, clock)
    await writer.start()
    handler = DailyTotals(reader)
    applying = Applying(reader=reader, writer=writer, clock=clock, handler=handler)
    for records in stretches:
        await applying.apply(records)
    await writer.close()
    assert store.tables["parked_record"] == {}
    return [dict(row) for _, row in sorted(store.tables["daily_total"].items())]


def _sum(rows: list[dict[str, Any]], name: str) -> int:
    return sum(row[name] for row in rows)


async def test_what_was_captured_and_refunded_stands_on_the_day_of_the_event() -> None:
    rows = await _totals([_LIFE])

    shown = [(r["day"], r["charges"], r["captured"], r["refunds"], r["refunded"]) for r in rows]
    assert shown == [("2026-01-02", 1, 900, 1, 200), ("2026-01-03", 0, 0, 1, 300)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
async def test_the_sums_are_the_same_in_every_order_with_repetitions(
    order: tuple[int, ...],
) -> None:
    records = [_LIFE[place] for place in order]

    rows = await _totals([[record] for record in records] + [records])

    assert (_sum(rows, "charges"), _sum(rows, "captured"), _sum(rows, "refunded")) == (1, 900, 500)


async def test_currencies_and_merchants_are_kept_apart() -> None:
    rows = await _totals(
        [
            [
                charge_event(1, charge="ch_1", captured=5),
                charge_event(2, charge="ch_2", captured=7, currency="usd"),
                charge_event(3, charge="ch_3", captured=9, merchant="acct_other_test"),
                charge_event(4, charge="ch_4", captured=1),
            ]
        ]
    )

    found = {(r["merchant_id"], r["currency"]): (r["charges"], r["captured"]) for r in rows}
    assert found == {
        ("acct_duka_test", "kes"): (2, 6),
        ("acct_duka_test", "usd"): (1, 7),
        ("acct_other_test", "kes"): (1, 9),
    }


@pytest.mark.parametrize(
    "odd",
    [
        {"amount_captured": -1},
        {"amount_captured": 1.5},
        {"amount_refunded": "12"},
        {"amount_captured": True},
        {"currency": None},
        {"object": "customer"},
    ],
    ids=str,
)
async def test_a_charge_that_makes_no_sense_is_poison(odd: dict[str, Any]) -> None:
    reader = MemoryReader(MemoryStore(_SCHEMA))

    with pytest.raises(Poison):
        await DailyTotals(reader).decide([charge_event(1, **odd)])
