"""What both stores promise: the verdicts of a batch, and what it leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hazina.db.memory import MemoryReader, MemoryStore
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.reader import Reader
from hazina.db.unit import (
    Claim,
    Committed,
    Delete,
    Insert,
    Quarantined,
    Refused,
    RowVersion,
    Stale,
    Taken,
    Unit,
    Update,
)
from tests.support.toy import SCHEMA, Add, ToyEngine, create_tables

M = "merchant"
ACCOUNT = UUID(int=1)


@dataclass
class Stand:
    """A store with its reader."""

    store: MemoryStore | PostgresStore
    reader: Reader


@pytest.fixture(params=["memory", "postgres"])
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    if request.param == "memory":
        store = MemoryStore(SCHEMA, ToyEngine())
        yield Stand(store, MemoryReader(store))
        return
    url = request.getfixturevalue("fresh_database_url")
    create_tables(url)
    async with AsyncExitStack() as stack:
        postgres = PostgresStore(url, SCHEMA, ToyEngine())
        await postgres.open()
        stack.push_async_callback(postgres.close)
        reader = PooledReader(url, SCHEMA)
        await reader.open()
        stack.push_async_callback(reader.close)
        yield Stand(postgres, reader)


def claim(name: str, **columns: Any) -> Claim:
    return Claim("toy_claim", {"merchant_id": M, "name": name, **columns})


def insert(id: str, **columns: Any) -> Insert:
    return Insert("toy_object", {"merchant_id": M, "id": id, **columns})


def update(id: str, version: int, **changes: Any) -> Update:
    return Update("toy_object", (M, id), version, changes)


def relies(id: str, version: int) -> RowVersion:
    return RowVersion("toy_object", (M, id), version)


def changing(id: str, version: int, **changes: Any) -> Unit:
    return Unit(M, relies_on=(relies(id, version),), writes=(update(id, version, **changes),))


async def test_every_kind_of_column_comes_back_as_it_was_written(stand: Stand) -> None:
    row = {
        "merchant_id": M,
        "id": "a",
        "state": "žluťoučký",
        "amount": 2**128 - 1,
        "number": -5,
        "small": 7,
        "flag": True,
        "made_at": datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC),
        "body": {"a": [1, None, "x"], "big": 12345678901},
        "bytes": b"\x00\xff",
        "reference": UUID(int=99),
    }
    empty = dict.fromkeys(row) | {"merchant_id": M, "id": "b", "amount": 0}
    units = [Unit(M, writes=(Insert("toy_object", row), Insert("toy_object", empty)))]
    (verdict,) = await stand.store.execute(units)
    assert isinstance(verdict, Committed)
    assert await stand.reader.get("toy_object", (M, "a")) == row | {"version": 1}
    assert await stand.reader.get("toy_object", (M, "b")) == empty | {"version": 1}
    assert await stand.reader.get("toy_object", (M, "c")) is None


@pytest.mark.parametrize("amount", [0, 1, 9_999, 10_000, 123_450_000, 10**30, 10**38 + 1])
async def test_amounts_of_every_size_come_back_exactly(stand: Stand, amount: int) -> None:
    await stand.store.execute([Unit(M, writes=(insert("a", amount=amount),))])
    row = await stand.reader.get("toy_object", (M, "a"))
    assert row is not None
    assert row["amount"] == amount


async def test_second_claim_of_a_key_is_taken_in_one_batch_and_across_batches(
    stand: Stand,
) -> None:
    first, second = await stand.store.execute(
        [Unit(M, claims=(claim("k", body=1),)), Unit(M, claims=(claim("k", body=2),))]
    )
    assert isinstance(first, Committed)
    assert second == Taken(claim("k", body=2))
    (third,) = await stand.store.execute(
        [Unit(M, claims=(claim("free"), claim("k")), writes=(insert("x"),))]
    )
    assert third == Taken(claim("k"))
    assert await stand.reader.get("toy_claim", (M, "free")) is None
    assert await stand.reader.get("toy_object", (M, "x")) is None
    row = await stand.reader.get("toy_claim", (M, "k"))
    assert row is not None
    assert row["body"] == 1


async def test_claims_of_a_unit_that_fails_are_taken_back_while_neighbours_commit(
    stand: Stand,
) -> None:
    failing = Unit(M, claims=(claim("k"),), relies_on=(relies("missing", 1),))
    later = Unit(M, claims=(claim("k"),))
    other = Unit(M, claims=(claim("other"),))
    verdicts = await stand.store.execute([failing, later, other])
    assert verdicts[0] == Stale("toy_object", (M, "missing"))
    assert verdicts[1] == Stale("toy_claim", (M, "k"))
    assert isinstance(verdicts[2], Committed)
    assert await stand.reader.get("toy_claim", (M, "k")) is None
    assert isinstance((await stand.store.execute([later]))[0], Committed)


async def test_a_changed_or_missing_row_makes_a_unit_stale(stand: Stand) -> None:
    await stand.store.execute([Unit(M, writes=(insert("a", state="new"),))])
    assert isinstance((await stand.store.execute([changing("a", 1, state="b")]))[0], Committed)
    verdicts = await stand.store.execute([changing("a", 1, state="c"), changing("z", 1, state="c")])
    assert verdicts == [Stale("toy_object", (M, "a")), Stale("toy_object", (M, "z"))]
    row = await stand.reader.get("toy_object", (M, "a"))
    assert row is not None
    assert (row["state"], row["version"]) == ("b", 2)


async def test_effects_are_carried_forward_within_a_batch(stand: Stand) -> None:
    await stand.store.execute([Unit(M, writes=(insert("a", state="1", number=1),))])
    verdicts = await stand.store.execute(
        [
            changing("a", 1, state="2"),
            changing("a", 1, state="lost"),
            changing("a", 2, number=3),
            Unit(M, writes=(insert("b", state="1"),)),
            changing("b", 1, state="2"),
        ]
    )
    kinds = [type(verdict) for verdict in verdicts]
    assert kinds[:4] == [Committed, Stale, Committed, Committed]
    row = await stand.reader.get("toy_object", (M, "a"))
    assert row is not None
    assert (row["state"], row["number"], row["version"]) == ("2", 3, 3)


async def test_delete_removes_the_row_and_later_units_see_it_gone(stand: Stand) -> None:
    await stand.store.execute([Unit(M, writes=(insert("a"),))])
    deleting = Unit(M, relies_on=(relies("a", 1),), writes=(Delete("toy_object", (M, "a"), 1),))
    verdicts = await stand.store.execute([deleting, deleting])
    assert isinstance(verdicts[0], Committed)
    assert verdicts[1] == Stale("toy_object", (M, "a"))
    assert await stand.reader.get("toy_object", (M, "a")) is None


async def test_a_refused_unit_writes_only_what_it_has_for_refusal(stand: Stand) -> None:
    refused = Unit(
        M,
        claims=(claim("key", body="pending"),),
        transfers=(Add(ACCOUNT, 5), Add(ACCOUNT, 5, refuse=True)),
        writes=(insert("a"),),
        on_refusal=(claim("key", body="answer"), insert("failed")),
    )
    accepted = Unit(M, transfers=(Add(ACCOUNT, 7),), writes=(insert("b"),))
    verdicts = await stand.store.execute([refused, accepted])
    assert verdicts[0] == Refused("refused", 1, ("refused", "refused"))
    assert isinstance(verdicts[1], Committed)
    assert verdicts[1].results == ("created",)
    assert await stand.reader.get("toy_object", (M, "a")) is None
    assert await stand.reader.get("toy_object", (M, "failed")) is not None
    row = await stand.reader.get("toy_claim", (M, "key"))
    assert row is not None
    assert row["body"] == "answer"
    account = await stand.reader.get("toy_account", (ACCOUNT,))
    assert account is not None
    assert account["total"] == 7


async def test_a_claim_for_refusal_that_is_present_is_skipped(stand: Stand) -> None:
    await stand.store.execute([Unit(M, claims=(claim("key", body="first"),))])
    refused = Unit(
        M,
        transfers=(Add(ACCOUNT, 1, refuse=True),),
        on_refusal=(claim("key", body="second"), insert("failed")),
    )
    assert isinstance((await stand.store.execute([refused]))[0], Refused)
    row = await stand.reader.get("toy_claim", (M, "key"))
    assert row is not None
    assert row["body"] == "first"
    assert await stand.reader.get("toy_object", (M, "failed")) is not None


async def test_totals_add_up_over_batches(stand: Stand) -> None:
    for _ in range(3):
        await stand.store.execute([Unit(M, transfers=(Add(ACCOUNT, 2),))] * 5)
    account = await stand.reader.get("toy_account", (ACCOUNT,))
    assert account is not None
    assert (account["total"], account["version"]) == (30, 4)


@pytest.mark.parametrize(
    "bad",
    [
        {"state": "nul \x00"},
        {"state": "lone \ud800"},
        {"body": {"a": "\x00"}},
        {"number": 2**63},
        {"number": "seven"},
    ],
)
async def test_poison_is_quarantined_alone(stand: Stand, bad: dict[str, Any]) -> None:
    units = [Unit(M, writes=(insert(str(number)),)) for number in range(9)]
    units[4] = Unit(M, writes=(insert("4", **bad),))
    verdicts = await stand.store.execute(units)
    assert [isinstance(verdict, Quarantined) for verdict in verdicts] == [
        number == 4 for number in range(9)
    ]
    assert len(await stand.reader.where("toy_object", merchant_id=M)) == 8


async def test_an_insert_over_an_existing_row_is_quarantined(stand: Stand) -> None:
    await stand.store.execute([Unit(M, writes=(insert("a", state="first"),))])
    verdicts = await stand.store.execute(
        [
            Unit(M, writes=(insert("a"),)),
            Unit(M, writes=(insert("b"),)),
            Unit(M, writes=(insert("b"),)),
        ]
    )
    assert [type(verdict) for verdict in verdicts] == [Quarantined, Committed, Quarantined]


@pytest.mark.parametrize(
    "unit",
    [
        Unit(M, writes=(Insert("toy_object", {"merchant_id": "other", "id": "a"}),)),
        Unit(M, claims=(Claim("toy_claim", {"merchant_id": "other", "name": "a"}),)),
        Unit(
            M,
            relies_on=(RowVersion("toy_object", ("other", "a"), 1),),
            writes=(Update("toy_object", ("other", "a"), 1, {"state": "b"}),),
        ),
        Unit(M, writes=(update("a", 1, state="b"),)),
        Unit(M, writes=(insert("a", colour="red"),)),
        Unit(M, writes=(insert("a"), insert("a"))),
    ],
    ids=["insert", "claim", "update", "not relied on", "unknown column", "written twice"],
)
async def test_a_unit_of_wrong_form_is_quarantined(stand: Stand, unit: Unit) -> None:
    await stand.store.execute(
        [Unit("other", writes=(Insert("toy_object", {"merchant_id": "other", "id": "a"}),))]
    )
    verdicts = await stand.store.execute([unit, Unit(M, writes=(insert("good"),))])
    assert [type(verdict) for verdict in verdicts] == [Quarantined, Committed]
    assert len(await stand.reader.where("toy_object")) == 2


async def test_a_lease_is_counted_from_the_stores_own_now(stand: Stand) -> None:
    await stand.store.execute([Unit(M, claims=(claim("k", lease_until=60_000),))])
    row = await stand.reader.get("toy_claim", (M, "k"))
    assert row is not None
    assert abs(row["lease_until"] - datetime.now(UTC) - timedelta(minutes=1)) < timedelta(seconds=5)


async def test_rows_are_found_by_equal_columns_in_key_order(stand: Stand) -> None:
    log = [
        Insert("toy_log", {"merchant_id": M, "id": id, "text": text})
        for id, text in (("b", "x"), ("a", "x"), ("c", None))
    ]
    await stand.store.execute([Unit(M, writes=tuple(log))])
    assert [row["id"] for row in await stand.reader.where("toy_log", text="x")] == ["a", "b"]
    (row,) = await stand.reader.where("toy_log", merchant_id=M, text=None)
    assert row["id"] == "c"
    assert isinstance(row["position"], int)
