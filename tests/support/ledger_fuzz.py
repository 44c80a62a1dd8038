"""The differential fuzz: one stream of work through the ledger and through the reference model."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, Protocol

from hazina.ledger.client import AccountEvent, AccountFilter, QueryFilter, TransferEvent
from hazina.ledger.service import Ledgers
from hazina.ledger.types import Result
from tests.support.ledger_generator import Generator
from tests.support.ledger_model import ACCOUNT_STATUSES, TRANSFER_STATUSES, Event, Model

_RARELY = 0.12
_OURS = ("overdraft", "metadata", "reference")


class Subject(Protocol):
    """A ledger under test, with the clock that it believes."""

    @property
    def ledgers(self) -> Ledgers: ...
    def moments(self, count: int) -> list[int]:
        """Return when each of the next events will be judged."""

    def pass_ns(self, duration_ns: int) -> int:
        """Move the clock and release nothing; return its time."""

    async def advance_ns(self, duration_ns: int) -> int:
        """Move the clock, and release what has run out."""


@dataclass(slots=True)
class Outcome:
    """What a fuzz went through."""

    events: int = 0
    comparisons: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    transfers: Counter[str] = field(default_factory=Counter)

    def never_reached(self) -> list[str]:
        """Return the documented statuses that no event was answered with."""
        return [
            *(f"create_accounts: {status}" for status in ACCOUNT_STATUSES
              if not self.accounts[status]),
            *(f"create_transfers: {status}" for status in TRANSFER_STATUSES
              if not self.transfers[status]),
        ]  # fmt: skip


async def fuzz(
    subject: Subject, random: Random, outcome: Outcome, events: int, *, imports: bool,
    spaces: int = 1,
) -> None:  # fmt: skip
    """Send about so many events in several spaces side by side, on one clock."""
    episodes = [
        Episode(subject, f"fuzz{number}", Random(random.getrandbits(64)), outcome, imports=imports)
        for number in range(spaces)
    ]
    aim = outcome.events + events
    while outcome.events < aim:
        await asyncio.gather(*(episode.turn() for episode in episodes))
        if not imports and random.random() < 0.3:
            now = subject.pass_ns(episodes[0].generator.step_ns())
            # Else what has run out is not released yet, and can be neither posted nor voided.
            if random.random() < 0.6:
                due = sum(episode.model.expire(now) for episode in episodes)
                assert await subject.advance_ns(0) == due
    await asyncio.gather(*(episode.finish() for episode in episodes))


class Episode:
    """One ledger's life: requests go to both, and everything that both answer is compared."""

    def __init__(
        self, subject: Subject, space: str, random: Random, outcome: Outcome, *, imports: bool
    ) -> None:
        self._subject = subject
        self._space = space
        self._random = random
        self._outcome = outcome
        self.model = Model()
        self.generator = Generator(random, imports=imports)
        self._stamps: list[int] = []
        self._turns = 0

    async def turn(self) -> None:
        """Send one batch, and now and then some queries."""
        self._turns += 1
        if self._turns == 1 or self._random.random() < 0.15:
            await self._accounts()
        else:
            await self._transfers()
        if self._random.random() < _RARELY:
            await self._filters()

    async def _accounts(self) -> None:
        events = self.generator.accounts(self._subject.moments(1)[0])
        moments = self._subject.moments(len(events))
        results = await self._subject.ledgers.create_accounts(
            self._space, [AccountEvent(**event) for event in events]
        )
        stamps = [result.timestamp for result in results]
        expected = self.model.create_accounts(events, moments, stamps)
        self._compare(events, results, expected, self.model.state.accounts)
        self._outcome.accounts.update(expected)

    async def _transfers(self) -> None:
        events = self.generator.transfers(self._subject.moments(1)[0])
        moments = self._subject.moments(len(events))
        results = await self._subject.ledgers.create_transfers(
            self._space, [TransferEvent(**event) for event in events]
        )
        stamps = [result.timestamp for result in results]
        expected = self.model.create_transfers(events, moments, stamps)
        self._compare(events, results, expected, self.model.state.transfers)
        self._outcome.transfers.update(expected)
        self.generator.learn(events, expected)

    def _compare(
        self, events: list[Event], results: list[Result], expected: list[str],
        made: dict[int, Event],
    ) -> None:  # fmt: skip
        self._outcome.events += len(events)
        found = [result.status.value for result in results]
        for index, (got, wanted) in enumerate(zip(found, expected, strict=True)):
            assert got == wanted, (
                f"event {index} of {len(events)}: the ledger says {got}, the model {wanted}: "
                f"{events[index]}\nbefore it: {list(zip(found, events, strict=True))[:index][-3:]}"
            )
        for event, result in zip(events, results, strict=True):
            if result.status.value in ("created", "exists") and event["id"] in made:
                assert result.timestamp == made[event["id"]]["timestamp"], event
            self._stamps.append(result.timestamp)
        del self._stamps[:-50]

    async def _filters(self) -> None:
        ledgers, space = self._subject.ledgers, self._space
        wanted = self.generator.account_filter(self._stamps)
        narrow = AccountFilter(**wanted)
        await self._same(ledgers.account_transfers, space, narrow, self.model.account_transfers,
                         wanted)  # fmt: skip
        await self._same(ledgers.account_balances, space, narrow, self.model.account_balances,
                         wanted)  # fmt: skip
        wanted = self.generator.query_filter(self._stamps)
        wide = QueryFilter(**wanted)
        await self._same(ledgers.query_accounts, space, wide, self.model.query_accounts, wanted)
        await self._same(ledgers.query_transfers, space, wide, self.model.query_transfers, wanted)

    async def _same(
        self, ask: Callable[[str, Any], Awaitable[list[Any]]], space: str, narrow: Any,
        model: Callable[[Event], list[Event]], wanted: Event,
    ) -> None:  # fmt: skip
        found = [shown(record) for record in await ask(space, narrow)]
        expected = [shown(record) for record in model(wanted)]
        assert found == expected, f"{ask.__name__} {wanted}"
        self._outcome.comparisons += 1

    async def finish(self) -> None:
        """Compare everything that is there."""
        ledgers, state = self._subject.ledgers, self.model.state
        accounts = await ledgers.lookup_accounts(self._space, sorted(state.accounts))
        assert [shown(record) for record in accounts] == [
            shown(state.accounts[key]) for key in sorted(state.accounts)
        ]
        keys = sorted(state.transfers)
        for at in range(0, len(keys), 1000):
            transfers = await ledgers.lookup_transfers(self._space, keys[at : at + 1000])
            assert [shown(record) for record in transfers] == [
                shown(state.transfers[key]) for key in keys[at : at + 1000]
            ]


def shown(record: Any) -> Event:
    """Return a record of either side without what is ours alone."""
    fields = dict(record) if isinstance(record, dict) else asdict(record)
    return {name: value for name, value in fields.items() if name not in (*_OURS, "reserved")}
