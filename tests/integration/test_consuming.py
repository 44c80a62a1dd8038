"""The consumer kit on PostgreSQL: one effect per record, and poison that stands in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from hazina.clock import SystemClock
from hazina.consuming.record import Consumed, Effect, consumed
from hazina.consuming.service import Applying, ConsumingSettings
from hazina.db.pooled import PooledReader
from hazina.db.writer import Writer
from hazina.reports.daily_totals import DailyTotals, totals
from tests.support.charge_events import charge_event
from tests.support.relays import parts_over

_QUICK = ConsumingSettings(wait_ms=10, decide_ms=500)


def _applying(reader: PooledReader, writer: Writer, handler: Any) -> Applying:
    return Applying(
        reader=reader, writer=writer, clock=SystemClock(), handler=handler, settings=_QUICK
    )


async def test_two_processes_that_are_brought_the_same_records_apply_each_once(
    fresh_database_url: str,
) -> None:
    records = [
        charge_event(n, charge=f"ch_{n}", captured=10, merchant=f"acct_{n % 3}_test")
        for n in range(1, 121)
    ]
    async with parts_over(fresh_database_url) as one, parts_over(fresh_database_url) as other:
        first, second = (_applying(*parts, DailyTotals(parts[0])) for parts in (one, other))

        counts = await asyncio.gather(
            first.apply(records), second.apply(list(reversed(records))), first.apply(records[:60])
        )

        rows = await totals(one[0], None, None, None)
    assert sum(counts) == 120
    assert [(row["charges"], row["captured"]) for row in rows] == [(40, 400)] * 3


class _Fickle(DailyTotals):
    """Fails on some records until it is mended; then it passes over what nobody can count."""

    mended = False
    hopeless: frozenset[str] = frozenset()

    def lane(self, record: Consumed) -> str:
        return "" if self.mended and record.id in self.hopeless else super().lane(record)

    async def decide(self, records: Sequence[Consumed]) -> Effect:
        if self.mended:
            records = [record for record in records if record.id not in self.hopeless]
            return await super().decide(records) if records else Effect()
        if any(record.object_id == "ch_bug" for record in records):
            raise RuntimeError("a bug of the handler's")
        if any(record.object_id == "ch_hang" for record in records):
            await asyncio.Event().wait()
        return await super().decide(records)


def _poison() -> dict[str, Consumed]:
    sound = charge_event(900, charge="ch_900")
    return {
        "not JSON": consumed({**sound.headers, "ce_id": "evt_a"}, b"\xff{", "t/0/1"),
        "another shape": consumed({**sound.headers, "ce_id": "evt_b"}, b'{"data":[]}', "t/0/2"),
        "no headers": consumed({}, sound.body, "t/0/3"),
        "a bug": charge_event(904, charge="ch_bug"),
        "beyond the column": charge_event(905, charge="ch_905", captured=2**63 - 1),
        "no end": charge_event(906, charge="ch_hang"),
    }


@pytest.mark.timeout(60)
async def test_six_kinds_of_poison_are_quarantined_while_their_neighbours_go_on(
    fresh_database_url: str,
) -> None:
    poison = _poison()
    sound = [charge_event(n, charge=f"ch_{n}", captured=1) for n in range(1, 41)]
    mixed = [*sound[:10], *poison.values(), *sound[10:]]
    async with parts_over(fresh_database_url) as (reader, writer):
        handler = _Fickle(reader)
        applying = _applying(reader, writer, handler)

        assert await applying.apply(mixed) == 40

        (row,) = await totals(reader, None, None, None)
        assert row["captured"] == 40
        for _ in range(400):
            await applying.retry_due()
            if len(await applying.parked("quarantined")) == 6:
                break
            await asyncio.sleep(0.02)
        rows = await applying.parked()
        assert {row["state"] for row in rows} == {"quarantined"}
        assert {row["tries"] for row in rows} == {5}
        assert {row["event_id"]: row["reason"] for row in rows} == {
            "evt_a": "the value is not JSON",
            "evt_b": "the value is not an event",
            "t/0/3": "the header ce_merchantid is missing",
            poison["a bug"].id: "RuntimeError while it was applied",
            poison["beyond the column"].id: "Quarantined while it was applied",
            poison["no end"].id: "the handler does not get done with it",
        }
        assert await applying.apply(mixed) == 0

        handler.hopeless = frozenset(
            one.id for kind, one in poison.items() if kind not in ("a bug", "no end")
        )
        handler.mended = True
        assert await applying.replay() == 6

        (row,) = await totals(reader, None, None, None)
        assert row["captured"] == 2040
        assert await applying.parked() == []


async def test_nothing_is_parked_while_the_database_is_away(fresh_database_url: str) -> None:
    async with parts_over(fresh_database_url) as (reader, writer):
        applying = _applying(reader, writer, _Away(reader))

        with pytest.raises(psycopg.OperationalError):
            await applying.apply([charge_event(1)])

        assert await applying.parked() == []


class _Away(DailyTotals):
    async def decide(self, records: Sequence[Consumed]) -> Effect:
        raise psycopg.OperationalError("the database is away")


async def test_what_was_applied_long_ago_is_forgotten(fresh_database_url: str) -> None:
    async with parts_over(fresh_database_url) as (reader, writer):
        applying = _applying(reader, writer, DailyTotals(reader))
        await applying.apply([charge_event(1), charge_event(2, charge="ch_2")])
        with psycopg.connect(fresh_database_url, row_factory=dict_row) as connection:
            connection.execute(
                "UPDATE consumed SET applied = applied - interval '31 days' WHERE event_id = %s",
                (charge_event(1).id,),
            )

        assert await applying.purge() == 1

        with psycopg.connect(fresh_database_url) as connection:
            rows = connection.execute("SELECT event_id FROM consumed").fetchall()
    assert rows == [(charge_event(2).id,)]
