"""A client's ledger on PostgreSQL with a clock of its own, for the differential fuzz and others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from hazina.clock import ManualClock
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore, StoreSettings
from hazina.db.table import Schema
from hazina.db.writer import Writer
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.remembered import ACCOUNTS_MAX
from hazina.ledger.service import Ledgers
from hazina.ledger.stamps import nanoseconds
from hazina.ledger.tables import TABLES
from hazina.ledger.verify import INVARIANTS, QUERIES, broken_invariants, verify

USUAL = datetime(2026, 1, 1, tzinfo=UTC)
_TICK_NS = 1_000_000


class LedgerOnPostgres:
    """The door, the reader behind it, and the clock that the ledger believes."""

    def __init__(self, ledgers: Ledgers, reader: PooledReader, clock: ManualClock) -> None:
        self.ledgers = ledgers
        self.reader = reader
        self.clock = clock
        self._rest_ns = 0

    def moments(self, count: int) -> list[int]:
        """Return when each of the next events will be judged: all by the clock's time."""
        return [nanoseconds(self.clock.now())] * count

    def pass_ns(self, duration_ns: int) -> int:
        """Move the clock and release nothing yet; return the time that it then shows.

        It moves by a millisecond at least: timestamps begin half of one before the clock's time,
        and are past as long as it goes on.
        """
        duration_ns = max(duration_ns, _TICK_NS)
        whole_us, self._rest_ns = divmod(self._rest_ns + duration_ns, 1000)
        self.clock.advance_us(whole_us)
        return nanoseconds(self.clock.now())

    async def advance_ns(self, duration_ns: int) -> int:
        """Move the clock and release what has run out by then; return how many."""
        now = self.pass_ns(duration_ns) if duration_ns else nanoseconds(self.clock.now())
        return await self.ledgers.expire_due(1_000_000, now)

    async def demand_whole(self) -> None:
        """Fail unless every invariant holds and the chains are whole."""
        assert await broken_invariants(self.reader.query) == []
        assert await verify(self.reader.query) == []


@asynccontextmanager
async def a_ledger(
    url: str, start: datetime = USUAL, accounts_max: int = ACCOUNTS_MAX
) -> AsyncIterator[LedgerOnPostgres]:
    """Open the ledger of a database."""
    clock = ManualClock(start)
    # Never resting after a failure, so that as much as can be is sent ahead; and patient, since a
    # long run must survive that the whole machine is stopped for a while.
    settings = StoreSettings(rest_max=0, give_up_ms=600_000)
    engine = LedgerEngine(clock, accounts_max=accounts_max)
    store = PostgresStore(url, Schema(TABLES), engine, settings=settings)
    await store.open()
    writer = Writer(store, clock)
    await writer.start()
    reader = PooledReader(url, Schema(TABLES), [QUERIES, INVARIANTS])
    await reader.open()
    try:
        yield LedgerOnPostgres(Ledgers(reader, writer, clock), reader, clock)
    finally:
        await writer.close()
        await reader.close()
        await store.close()
