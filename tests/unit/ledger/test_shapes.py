"""Each named entry, booked, leaves the balances that its T-accounts show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hazina.db.memory import MemoryStore
from hazina.db.table import Schema
from hazina.db.unit import Committed, Refused, Unit
from hazina.ledger import chart, shapes
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.tables import TABLES
from hazina.ledger.types import Account, Status, Transfer
from hazina.refusals import Refusal

WHERE: dict[str, Any] = {"merchant_id": "m", "currency": "kes", "livemode": False}
CARD: dict[str, Any] = {**WHERE, "provider": "main"}
CLEARING = chart.provider_clearing("main", "kes", False, 1)
CLEARING_2 = chart.provider_clearing("main", "kes", False, 2)
PENDING = chart.merchant_pending("m", "kes", False)
AVAILABLE = chart.merchant_available("m", "kes", False)
FEES = chart.fee_revenue("kes", False, 2)


class Books:
    """The ledger in memory; balances are credits less debits, pending apart."""

    def __init__(self) -> None:
        self.store = MemoryStore(Schema(TABLES), LedgerEngine())

    async def book(self, transfers: tuple[Transfer, ...]) -> object:
        (verdict,) = await self.store.execute([Unit("m", transfers=transfers)])
        return verdict

    async def accepts(self, *entries: tuple[Transfer, ...]) -> None:
        for entry in entries:
            verdict = await self.book(entry)
            assert isinstance(verdict, Committed), verdict

    def __getitem__(self, account: Account) -> tuple[int, int]:
        row = self.store.tables["account"].get((account.id,))
        if row is None:
            return 0, 0
        return (
            row["credits_posted"] - row["debits_posted"],
            row["credits_pending"] - row["debits_pending"],
        )


def authorized(amount: int = 1000) -> tuple[Transfer, ...]:
    return shapes.authorization(attempt_id="ch_1", amount_minor=amount, slot=1, **CARD)


def captured(
    amount: int = 1000, fee: int = 30, *, to_available: bool = False, operation: str = "op_1"
) -> tuple[Transfer, ...]:
    return shapes.capture(
        attempt_id="ch_1",
        operation_id=operation,
        amount_minor=amount,
        fee_minor=fee,
        to_available=to_available,
        clearing_slot=1,
        slot=2,
        **CARD,
    )


def reserved(amount: int, refund: str = "re_1") -> tuple[Transfer, ...]:
    return shapes.refund_reservation(
        refund_id=refund, amount_minor=amount, from_available=False, slot=2, **CARD
    )


async def test_an_authorization_is_pending_and_nobodys() -> None:
    books = Books()
    await books.accepts(authorized())
    assert books[CLEARING] == (0, -1000)
    assert books[PENDING] == (0, 1000)


async def test_a_capture_posts_its_part_takes_the_fee_and_releases_the_rest() -> None:
    books = Books()
    await books.accepts(authorized(), captured(400))
    assert books[CLEARING] == (-400, 0)
    assert books[PENDING] == (370, 0)
    assert books[FEES] == (30, 0)


async def test_a_capture_may_go_on_to_the_available_balance() -> None:
    books = Books()
    await books.accepts(authorized(), captured(to_available=True))
    assert (books[PENDING], books[AVAILABLE], books[FEES]) == ((0, 0), (970, 0), (30, 0))


@pytest.mark.parametrize(("fee", "available", "length"), [(0, 50, 2), (50, 0, 2), (80, -30, 3)])
async def test_a_capture_whose_net_is_all_nothing_or_less(
    fee: int, available: int, length: int
) -> None:
    books = Books()
    chain = captured(50, fee, to_available=True)
    assert len(chain) == length
    await books.accepts(authorized(50), chain)
    assert (books[PENDING], books[AVAILABLE], books[FEES]) == ((0, 0), (available, 0), (fee, 0))


async def test_a_void_leaves_nothing() -> None:
    books = Books()
    await books.accepts(authorized(), shapes.void(attempt_id="ch_1", clearing_slot=1, **CARD))
    assert (books[CLEARING], books[PENDING]) == ((0, 0), (0, 0))


async def test_a_second_capture_and_a_void_after_capture_are_refused() -> None:
    books = Books()
    await books.accepts(authorized(), captured(400))
    again = await books.book(captured(400, operation="op_2"))
    assert isinstance(again, Refused)
    assert again.status == Status.PENDING_TRANSFER_ALREADY_POSTED
    void = await books.book(shapes.void(attempt_id="ch_1", clearing_slot=1, **CARD))
    assert isinstance(void, Refused)
    assert books[PENDING] == (370, 0)


async def test_a_refund_is_set_aside_and_then_booked() -> None:
    books = Books()
    await books.accepts(authorized(), captured(), reserved(500))
    assert (books[PENDING], books[CLEARING_2]) == ((970, -500), (0, 500))
    done = shapes.refund_posted(refund_id="re_1", from_available=False, clearing_slot=2, **CARD)
    await books.accepts(done)
    assert (books[PENDING], books[CLEARING_2]) == ((470, 0), (500, 0))


async def test_a_refund_that_the_provider_did_not_make_is_given_back() -> None:
    books = Books()
    await books.accepts(
        authorized(),
        captured(),
        reserved(500),
        shapes.refund_voided(refund_id="re_1", from_available=False, clearing_slot=2, **CARD),
    )
    assert (books[PENDING], books[CLEARING_2]) == ((970, 0), (0, 0))


async def test_a_refund_that_failed_after_it_was_booked_returns_to_the_merchant() -> None:
    books = Books()
    await books.accepts(
        authorized(),
        captured(),
        reserved(500),
        shapes.refund_posted(refund_id="re_1", from_available=False, clearing_slot=2, **CARD),
        shapes.refund_failure(
            refund_id="re_1", amount_minor=500, from_available=False, slot=1, **CARD
        ),
    )
    assert books[PENDING] == (970, 0)
    assert (books[CLEARING], books[CLEARING_2]) == ((-1500, 0), (500, 0))


async def test_refunds_past_the_overdraft_are_refused() -> None:
    books = Books()
    await books.accepts(authorized(), captured(1000, 0), reserved(101_000))
    verdict = await books.book(reserved(1, "re_2"))
    assert isinstance(verdict, Refused)
    assert verdict.status == Status.EXCEEDS_CREDITS


@pytest.mark.parametrize(("net", "pending", "available"), [(970, 0, 970), (-30, 1000, -30)])
async def test_released_funds_move_between_the_merchants_accounts(
    net: int, pending: int, available: int
) -> None:
    books = Books()
    release = shapes.funds_released(charge_id="ch_1", net_minor=net, **WHERE)
    await books.accepts(authorized(), captured(), release)
    assert (books[PENDING], books[AVAILABLE]) == ((pending, 0), (available, 0))


def test_nothing_is_released_for_a_net_of_zero() -> None:
    assert shapes.funds_released(charge_id="ch_1", net_minor=0, **WHERE) == ()


async def test_every_entry_booked_again_is_a_replay() -> None:
    books = Books()
    entries = [
        authorized(),
        captured(to_available=True),
        shapes.refund_reservation(
            refund_id="re_1", amount_minor=9, from_available=True, slot=1, **CARD
        ),
        shapes.refund_posted(refund_id="re_1", from_available=True, clearing_slot=1, **CARD),
        shapes.refund_failure(
            refund_id="re_1", amount_minor=9, from_available=True, slot=1, **CARD
        ),
        shapes.funds_released(charge_id="ch_1", net_minor=5, **WHERE),
    ]
    await books.accepts(*entries)
    balances = str(books.store.tables)
    for entry in entries:
        verdict = await books.book(entry)
        assert isinstance(verdict, Committed)
        assert set(verdict.results) == {Status.EXISTS}
    assert str(books.store.tables) == balances


def test_accounts_differ_by_mode_currency_merchant_provider_and_slot() -> None:
    accounts = [
        *(chart.provider_clearing(p, "kes", live, slot) for p in "ab" for live in (True, False)
          for slot in (1, 2)),
        *(chart.merchant_pending(m, c, False) for m in "ab" for c in ("kes", "usd")),
        *(chart.merchant_available(m, c, False) for m in "ab" for c in ("kes", "usd")),
        *(chart.fee_revenue("kes", False, slot) for slot in (1, 2)),
    ]  # fmt: skip
    assert len({account.id for account in accounts}) == len(accounts)


def test_a_ledger_belongs_to_one_currency_and_mode() -> None:
    assert chart.ledger_number("kes", True) == 404
    assert chart.ledger_number("kes", False) == 1404
    assert chart.currency_of(1404) == chart.currency_of(404) == "kes"
    assert chart.is_live(404)
    assert not chart.is_live(1404)
    with pytest.raises(Refusal):
        chart.ledger_number("zzz", True)


async def test_the_payment_in_the_documentation_has_the_balances_that_it_shows() -> None:
    books = Books()
    refund: dict[str, Any] = {"refund_id": "re_1", "from_available": True, **CARD}
    entries = [
        authorized(),
        captured(400),
        shapes.funds_released(charge_id="ch_1", net_minor=370, **WHERE),
        shapes.refund_reservation(amount_minor=250, slot=1, **refund),
        shapes.refund_posted(clearing_slot=1, **refund),
    ]
    shown = []
    for entry in entries:
        await books.accepts(entry)
        cells = [entry[0].entry]
        for account in (CLEARING, PENDING, AVAILABLE, FEES):
            sign = -1 if account is CLEARING else 1
            posted, pending = books[account]
            cells.append(f"{sign * posted} ({sign * pending})")
        shown.append(f"| {' | '.join(cells)} |")
    page = Path(__file__).parents[3].joinpath("docs/concepts/ledger.md").read_text()
    assert "\n".join(shown) in page


def test_every_named_entry_stands_in_the_documentation_with_its_t_accounts() -> None:
    page = Path(__file__).parents[3].joinpath("docs/concepts/ledger.md").read_text()
    names = [name for name, one in vars(shapes).items()
             if callable(one) and getattr(one, "__module__", "") == shapes.__name__
             and name[0] != "_" and name.islower() and not name.endswith("_id")]  # fmt: skip
    assert {"authorization", "capture", "funds_released"} <= set(names)
    for name in names:
        _, found, rest = page.partition(f"**{name}**")
        assert found, name
        assert "|" in rest.split("```")[1], name
