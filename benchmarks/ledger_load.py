"""Callers of the ledger inside one process: books transfers for a while and says what they took.

Run by `benchmarks.ledger`; reads one JSON object of `LedgerOrder` fields and prints one of results.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import uvloop

from benchmarks.stage import family_ms, machine_ms
from hazina.bootstrap.app import SCHEMA
from hazina.clock import SystemClock
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.writer import Writer
from hazina.ledger.client import AccountEvent, TransferEvent
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.service import Ledgers
from hazina.ledger.types import Status
from hazina.ledger.verify import QUERIES

SPACE = "acct_bench"
ACCOUNTS = 1_000
LEDGER = 404
_HOT_ID = 1
_OPENED_AT_ONCE = 5_000
_AMOUNTS = [100 + 137 * step for step in range(500)]


@dataclass(frozen=True, slots=True)
class LedgerOrder:
    """What to book: `callers` at once, each sending `batch` transfers at a time and then waiting.

    `hot` credits every transfer to one account. `postmaster` is the pid of PostgreSQL, whose CPU is
    measured too; 0 leaves that to whoever runs several of us. There are so many `accounts` in
    `space`.
    """

    url: str
    callers: int
    seconds: float
    batch: int = 1
    hot: bool = False
    warm_up: float = 0.7
    postmaster: int = 0
    space: str = SPACE
    accounts: int = ACCOUNTS


@dataclass(frozen=True, slots=True)
class LedgerLoad:
    """What came of it: latencies are those of a call, CPU is microseconds per transfer."""

    transfers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    client_us: float
    postgres_us: float
    machine_us: float
    """What all programs together used, per transfer."""
    loader_us: float = 0.0
    """What the load generator used where it is not the client that is measured."""

    @property
    def others(self) -> float:
        """Return how many cores programs used meanwhile that took no part."""
        ours = self.client_us + self.postgres_us + self.loader_us
        return max(0.0, (self.machine_us - ours) * self.rate / 1e6)

    @property
    def rate(self) -> float:
        """Return transfers per second."""
        return self.transfers / self.seconds


class Counting:
    """Times of the calls that began after the warm-up, and the CPU used meanwhile."""

    def __init__(self, warm_up: float, seconds: float, postmaster: int) -> None:
        self._postmaster = postmaster
        self.since = time.perf_counter() + warm_up
        self.until = self.since + seconds
        self._times: list[float] = []
        self._transfers = 0
        self._before: tuple[float, float, float] | None = None

    def count(self, began: float, transfers: int) -> None:
        """Note one call that has been answered."""
        now = time.perf_counter()
        if now < self.since:
            return
        if self._before is None:
            self._before = self._spent()
            self.since = now  # The first answer after the warm-up begins the measurement.
            return
        self._times.append(now - began)
        self._transfers += transfers

    def load(self) -> LedgerLoad:
        """Return what was measured, from the first answer after the warm-up until now."""
        seconds = time.perf_counter() - self.since
        after = self._spent()
        assert self._before is not None, "nothing was answered"
        times = sorted(self._times)
        client, postgres, machine = (
            (b - a) * 1000 / self._transfers for a, b in zip(self._before, after, strict=True)
        )
        return LedgerLoad(
            transfers=self._transfers,
            seconds=seconds,
            p50_ms=1000 * times[len(times) // 2],
            p99_ms=1000 * times[min(len(times) - 1, len(times) * 99 // 100)],
            client_us=client,
            postgres_us=postgres,
            machine_us=machine,
        )

    def _spent(self) -> tuple[float, float, float]:
        own = resource.getrusage(resource.RUSAGE_SELF)
        server = family_ms(self._postmaster) if self._postmaster else 0.0
        return (own.ru_utime + own.ru_stime) * 1000, server, machine_ms()


class TransferIds:
    """Ids that grow with time, as TigerBeetle recommends: milliseconds, then random bits."""

    def __init__(self) -> None:
        self._random = random.SystemRandom().getrandbits(64) << 16
        self._counter = itertools.count()

    def next(self) -> int:
        """Return an id that nobody gave before."""
        return (time.time_ns() // 1_000_000 << 80) | (self._random + next(self._counter) % 2**80)


async def open_accounts(ledgers: Ledgers, space: str = SPACE, accounts: int = ACCOUNTS) -> None:
    """Open the accounts of the measurement, unless they are there."""
    if await ledgers.lookup_accounts(space, [accounts]):
        return
    for first in range(_HOT_ID, accounts + 1, _OPENED_AT_ONCE):
        numbers = range(first, min(first + _OPENED_AT_ONCE, accounts + 1))
        events = [AccountEvent(number, LEDGER, 1) for number in numbers]
        results = await ledgers.create_accounts(space, events)
        assert {result.status for result in results} <= {Status.CREATED, Status.EXISTS}


def transfer(ids: TransferIds, choose: random.Random, order: LedgerOrder) -> TransferEvent:
    """Return a plain transfer between two of the accounts."""
    others = order.accounts - 1
    debit = _HOT_ID + 1 + int(choose.random() * others)
    credit = _HOT_ID
    while not order.hot and (credit in (_HOT_ID, debit)):
        credit = _HOT_ID + 1 + int(choose.random() * others)
    amount = _AMOUNTS[int(choose.random() * len(_AMOUNTS))]
    return TransferEvent(ids.next(), debit, credit, amount, ledger=LEDGER, code=7)


async def play(ledgers: Ledgers, order: LedgerOrder) -> LedgerLoad:
    """Keep every caller busy until the time is over."""
    ids, choose = TransferIds(), random.Random(7)
    counting = Counting(order.warm_up, order.seconds, order.postmaster)

    async def caller() -> None:
        while True:
            began = time.perf_counter()
            if began > counting.until:
                return
            events = [transfer(ids, choose, order) for _ in range(order.batch)]
            results = await ledgers.create_transfers(order.space, events)
            assert all(result.status is Status.CREATED for result in results), results[:3]
            counting.count(began, order.batch)

    await asyncio.gather(*(caller() for _ in range(order.callers)))
    return counting.load()


@asynccontextmanager
async def ledgers_at(url: str) -> AsyncIterator[Ledgers]:
    """Open the ledgers of a database, with a writer of their own."""
    clock = SystemClock()
    store = PostgresStore(url, SCHEMA, LedgerEngine(clock))
    await store.open()
    writer = Writer(store, clock)
    await writer.start()
    reader = PooledReader(url, SCHEMA, [QUERIES])
    await reader.open()
    try:
        yield Ledgers(reader, writer, clock)
    finally:
        await writer.close()
        await reader.close()
        await store.close()


async def _run(order: LedgerOrder) -> LedgerLoad:
    async with ledgers_at(order.url) as ledgers:
        await open_accounts(ledgers, order.space, order.accounts)
        gc.collect()
        # As the servers of the product do after their start.
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        return await play(ledgers, order)


def main() -> None:
    """Play the order that stands on standard input."""
    order = LedgerOrder(**json.load(sys.stdin))
    print(json.dumps(asdict(uvloop.run(_run(order)))))


if __name__ == "__main__":
    main()
