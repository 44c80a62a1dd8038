"""Whatever is booked in whatever order: debits equal credits, limits hold, history adds up."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from hazina.db.unit import Committed
from hazina.ledger.types import Transfer, TransferFlag
from tests.support.ledger import LIMITED, LINKED, PENDING, POST, VOID, Ledger, account, transfer

NAMES = ("bank", "shop", "fees", "limited")
IDS = [f"t{number}" for number in range(6)]


def _a_transfer(
    name: str, amount: int | None, flags: TransferFlag, debit: str, credit: str, of: str | None
) -> Transfer:
    if flags & (POST | VOID):
        return transfer(name, amount, flags, debit=debit, credit=credit, of=of or "t0")
    return transfer(name, amount, flags, debit=debit, credit=credit)


# Few names and small amounts, so that ids, accounts and limits collide all the time.
transfers = st.builds(
    _a_transfer,
    name=st.sampled_from(IDS),
    amount=st.one_of(st.none(), st.integers(0, 20)),
    flags=st.sampled_from([TransferFlag.NONE, PENDING, PENDING, POST, VOID, LINKED, POST | LINKED]),
    debit=st.sampled_from(NAMES),
    credit=st.sampled_from(NAMES),
    of=st.sampled_from(IDS),
)
units = st.lists(transfers, min_size=1, max_size=3).map(tuple)
batches = st.lists(st.lists(units, min_size=1, max_size=4), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(batches)
def test_the_books_always_balance(work: list[list[tuple[Transfer, ...]]]) -> None:
    asyncio.run(_check(work))


async def _check(work: list[list[tuple[Transfer, ...]]]) -> None:
    limited = account("limited", LIMITED, overdraft_minor=7)
    ledger = Ledger(account("bank"), account("shop"), account("fees"), limited)
    booked = 0
    for batch in work:
        verdicts = await ledger.batch(*batch)
        booked += sum(
            verdict.results.count("created")
            for verdict in verdicts
            if isinstance(verdict, Committed)
        )
    totals = [ledger.totals(name) for name in NAMES]
    assert sum(t.debits_posted for t in totals) == sum(t.credits_posted for t in totals)
    assert sum(t.debits_pending for t in totals) == sum(t.credits_pending for t in totals)
    assert all(min(t.debits_pending, t.credits_pending) >= 0 for t in totals)
    row = ledger.totals("limited")
    assert row.debits_pending + row.debits_posted <= row.credits_posted + 7
    assert len(ledger.rows("transfer")) == booked
    _check_history(ledger)
    _check_pending(ledger)


def _check_history(ledger: Ledger) -> None:
    for name in NAMES:
        lines = ledger.history(name)
        assert [line["line"] for line in lines] == list(range(1, len(lines) + 1))
        if lines:
            last, totals = lines[-1], ledger.totals(name)
            assert last["debits_posted"] == totals.debits_posted
            assert last["credits_posted"] == totals.credits_posted
            assert last["debits_pending"] == totals.debits_pending
            assert last["credits_pending"] == totals.credits_pending
    assert len(ledger.rows("account_history")) == 2 * len(ledger.rows("transfer"))


def _check_pending(ledger: Ledger) -> None:
    resolved = [row["pending_id"] for row in ledger.rows("transfer") if row["pending_id"]]
    assert len(resolved) == len(set(resolved))
    states = {row["transfer_id"]: row["state"] for row in ledger.rows("pending")}
    assert {key for key, state in states.items() if state != "pending"} == set(resolved)
    unresolved = sum(row["amount"] for row in ledger.rows("pending") if row["state"] == "pending")
    assert unresolved == sum(ledger.totals(name).debits_pending for name in NAMES)
