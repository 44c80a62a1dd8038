"""Many callers and two writers at once on the same accounts of a client's ledger."""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest

from hazina.db.unit import Overloaded
from hazina.ledger.client import AMOUNT_MAX, AccountEvent, TransferEvent
from hazina.ledger.service import Ledgers
from hazina.ledger.types import Result
from tests.support.ledger_on_postgres import LedgerOnPostgres, a_ledger

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
pytestmark = pytest.mark.timeout(3_600)
_EACH = 40 if _WHOLE else 3
_BULKS = 50 if _WHOLE else 3
_EXPIRIES = 1_000 if _WHOLE else 60
SECOND = 10**9
LIMITED = 2


def transfer(number: int, debit: int, credit: int, amount: int = 1) -> TransferEvent:
    return TransferEvent(number, debit, credit, amount, ledger=1, code=1)


async def opened(ledger: LedgerOnPostgres, accounts: int) -> None:
    events = [AccountEvent(number, 1, 1) for number in range(1, accounts)]
    await ledger.ledgers.create_accounts("a", [*events, AccountEvent(accounts, 1, 1, LIMITED)])


async def test_a_thousand_debits_against_a_balance_that_covers_half_apply_just_that(
    fresh_database_url: str,
) -> None:
    async with a_ledger(fresh_database_url) as one, a_ledger(fresh_database_url) as two:
        await opened(one, 2)
        await one.ledgers.create_transfers("a", [transfer(1, 1, 2, 500)])
        doors = [one.ledgers, two.ledgers]
        answers = await asyncio.gather(
            *(
                doors[number % 2].create_transfers("a", [transfer(10 + number, 2, 1)])
                for number in range(1000)
            )
        )
        found = Counter(results[0].status.value for results in answers)
        assert found == {"created": 500, "exceeds_credits": 500}
        await one.demand_whole()


async def test_one_id_sent_to_two_writers_at_once_is_booked_once(fresh_database_url: str) -> None:
    async with a_ledger(fresh_database_url) as one, a_ledger(fresh_database_url) as two:
        await opened(one, 9)
        for number in range(1, 40):
            # The same body twice, and another body on other accounts.
            answers = await asyncio.gather(
                one.ledgers.create_transfers("a", [transfer(number, 1, 2, 7)]),
                two.ledgers.create_transfers("a", [transfer(number, 1, 2, 7)]),
                two.ledgers.create_transfers("a", [transfer(number, 3, 4, 9)]),
            )
            found = Counter(results[0].status.value for results in answers)
            assert found["created"] == 1, found
            assert found["exists_with_different_debit_account_id"] in (1, 2), found
        await one.demand_whole()


async def test_atomic_bulks_over_shared_accounts_finish_without_a_deadlock(
    fresh_database_url: str,
) -> None:
    async with a_ledger(fresh_database_url) as one, a_ledger(fresh_database_url) as two:
        await opened(one, 21)
        doors = [one.ledgers, two.ledgers]

        async def caller(number: int) -> int:
            made = 0
            for round_ in range(_BULKS):
                base = (number * _BULKS + round_) * 100
                bulk = [
                    TransferEvent(
                        1_000_000 + base + place, 1 + (place * number) % 10,
                        11 + (place + number) % 10, 1, ledger=1, code=1,
                        flags=0 if place == 99 else 1,
                    )
                    for place in range(100)
                ]  # fmt: skip
                results = await doors[number % 2].create_transfers("a", bulk)
                made += sum(result.status == "created" for result in results)
            return made

        assert (
            sum(await asyncio.gather(*(caller(number) for number in range(16)))) == 1_600 * _BULKS
        )
        await one.demand_whole()


async def test_a_thousand_callers_at_once_never_stall(fresh_database_url: str) -> None:
    """All go through one writer, onto eight accounts; who is refused for load comes back."""
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger, 8)

        async def caller(number: int) -> None:
            for turn in range(_EACH):
                event = transfer(1 + number * _EACH + turn, 1 + number % 4, 5 + number % 3)
                assert await _until_taken(ledger.ledgers, event) == "created"

        async with asyncio.timeout(60 + _EACH):
            await asyncio.gather(*(caller(number) for number in range(1_000)))
        await ledger.demand_whole()


async def _later(door: Ledgers, event: TransferEvent, seconds: float) -> list[Result]:
    await asyncio.sleep(seconds)
    return await door.create_transfers("a", [event])


async def _until_taken(door: Ledgers, event: TransferEvent) -> str:
    while True:
        try:
            (result,) = await door.create_transfers("a", [event])
        except Overloaded:
            await asyncio.sleep(0.05)
        else:
            return result.status.value


async def test_a_post_that_races_with_expiry_is_booked_or_too_late(fresh_database_url: str) -> None:
    """The clock of one writer says that time is over; that of the other does not yet."""
    async with a_ledger(fresh_database_url) as one, a_ledger(fresh_database_url) as two:
        await opened(one, 2)
        two.pass_ns(SECOND)
        found: Counter[tuple[str, int]] = Counter()
        for number in range(1, 2 * _EXPIRIES, 2):
            hold = TransferEvent(number, 1, 2, 5, ledger=1, code=1, flags=2, timeout=1)
            await one.ledgers.create_transfers("a", [hold])
            two.pass_ns(1)
            one.pass_ns(1)
            post = TransferEvent(
                number + 1, 1, 2, AMOUNT_MAX, pending_id=number, flags=4, ledger=1, code=1
            )
            (result,), released = await asyncio.gather(
                _later(one.ledgers, post, number % 9 / 2_000), two.advance_ns(0)
            )
            found[result.status.value, released] += 1
        print(found)
        assert set(found) <= {("created", 0), ("pending_transfer_expired", 1)}
        await one.demand_whole()
