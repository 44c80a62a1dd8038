"""One database in memory and each process's connection to it, with the waits of a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from hazina.bootstrap.app import SCHEMA
from hazina.clock import Clock
from hazina.db.memory import MemoryReader, MemoryStore, NamedQuery
from hazina.db.table import Key, Row, Table
from hazina.db.unit import Overloaded, Quarantined, Unit, Verdict
from hazina.ledger.engine import LedgerEngine
from tests.simulation.trace import Trace

_LOST_MS = 4_000
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "webhook_delivery": {"schedule_from": 0, "sending": False},
    "webhook_endpoint": {"paused": False},
}
"""What PostgreSQL puts where an insert says nothing."""


@dataclass(slots=True)
class Database:
    """What outlives processes: the tables, the event log's order, and what is under way."""

    clock: Clock
    chance: Random
    trace: Trace
    troubled: float = 0.0
    """The share of batches that meet trouble: a lost connection, or a COMMIT's lost answer."""
    tables: MemoryStore = field(init=False)
    log: list[dict[str, Any]] = field(default_factory=list)
    """Events in the order of their commits."""
    _open: set[int] = field(default_factory=set)
    _xid: int = 0
    _position: int = 0
    _slots: int = 0

    def __post_init__(self) -> None:
        self.tables = MemoryStore(SCHEMA, clock=self.clock)

    @property
    def bound(self) -> tuple[int, int]:
        """The oldest database transaction under way: the log may be read below it."""
        return (min(self._open, default=self._xid + 1), -1)

    def begin(self) -> int:
        """Number a database transaction."""
        self._xid += 1
        self._open.add(self._xid)
        return self._xid

    def end(self, xid: int) -> None:
        """Let a database transaction end, be it by commit or by its connection's death."""
        self._open.discard(xid)

    def positions(self) -> int:
        """Hand out numbers for a batch's rows of the log: taken early, as sequences do."""
        self._position += 1_000
        return self._position

    def slot(self) -> int:
        """Lease a writer slot that nobody held before."""
        self._slots += 1
        return self._slots


class Connection(MemoryStore):
    """The store of one process over the one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(
            SCHEMA, LedgerEngine(clock), clock=database.clock, slot=database.slot(),
            beside=database.tables,
        )  # fmt: skip
        self.database = database
        self._xid = 0
        self._position = 0

    def now(self) -> datetime:
        """The database's own time, which no process's skew touches."""
        return self.database.clock.now()

    def die(self) -> None:
        """Roll back what is under way, as PostgreSQL does when a connection is gone."""
        self.database.end(self._xid)

    async def execute(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        """Judge and commit a batch after a while, and say so after another."""
        database, chance = self.database, self.database.chance
        trouble = chance.random() < database.troubled
        kind = chance.choice(("overloaded", "lost_before", "lost_after")) if trouble else ""
        if kind == "overloaded":
            await asyncio.sleep(chance.random() * 2)
            raise Overloaded("PostgreSQL cannot be reached")
        if kind == "lost_before":
            await asyncio.sleep(_LOST_MS / 1000)  # Found absent, and tried again.
        self._xid, self._position = database.begin(), database.positions()
        try:
            await asyncio.sleep(chance.random() / 100)
            verdicts = await super().execute(units)
        finally:
            database.end(self._xid)
        database.trace.batch(self.slot, units, verdicts)
        await asyncio.sleep(_LOST_MS / 1000 if kind == "lost_after" else chance.random() / 100)
        return verdicts

    def _unwritable(self, unit: Unit) -> str | None:
        """Take every unit for one that can be written: the conformance tests see to that."""
        return None

    def _stored(self, table: Table, row: Row, version: int) -> dict[str, Any]:
        stored = super()._stored(table, row, version)
        for name, value in _DEFAULTS.get(table.name, {}).items():
            if name not in row:
                stored[name] = value
        if table.name == "event":
            self._position += 1
            stored |= {"xid": self._xid, "position": self._position}
            self.database.log.append(stored)
        return stored


class WaitingReader(MemoryReader):
    """Reads that take a while: what is returned may have changed since it was read."""

    def __init__(self, store: Connection, queries: Mapping[str, NamedQuery]) -> None:
        super().__init__(store, queries)
        self._chance = store.database.chance

    async def get(self, table: str, key: Key) -> Row | None:
        row = await super().get(table, key)
        await self._wait()
        return row

    async def where(self, table: str, **equal: Any) -> list[Row]:
        rows = await super().where(table, **equal)
        await self._wait()
        return rows

    async def query(self, name: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        rows = await super().query(name, parameters)
        await self._wait()
        return rows

    async def search(
        self, name: str, condition: str, parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """Searches need a query language that only PostgreSQL speaks."""
        raise NotImplementedError(name)

    async def _wait(self) -> None:
        if self._chance.random() < 0.2:
            await asyncio.sleep(self._chance.random() / 50)
