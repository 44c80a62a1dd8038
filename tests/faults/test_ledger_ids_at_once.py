"""One new id sent to several writers at once, with bodies that share no account."""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest

from hazina.ledger.client import AccountEvent, TransferEvent
from tests.support.ledger_on_postgres import LedgerOnPostgres, a_ledger

_ROUNDS = 1_000 if os.environ.get("HAZINA_FAULTS") == "whole" else 60
pytestmark = pytest.mark.timeout(3_600)
_IDS = 8
LIMITED = 2


async def _send(ledger: LedgerOnPostgres, first: int, debit: int, credit: int) -> list[str]:
    """Book a batch of ids between two accounts."""
    events = [
        TransferEvent(number, debit, credit, 1, ledger=1, code=1)
        for number in range(first, first + _IDS)
    ]
    return [one.status.value for one in await ledger.ledgers.create_transfers("a", events)]


async def test_an_id_that_one_writer_books_is_not_remembered_as_failed_by_another(
    fresh_database_url: str,
) -> None:
    """Whichever comes first decides: booked and `exists`, or failed and `id_already_failed`."""
    async with a_ledger(fresh_database_url) as one, a_ledger(fresh_database_url) as two:
        accounts = [AccountEvent(1, 1, 1), AccountEvent(2, 1, 1), AccountEvent(3, 1, 1, LIMITED),
                    AccountEvent(4, 1, 1)]  # fmt: skip
        await one.ledgers.create_accounts("a", accounts)
        found: Counter[tuple[str, str]] = Counter()
        for round_ in range(_ROUNDS):
            first = 1 + round_ * _IDS
            booked, refused = await asyncio.gather(_send(one, first, 1, 2), _send(two, first, 3, 4))
            found.update(zip(booked, refused, strict=True))
        differs = "exists_with_different_debit_account_id"
        assert set(found) <= {("created", differs), ("id_already_failed", "exceeds_credits")}
        print(found)
        await one.demand_whole()


async def test_a_post_sent_along_with_its_pending_transfer_finds_it_or_does_not(
    fresh_database_url: str,
) -> None:
    """The post names no accounts; never is it told that those it takes over are others.

    Every other one comes behind an event with the id of its pending transfer, on other accounts.
    """
    async with a_ledger(fresh_database_url) as one, a_ledger(fresh_database_url) as two:
        await one.ledgers.create_accounts("a", [AccountEvent(n, 1, 1) for n in range(1, 5)])
        found: Counter[str] = Counter()
        for number in range(1, 4 * _ROUNDS, 2):
            hold = TransferEvent(number, 1, 2, 5, ledger=1, code=1, flags=2)
            refused = TransferEvent(number, 3, 4, 5, ledger=1, code=0, flags=2)
            post = TransferEvent(number + 1, amount=2**128 - 1, pending_id=number, flags=4)
            _, (*_, result) = await asyncio.gather(
                one.ledgers.create_transfers("a", [hold]),
                (one if number % 4 == 1 else two).ledgers.create_transfers(
                    "a", [refused, post] if number % 8 < 4 else [post]
                ),
            )
            found[result.status.value] += 1
        print(found)
        assert set(found) <= {"created", "pending_transfer_not_found"}
        await one.demand_whole()
