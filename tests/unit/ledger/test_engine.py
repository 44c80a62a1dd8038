"""What becomes of transfers: balances, chains, replays, failed ids, batches."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hazina.db.table import Schema
from hazina.db.unit import Committed, InsertRows, Refused, Unit, Update
from hazina.ledger.canonical import digest
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.tables import TABLES
from hazina.ledger.types import Account, AccountFlag, Status, Transfer
from tests.support.ledger import (
    LIMITED,
    LINKED,
    PENDING,
    POST,
    VOID,
    Ledger,
    Totals,
    account,
    an_id,
    transfer,
)


def statuses(verdict: object) -> list[Status]:
    assert isinstance(verdict, Committed | Refused)
    return list(verdict.results)


async def test_a_transfer_debits_one_account_and_credits_another() -> None:
    ledger = Ledger()
    assert statuses(await ledger.book(transfer("t"))) == [Status.CREATED]
    assert ledger.totals("bank") == Totals(debits_posted=100)
    assert ledger.totals("shop") == Totals(credits_posted=100)


async def test_a_pending_transfer_is_pending_on_both_sides() -> None:
    ledger = Ledger()
    await ledger.book(transfer("p", flags=PENDING, timeout_seconds=60))
    assert ledger.totals("bank") == Totals(debits_pending=100)
    assert ledger.totals("shop") == Totals(credits_pending=100)
    (row,) = ledger.rows("pending")
    assert row["state"] == "pending"
    (booked,) = ledger.rows("transfer")
    assert row["expires_ns"] == booked["timestamp"] + 60 * 10**9


@pytest.mark.parametrize(("amount", "posted"), [(None, 100), (100, 100), (40, 40)])
async def test_a_post_moves_its_amount_and_releases_the_rest(
    amount: int | None, posted: int
) -> None:
    ledger = Ledger()
    await ledger.book(transfer("p", flags=PENDING))
    await ledger.book(transfer("post", amount, POST, of="p"))
    assert ledger.totals("bank") == Totals(debits_posted=posted)
    assert ledger.totals("shop") == Totals(credits_posted=posted)
    assert ledger.rows("pending")[0]["state"] == "posted"
    assert ledger.store.tables["transfer"][an_id("post"),]["amount"] == posted


async def test_a_void_releases_all() -> None:
    ledger = Ledger()
    await ledger.book(transfer("p", flags=PENDING))
    await ledger.book(transfer("void", None, VOID, of="p"))
    assert ledger.totals("bank") == Totals()
    assert ledger.totals("shop") == Totals()
    assert ledger.rows("pending")[0]["state"] == "voided"


async def test_a_pending_transfer_may_be_made_and_posted_in_one_unit() -> None:
    ledger = Ledger()
    verdict = await ledger.book(
        transfer("p", 100, PENDING | LINKED), transfer("post", 70, POST, of="p")
    )
    assert statuses(verdict) == [Status.CREATED, Status.CREATED]
    assert ledger.totals("shop") == Totals(credits_posted=70)
    assert ledger.rows("pending")[0]["state"] == "posted"


async def test_a_chain_sees_its_own_effects() -> None:
    shop = account("shop", LIMITED)
    ledger = Ledger(account("bank"), shop, account("fees"))
    verdict = await ledger.book(
        transfer("in", 100, LINKED), transfer("fee", 30, debit="shop", credit="fees")
    )
    assert statuses(verdict) == [Status.CREATED, Status.CREATED]
    assert ledger.totals("shop") == Totals(debits_posted=30, credits_posted=100)


async def test_a_failed_chain_leaves_nothing() -> None:
    shop = account("shop", LIMITED)
    ledger = Ledger(account("bank"), shop, account("fees"))
    await ledger.book(transfer("p", flags=PENDING))
    verdict = await ledger.book(
        transfer("post", 50, POST | LINKED, of="p"),
        transfer("hold", 10, PENDING | LINKED),
        transfer("fee", 51, LINKED, debit="shop", credit="fees"),
        transfer("more", 1, debit="shop", credit="fees"),
    )
    assert isinstance(verdict, Refused)
    assert (verdict.status, verdict.index) == ("exceeds_credits", 2)
    failed = Status.LINKED_EVENT_FAILED
    assert list(verdict.results) == [failed, failed, Status.EXCEEDS_CREDITS, failed]
    assert ledger.totals("shop") == Totals(credits_pending=100)
    assert ledger.totals("bank") == Totals(debits_pending=100)
    assert [row["state"] for row in ledger.rows("pending")] == ["pending"]
    assert len(ledger.history("shop")) == 1


async def test_what_a_refused_unit_undid_can_be_booked_by_its_neighbour() -> None:
    ledger = Ledger(account("bank"), account("shop", LIMITED), account("fees"))
    await ledger.book(transfer("p", flags=PENDING))
    refused, accepted = await ledger.batch(
        (
            transfer("post", 50, POST | LINKED, of="p"),
            transfer("fee", 51, debit="shop", credit="fees"),
        ),
        (transfer("post 2", 60, POST, of="p"),),
    )
    assert isinstance(refused, Refused)
    assert isinstance(accepted, Committed)
    assert ledger.totals("shop") == Totals(credits_posted=60)
    assert [line["line"] for line in ledger.history("shop")] == [1, 2]


async def test_a_pending_transfer_of_a_refused_unit_cannot_be_posted() -> None:
    ledger = Ledger()
    refused, post = await ledger.batch(
        (transfer("p", 100, PENDING | LINKED), transfer("bad", 0)),
        (transfer("post", None, POST, of="p"),),
    )
    assert isinstance(refused, Refused)
    assert statuses(post) == [Status.PENDING_TRANSFER_NOT_FOUND]


async def test_units_of_one_batch_see_each_other() -> None:
    ledger = Ledger(account("bank"), account("shop", LIMITED), account("fees"))
    take = transfer("a", 60, debit="shop", credit="fees")
    verdicts = await ledger.batch(
        (transfer("in"),), (take,), (transfer("b", 60, debit="shop", credit="fees"),), (take,)
    )
    assert [statuses(verdict) for verdict in verdicts] == [
        [Status.CREATED],
        [Status.CREATED],
        [Status.EXCEEDS_CREDITS],
        [Status.EXISTS],
    ]
    assert ledger.totals("shop") == Totals(debits_posted=60, credits_posted=100)


async def test_a_pending_debit_counts_against_the_limit() -> None:
    ledger = Ledger(account("bank"), account("shop", LIMITED, overdraft_minor=10), account("fees"))
    await ledger.book(transfer("in"))
    await ledger.book(transfer("hold", 90, PENDING, debit="shop", credit="fees"))
    over = await ledger.book(transfer("x", 21, debit="shop", credit="fees"))
    assert statuses(over) == [Status.EXCEEDS_CREDITS]
    fits = await ledger.book(transfer("y", 20, debit="shop", credit="fees"))
    assert statuses(fits) == [Status.CREATED]
    posted = await ledger.book(transfer("post", None, POST, debit="shop", credit="fees", of="hold"))
    assert statuses(posted) == [Status.CREATED]
    assert ledger.totals("shop") == Totals(debits_posted=110, credits_posted=100)


async def test_a_pending_credit_cannot_be_spent() -> None:
    ledger = Ledger(account("bank"), account("shop", LIMITED), account("fees"))
    await ledger.book(transfer("in", flags=PENDING))
    verdict = await ledger.book(transfer("x", 1, debit="shop", credit="fees"))
    assert statuses(verdict) == [Status.EXCEEDS_CREDITS]


async def test_credits_may_be_limited_by_debits() -> None:
    vault = account("vault", AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS, overdraft_minor=5)
    ledger = Ledger(account("bank"), vault)
    over = await ledger.book(transfer("x", 6, credit="vault"))
    assert statuses(over) == [Status.EXCEEDS_DEBITS]
    assert statuses(await ledger.book(transfer("y", 5, credit="vault"))) == [Status.CREATED]


async def test_an_id_that_failed_never_succeeds_later() -> None:
    ledger = Ledger(account("bank"), account("shop", LIMITED), account("fees"))
    spend = transfer("spend", 10, debit="shop", credit="fees")
    assert statuses(await ledger.book(spend)) == [Status.EXCEEDS_CREDITS]
    await ledger.book(transfer("in"))
    again, and_again = await ledger.batch((spend,), (spend,))
    assert statuses(again) == statuses(and_again) == [Status.ID_ALREADY_FAILED]
    assert ledger.totals("shop") == Totals(credits_posted=100)
    assert len(ledger.rows("seen")) == 1


async def test_an_id_that_failed_in_a_batch_fails_later_in_the_same_batch() -> None:
    ledger = Ledger(account("bank"), account("shop", LIMITED), account("fees"))
    spend = transfer("spend", 10, debit="shop", credit="fees")
    verdicts = await ledger.batch((spend,), (transfer("in"),), (spend,))
    assert statuses(verdicts[2]) == [Status.ID_ALREADY_FAILED]


async def test_an_id_that_was_wrong_in_itself_may_be_used_again() -> None:
    ledger = Ledger()
    assert statuses(await ledger.book(transfer("t", 0))) == [Status.AMOUNT_MUST_NOT_BE_ZERO]
    assert statuses(await ledger.book(transfer("t", 1))) == [Status.CREATED]


async def test_a_chain_booked_twice_is_a_replay_that_changes_nothing() -> None:
    ledger = Ledger()
    await ledger.book(transfer("p", flags=PENDING))
    chain = (
        transfer("post", None, POST | LINKED, of="p"),
        transfer("fee", 3, debit="shop", credit="fees"),
    )
    await ledger.book(*chain)
    before = {name: dict(rows) for name, rows in ledger.store.tables.items()}
    assert statuses(await ledger.book(*chain)) == [Status.EXISTS, Status.EXISTS]
    assert ledger.store.tables == before


async def test_history_has_a_line_per_transfer_and_the_account_one_update_per_batch() -> None:
    ledger = Ledger()
    await ledger.batch((transfer("a", 1),), (transfer("b", 2),), (transfer("c", 3),))
    await ledger.batch((transfer("d", 4),))
    lines = ledger.history("shop")
    assert [(line["line"], line["credits_posted"]) for line in lines] == [
        (1, 1),
        (2, 3),
        (3, 6),
        (4, 10),
    ]
    row = ledger.store.tables["account"][an_id("shop"),]
    assert (row["lines"], row["version"]) == (4, 3)


async def test_an_account_without_history_has_no_lines() -> None:
    ledger = Ledger(account("bank", AccountFlag.NONE), account("shop"))
    await ledger.book(transfer("t"))
    assert ledger.history("bank") == []
    assert len(ledger.history("shop")) == 1


async def test_opening_an_account_that_exists_does_not_change_it() -> None:
    ledger = Ledger(account("bank"), account("shop", LIMITED))
    await ledger.book(transfer("t"))
    await ledger.book(transfer("u", opens=(account("shop", overdraft_minor=9),)))
    row = ledger.store.tables["account"][an_id("shop"),]
    assert (row["flags"], row["overdraft"]) == (int(LIMITED), 0)


@dataclass(slots=True)
class Judged:
    """A batch as it was judged: its digest, its transfers, and the accounts that it opened."""

    digest: bytes
    transfers: list[dict[str, object]]
    openings: list[dict[str, object]]


def judged(*transfers: Transfer) -> Judged:
    engine = LedgerEngine()
    opened: tuple[Account, ...] = (account("bank"), account("shop"))
    unit = Unit("m", transfers=(transfer("first", opens=opened), *transfers))
    schema = Schema(TABLES)
    rows: dict[tuple[str, tuple[object, ...]], dict[str, object]] = {
        (write.table, schema[write.table].key_of(write.row)): {**write.row, "version": 1}
        for write in engine.needs([unit]).ensure
    }
    batch = engine.open(dict(rows), slot=3, sequence=7)
    batch.judge(unit)
    written = []
    for write in batch.writes():
        if isinstance(write, InsertRows) and write.table == "transfer":
            values = zip(*write.columns.values(), strict=True)
            written += [dict(zip(write.columns, row, strict=True)) for row in values]
        elif isinstance(write, Update) and write.table == "account":
            rows["account", write.key] |= write.changes
    written.sort(key=lambda row: row["position"])
    return Judged(batch.digest(), written, list(rows.values()))


def test_the_digest_is_that_of_the_rows_written() -> None:
    found = judged(transfer("a"), transfer("b", 5, PENDING))
    assert found.digest == digest(found.transfers, found.openings)
    places = [(row["slot"], row["sequence"], row["position"]) for row in found.transfers]
    assert places == [(3, 7, 0), (3, 7, 1), (3, 7, 2)]
    opened = [
        (row["opened_slot"], row["opened_sequence"], row["opened_position"])
        for row in found.openings
    ]
    assert opened == [(3, 7, 0), (3, 7, 1)]


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": 101},
        {"reference": "pi_"},
        {"entry": "1test"},
        {"code": 2},
        {"flags": 2},
        {"position": 9},
        {"credit_account_id": an_id("fees")},
        {"pending_id": an_id("p")},
        {"timestamp": 1},
        {"timestamp": None},
    ],
)
def test_any_changed_field_of_a_transfer_changes_the_digest(changed: dict[str, object]) -> None:
    found = judged(transfer("a"))
    found.transfers[1] |= changed
    assert digest(found.transfers, found.openings) != found.digest


@pytest.mark.parametrize(
    "changed",
    [
        {"id": an_id("fees")},
        {"ledger": 404},
        {"code": 9},
        {"flags": 2},
        {"owner": "m"},
        {"slot": 2},
        {"overdraft": 1},
        {"timestamp": 1},
        {"opened_position": 5},
    ],
)
def test_any_changed_field_of_an_opening_changes_the_digest(changed: dict[str, object]) -> None:
    found = judged(transfer("a"))
    found.openings[1] |= changed
    assert digest(found.transfers, found.openings) != found.digest


def test_an_empty_batch_has_the_digest_of_nothing() -> None:
    batch = LedgerEngine().open({}, slot=1, sequence=1)
    assert batch.digest() == digest([])
    assert list(batch.writes()) == []


def test_known_accounts_are_not_opened_again() -> None:
    engine = LedgerEngine()
    unit = Unit("m", transfers=(transfer("t", opens=(account("bank"), account("shop"))),))
    first = {write.row["id"]: write.row for write in engine.needs([unit]).ensure}
    assert set(first) == {an_id("bank"), an_id("shop")}
    versions = {"bank": 1, "shop": 2}
    rows = {
        ("account", (an_id(name),)): {**first[an_id(name)], "version": version}
        for name, version in versions.items()
    }
    engine.open(dict(rows), slot=1, sequence=1)
    # The first version may have been inserted by a batch that was rolled back.
    assert [write.row["id"] for write in engine.needs([unit]).ensure] == [an_id("bank")]
