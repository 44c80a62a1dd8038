"""Many callers and two writers at once on the same accounts of a client's ledger."""

from __future__ import annotations

import asyncio
from collections import Counter

from hazina.ledger.client import AccountEvent, TransferEvent
from tests.support.ledger_on_postgres import LedgerOnPostgres, a_ledger

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
            for round_ in range(3):
                base = number * 10_000 + round_ * 100
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

        assert sum(await asyncio.gather(*(caller(number) for number in range(16)))) == 4800
        await one.demand_whole()
