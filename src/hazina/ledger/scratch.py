"""A throwaway ledger in memory, on a clock that moves only when told."""

from __future__ import annotations

from datetime import UTC, datetime

from hazina.clock import ManualClock
from hazina.db.memory import MemoryReader, MemoryStore
from hazina.db.table import Schema
from hazina.db.unit import Quarantined, Unit, Verdict
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.in_memory import QUERIES
from hazina.ledger.service import Ledgers
from hazina.ledger.tables import TABLES

_START = datetime(2026, 1, 1, tzinfo=UTC)
_EXPIRE_AT_ONCE = 1_000_000


class Directly:
    """Executes each unit as a batch of its own."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def submit(self, unit: Unit) -> Verdict:
        """Commit a unit. Raises `Quarantined` for data that no database would take."""
        (verdict,) = await self._store.execute([unit])
        if isinstance(verdict, Quarantined):
            raise verdict
        return verdict


class Scratch:
    """An empty ledger of the real engine; `ledgers` is its door."""

    def __init__(self, start: datetime = _START) -> None:
        self._clock = ManualClock(start)
        self._rest_ns = 0
        self.store = MemoryStore(
            Schema(TABLES), LedgerEngine(self._clock, stamp_step=1), clock=self._clock
        )
        reader = MemoryReader(self.store, QUERIES)
        self.ledgers = Ledgers(reader, Directly(self.store), self._clock)

    @property
    def clock(self) -> ManualClock:
        """The clock, which `advance_ns` moves."""
        return self._clock

    async def advance_ns(self, duration_ns: int) -> int:
        """Move the clock and release what has run out by then; return how many."""
        whole_us, self._rest_ns = divmod(self._rest_ns + duration_ns, 1000)
        self._clock.advance_us(whole_us)
        return await self.ledgers.expire_due(_EXPIRE_AT_ONCE)
