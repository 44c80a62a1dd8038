"""The in-memory store and its reader: the same judging as PostgreSQL's, over dicts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson

from hazina.clock import Clock, SystemClock
from hazina.db import arrays
from hazina.db.judging import Judging, Place, check, gather_claims
from hazina.db.slots import GENESIS, chain_hash
from hazina.db.table import Key, Row, Schema, Table
from hazina.db.unit import (
    Claim,
    Committed,
    Engine,
    Insert,
    Quarantined,
    Refused,
    Unit,
    Update,
    Verdict,
)

NamedQuery = Callable[["MemoryStore", Mapping[str, Any]], Sequence[Row]]
"""A named query as a Python function over the store's tables."""


class MemoryStore:
    """Keeps tables in dicts; for tests and for simulation without a database."""

    def __init__(
        self,
        schema: Schema,
        engine: Engine | None = None,
        *,
        clock: Clock | None = None,
        slot: int = 1,
        beside: MemoryStore | None = None,
    ) -> None:
        """`beside` is another process's store, whose tables are used; each needs its own slot."""
        self._schema = schema
        self._slot = slot
        self._engine = engine
        self._clock = clock or SystemClock()
        self._serial = 0
        self.tables: dict[str, dict[Key, dict[str, Any]]] = (
            {name: {} for name in schema.tables} if beside is None else beside.tables
        )
        self.chain: list[bytes] = []

    async def open(self) -> None:
        """Do nothing: memory is there."""

    async def close(self) -> None:
        """Do nothing: memory goes by itself."""

    @property
    def slot(self) -> int:
        """The slot that it was given."""
        return self._slot

    async def renew(self) -> None:
        """Do nothing: nobody else wants the slot."""

    async def execute(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        """Judge and apply units as one batch; return a verdict for each, in order."""
        problems = [check(unit, self._schema) or self._unwritable(unit) for unit in units]
        sound = [unit for unit, problem in zip(units, problems, strict=True) if not problem]
        verdicts = iter(self._batch(sound) if sound else [])
        return [Quarantined(problem) if problem else next(verdicts) for problem in problems]

    def _batch(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        wanted = gather_claims(units, self._schema)
        won = {place for place in wanted.claimant if not self._exists(place)}
        versions: dict[Place, int] = {}
        for unit in units:
            for row in unit.relies_on:
                stored = self.tables[row.table].get(row.key)
                if stored is not None:
                    versions[row.table, row.key] = stored.get("version", 0)
        sequence = len(self.chain) + 1
        judge = None
        if self._engine is not None:
            needs = self._engine.needs(units)
            ensured = [write for write in needs.ensure if not self._exists(self._place(write))]
            places = [
                (table, key)
                for wanted_rows in (needs.lock, needs.read)
                for table, keys in wanted_rows.items()
                for key in keys
            ]
            rows = self._rows(places, ensured)
            judge = self._engine.open(rows, slot=self._slot, sequence=sequence)
        judging = Judging(
            self._schema, wanted, won, versions, judge, self._slot << 40 | sequence, self._exists
        )
        verdicts = judging.judge(units)
        if not any(isinstance(verdict, Committed | Refused) for verdict in verdicts):
            return verdicts
        if judge is not None:
            for write in ensured:
                self._insert(self._schema[write.table], write.row, 1)
        self._apply(wanted.rows, won, judging)
        digest = hashlib.sha256().digest() if judge is None else judge.digest()
        previous = self.chain[-1] if self.chain else GENESIS
        self.chain.append(chain_hash(previous, sequence, digest))
        return verdicts

    def _rows(self, places: Iterable[Place], ensured: Sequence[Insert]) -> dict[Place, Row]:
        fresh = {
            self._place(write): self._stored(self._schema[write.table], write.row, 1)
            for write in ensured
        }
        rows: dict[Place, Row] = {}
        for name, key in places:
            row = self.tables[name].get(key) or fresh.get((name, key))
            if row is not None:
                rows[name, key] = dict(row)
        return rows

    def _apply(
        self, claims: Mapping[str, Mapping[Key, Row]], won: set[Place], judging: Judging
    ) -> None:
        for name, rows in claims.items():
            for key, row in rows.items():
                if (name, key) in won:
                    self._insert(self._schema[name], row, 1)
        effects = judging.effects
        for name, key in effects.deletes:
            del self.tables[name][key]
        for (name, _), (row, version) in effects.inserts.items():
            self._insert(self._schema[name], row, version)
        for place, row in effects.claims.items():
            if not self._exists(place):
                self._insert(self._schema[place[0]], row, 1)
        for many in effects.insert_rows:
            for row in _turned(many.columns):
                self._insert(self._schema[many.table], row, 1)
        for (name, key), change in effects.changes.items():
            self._change(name, key, change.version, change.version_next, change.changes)
        for changed in effects.update_rows:
            rows_changed = _turned(changed.columns)
            for key, version, row in zip(changed.keys, changed.versions, rows_changed, strict=True):
                self._change(changed.table, key, version, version + 1, row)

    def _change(self, name: str, key: Key, version: int, version_next: int, row: Row) -> None:
        table, stored = self._schema[name], self.tables[name][key]
        stored.update(self._values(table, row))
        if table.versioned:
            assert stored["version"] == version, f"{name} {key} changed under judging"
            stored["version"] = version_next

    def _exists(self, place: Place) -> bool:
        return place[1] in self.tables[place[0]]

    def _place(self, write: Insert) -> Place:
        return write.table, self._schema[write.table].key_of(write.row)

    def _insert(self, table: Table, row: Row, version: int) -> None:
        key = table.key_of(row)
        assert key not in self.tables[table.name], f"{table.name} {key} exists"
        self.tables[table.name][key] = self._stored(table, row, version)

    def _stored(self, table: Table, row: Row, version: int) -> dict[str, Any]:
        stored: dict[str, Any] = dict.fromkeys(table.columns)
        stored.update(self._values(table, row))
        for name, kind in table.defaults.items():
            self._serial += 1
            stored[name] = self._clock.now() if kind == "timestamptz" else self._serial
        if table.versioned:
            stored["version"] = version
        return stored

    def _values(self, table: Table, row: Row) -> dict[str, Any]:
        values = dict(row)
        for name, value in row.items():
            if value is None:
                continue
            if table.columns[name] == "from_now":
                values[name] = self._clock.now() + timedelta(milliseconds=value)
            elif table.columns[name] == "jsonb":
                values[name] = orjson.loads(orjson.dumps(value))
        return values

    def _unwritable(self, unit: Unit) -> str | None:
        """Return why PostgreSQL would refuse the unit's data, or None."""
        for write in (*unit.claims, *unit.writes, *unit.on_refusal):
            if isinstance(write, Insert | Claim):
                row = write.row
            elif isinstance(write, Update):
                row = write.changes
            else:
                continue
            columns = self._schema[write.table].columns
            for name, value in row.items():
                if value is None:
                    continue
                try:
                    data = arrays.encode_one(columns[name], value) or b""
                except arrays.NotEncodable as error:
                    return str(error)
                kind = columns[name]
                if (kind == "text" and b"\x00" in data) or (kind == "jsonb" and b"\\u0000" in data):
                    return f"{write.table}.{name} holds U+0000"
        return None


def _turned(columns: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Return rows that were given column by column."""
    values = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


class MemoryReader:
    """Reads a `MemoryStore`; `queries` gives each named query as a Python function."""

    def __init__(self, store: MemoryStore, queries: Mapping[str, NamedQuery] | None = None) -> None:
        self._store = store
        self._queries = queries or {}

    async def get(self, table: str, key: Key) -> Row | None:
        """Return one row."""
        row = self._store.tables[table].get(key)
        return None if row is None else dict(row)

    async def where(self, table: str, **equal: Any) -> list[Row]:
        """Return the rows of a table whose columns equal these values, in key order."""
        rows = sorted(self._store.tables[table].items())
        return [
            dict(row) for _, row in rows if all(row[name] == value for name, value in equal.items())
        ]

    async def query(self, name: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run a named query."""
        return self._queries[name](self._store, parameters)
