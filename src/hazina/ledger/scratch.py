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
from hazina.ledger.stamps import ExactStamps
from hazina.ledger.tables import TABLES
from hazina.ledger.wire import WireError

_START = datetime(2026, 1, 1, tzinfo=UTC)
_EXPIRE_AT_ONCE = 1_000_000
_LATEST = 2**63 - 2**42
"""How far the clock goes: timestamps have 63 bits, and more than an hour of events is left."""


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
    """An empty ledger of the real engine; `ledgers` is its door.

    Its clock is exact to the nanosecond: each event takes one, and `advance_ns` moves it.
    """

    def __init__(self, start: datetime = _START) -> None:
        clock = ManualClock(start)
        self._stamps = ExactStamps(clock)
        self.store = MemoryStore(Schema(TABLES), LedgerEngine(clock, self._stamps), clock=clock)
        self.ledgers = Ledgers(MemoryReader(self.store, QUERIES), Directly(self.store), clock)

    @property
    def next_ns(self) -> int:
        """The time that the next event will have."""
        return self._stamps.next_moment

    def pass_ns(self, duration_ns: int) -> int:
        """Move the clock and release nothing yet; return the time that it then shows."""
        return self._stamps.advance(duration_ns)

    async def advance_ns(self, duration_ns: int) -> int:
        """Move the clock and release what has run out by then; return how many.

        Raises `WireError` where no timestamp would be left for the next event.
        """
        if self.next_ns + duration_ns > _LATEST:
            raise WireError("advance_clock_ns: the clock cannot go beyond the year 2262.")
        return await self.ledgers.expire_due(_EXPIRE_AT_ONCE, self.pass_ns(duration_ns))
