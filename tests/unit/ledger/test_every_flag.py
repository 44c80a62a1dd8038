"""Every combination of flags, in several situations: the engine answers as the model does."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

import pytest

from hazina.ledger.client import AccountEvent, TransferEvent
from tests.support.ledger_fuzz import shown
from tests.support.ledger_in_memory import ScratchSubject
from tests.support.ledger_model import Event, Model

PENDING, POST, VOID, CLOSING = 2, 4, 8, 192
U128 = 2**128 - 1


class Pair:
    """The engine and the model, given the same requests one after the other."""

    def __init__(self) -> None:
        self.subject = ScratchSubject()
        self.model = Model()
        self._ids = itertools.count(1)

    async def accounts(self, *events: AccountEvent) -> list[str]:
        moments = self.subject.moments(len(events))
        results = await self.subject.ledgers.create_accounts("a", events)
        stamps = [result.timestamp for result in results]
        sent = [_fields(event) for event in events]
        expected = self.model.create_accounts(sent, moments, stamps)
        assert [result.status.value for result in results] == expected, events
        return expected

    async def transfers(self, *events: TransferEvent) -> list[str]:
        moments = self.subject.moments(len(events))
        results = await self.subject.ledgers.create_transfers("a", events)
        stamps = [result.timestamp for result in results]
        sent = [_fields(event) for event in events]
        expected = self.model.create_transfers(sent, moments, stamps)
        assert [result.status.value for result in results] == expected, events
        return expected

    def transfer(self, flags: int, **values: Any) -> TransferEvent:
        """Return a transfer under a fresh id."""
        fields = {"debit_account_id": 1, "credit_account_id": 2, "amount": 5, "ledger": 1,
                  "code": 1, **values}  # fmt: skip
        return TransferEvent(next(self._ids), flags=flags, **fields)

    async def same_accounts(self) -> None:
        """Compare every account as it stands."""
        ids = sorted(self.model.state.accounts)
        found = await self.subject.ledgers.lookup_accounts("a", ids)
        assert [shown(record) for record in found] == [
            shown(self.model.state.accounts[key]) for key in ids
        ]


def _fields(event: AccountEvent | TransferEvent) -> Event:
    fields = asdict(event)
    for name in ("overdraft", "metadata", "reference"):
        fields.pop(name, None)
    return fields


async def opened() -> Pair:
    pair = Pair()
    await pair.accounts(
        AccountEvent(1, 1, 1, 2), AccountEvent(2, 1, 1, 4), AccountEvent(3, 1, 1, 8)
    )
    assert await pair.transfers(
        pair.transfer(0, debit_account_id=3, credit_account_id=1, amount=100_000),
        pair.transfer(0, debit_account_id=2, credit_account_id=3, amount=100_000),
    ) == ["created", "created"]
    return pair


@pytest.mark.parametrize("flags_linked", [0, 1])
@pytest.mark.parametrize("situation", ["plain", "timed", "names a pending", "part", "too much"])
async def test_transfers_with_every_combination_of_flags(situation: str, flags_linked: int) -> None:
    pair = await opened()
    for flags in range(2, 1024, 2):
        values: dict[str, Any] = {}
        if situation == "timed":
            values = {"timeout": 1}
        elif situation != "plain":
            hold = pair.transfer(PENDING)
            assert await pair.transfers(hold) == ["created"]
            amount = {"part": 2, "too much": 6}.get(situation, 0 if flags & VOID else U128)
            values = {"pending_id": hold.id, "amount": amount}
        event = pair.transfer(flags | flags_linked, **values)
        follower = pair.transfer(PENDING)
        statuses = await pair.transfers(event, follower)
        assert await pair.transfers(event) != ["created"]
        for one, status in zip((event, follower), statuses, strict=True):
            if status == "created" and one.flags & PENDING:
                void = {"amount": 0, "pending_id": one.id}
                await pair.transfers(pair.transfer(VOID, **void))
    await pair.same_accounts()


async def test_accounts_with_every_combination_of_flags() -> None:
    pair = Pair()
    for flags in range(128):
        event = AccountEvent(flags + 1, 1, 1, flags)
        await pair.accounts(event, AccountEvent(flags + 1000, 1, 1))
        await pair.accounts(event)
        await pair.accounts(AccountEvent(flags + 1, 1, 1, flags ^ 8))
    await pair.same_accounts()


async def test_a_pending_transfer_can_be_posted_until_its_last_nanosecond() -> None:
    for late, expected in ((-1, "created"), (0, "pending_transfer_expired")):
        pair = await opened()
        hold = pair.transfer(PENDING, timeout=3)
        (result,) = await pair.subject.ledgers.create_transfers("a", [hold])
        pair.subject.pass_ns(3 * 10**9 + late)
        post = pair.transfer(POST, pending_id=hold.id, amount=U128)
        (answer,) = await pair.subject.ledgers.create_transfers("a", [post])
        assert answer.status == expected
        assert answer.timestamp == result.timestamp + 3 * 10**9 + late
