"""The array statements of the writer: rows bound to what `forms.py` makes of their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hazina.db import arrays
from hazina.db.forms import FORMS, Sent, key_kind, read_columns, read_list
from hazina.db.table import Key, Kind, Row, Schema, Table
from hazina.values import value

Columns = Mapping[str, Sequence[Any]]
"""Rows column by column, all of one length."""
_BIGINT_LIMIT = 2**63
_HEAD = 20
_WIDTHS: dict[Kind, int] = {
    "uuid": 20, "bigint": 12, "integer": 8, "boolean": 5, "timestamptz": 12, "from_now": 12,
}  # fmt: skip
"""How many bytes each value takes in an array, with its length, for kinds of one size."""


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement to prepare once per connection; compared by identity."""

    sql: bytes
    oids: tuple[int, ...]


@value
class Call:
    """A statement with its parameters, in binary."""

    statement: Statement
    parameters: tuple[bytes | None, ...]


def statement(sql: str, *kinds: Kind) -> Statement:
    """Make a statement whose parameters are single values of these kinds."""
    return Statement(sql.encode(), tuple(arrays.SCALAR_OIDS[kind] for kind in kinds))


BEGIN = Call(statement("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"), ())
COMMIT = Call(statement("COMMIT"), ())
ROLLBACK = Call(statement("ROLLBACK"), ())
LOCK = statement("SELECT pg_advisory_xact_lock($1)", "bigint")
"""Holds a number until the database transaction ends."""


def call(made: Statement, kinds: Sequence[Kind], *values: Any) -> Call:
    """Bind single values to a statement."""
    pairs = zip(kinds, values, strict=True)
    return Call(made, tuple(arrays.encode_one(kind, value) for kind, value in pairs))


@value
class Change:
    """What becomes of a stored row: its version now, its version then, the columns that change."""

    key: Key
    version: int
    version_next: int
    changes: Row


class Statements:
    """Makes, and keeps, the statements of a schema; binds rows to them."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._made: dict[tuple[Any, ...], Statement] = {}

    def insert(self, table: Table, rows: Sequence[Row], versions: Sequence[int]) -> Call:
        """Insert rows; a key that exists is a unique violation."""
        return self._insert(table, rows, versions, "insert")

    def claim(self, table: Table, rows: Sequence[Row]) -> Call:
        """Insert the rows whose keys are absent and return the keys that were inserted."""
        return self._insert(table, rows, [1] * len(rows), "claim")

    def update(self, table: Table, changes: Sequence[Change]) -> Call:
        """Change rows that all change the same columns."""
        return self.update_columns(
            table,
            [change.key for change in changes],
            [change.version for change in changes],
            [change.version_next for change in changes],
            {
                name: [change.changes[name] for change in changes]
                for name in table.columns
                if name in changes[0].changes
            },
        )

    def update_columns(
        self,
        table: Table,
        keys: Sequence[Key],
        versions: Sequence[int],
        versions_next: Sequence[int],
        columns: Columns,
    ) -> Call:
        """Change rows given column by column."""
        return self._update_columns("update", table, keys, versions, versions_next, columns)

    def update_all(
        self,
        table: Table,
        keys: Sequence[Key],
        versions: Sequence[int],
        versions_next: Sequence[int],
        columns: Columns,
    ) -> Call:
        """Change rows in the order of `keys`; fails unless each has its version still."""
        return self._update_columns("update_all", table, keys, versions, versions_next, columns)

    def demand_absent(self, table: Table, keys: Sequence[Key]) -> Call:
        """Fail if there is a row with one of these keys."""
        return Call(self._statement("demand_absent", table), tuple(_key_arrays(table, keys)))

    def _update_columns(
        self,
        form: str,
        table: Table,
        keys: Sequence[Key],
        versions: Sequence[int],
        versions_next: Sequence[int],
        columns: Columns,
    ) -> Call:
        values = _key_arrays(table, keys)
        if table.versioned:
            values.append(arrays.encode("bigint", versions))
            values.append(arrays.encode("bigint", versions_next))
        signature = []
        for name, column in columns.items():
            sent, data = _bound(table.columns[name], column)
            signature.append((name, sent))
            values.append(data)
        return Call(self._statement(form, table, signature), tuple(values))

    def delete(self, table: Table, keys: Sequence[Key], versions: Sequence[int]) -> Call:
        """Remove rows by key and version."""
        values = _key_arrays(table, keys)
        if table.versioned:
            values.append(arrays.encode("bigint", versions))
        return Call(self._statement("delete", table), tuple(values))

    def versions(self, table: Table, keys: Sequence[Key]) -> Call:
        """Lock rows in the order of `keys`; return (place in `keys` from 1, version)."""
        made = self._statement("versions", table)
        return Call(made, tuple(_key_arrays(table, keys)))

    def lock(self, table: Table, keys: Sequence[Key]) -> Call:
        """Lock rows in the order of `keys`; return (place, columns of `lock_columns`)."""
        made = self._statement("lock", table)
        return Call(made, tuple(_key_arrays(table, keys)))

    def read(self, table: Table, keys: Sequence[Key]) -> Call:
        """Read rows; return (place, columns of `read_columns`)."""
        made = self._statement("read", table)
        return Call(made, tuple(_key_arrays(table, keys)))

    def where(self, table: Table, equal: Row) -> Call:
        """Read the rows whose columns equal these values, in key order; no place is returned."""
        kinds = {**table.columns, **table.defaults}
        if table.versioned:
            kinds["version"] = "bigint"
        given = sorted(name for name in equal if equal[name] is not None)
        absent = sorted(name for name in equal if equal[name] is None)
        signature = ("where", table.name, *given, "", *absent)
        made = self._made.get(signature)
        if made is None:
            terms = [f"{name} = ${place}" for place, name in enumerate(given, 1)]
            terms += [f"{name} IS NULL" for name in absent]
            made = self._made[signature] = statement(
                f"SELECT {read_list(read_columns(table), table.name)} FROM {table.name}"
                f" WHERE {' AND '.join(terms) or 'true'} ORDER BY {', '.join(table.key)}",
                *(kinds[name] for name in given),
            )
        values = tuple(arrays.encode_one(kinds[name], equal[name]) for name in given)
        return Call(made, values)

    def insert_columns(self, table: Table, columns: Columns, versions: Sequence[int]) -> Call:
        """Insert rows given column by column; a key that exists is a unique violation."""
        return self._insert_columns(table, columns, versions, "insert")

    def _insert(
        self, table: Table, rows: Sequence[Row], versions: Sequence[int], form: str
    ) -> Call:
        return self._insert_columns(table, _columns(table, rows), versions, form)

    def _insert_columns(
        self, table: Table, columns: Columns, versions: Sequence[int], form: str
    ) -> Call:
        signature, values = [], []
        for name, column in columns.items():
            # A column without any value is left out: many are there for a few rows only.
            if name in table.key or column[0] is not None or column.count(None) < len(column):
                sent, data = _bound(table.columns[name], column)
                signature.append((name, sent))
                values.append(data)
        if table.versioned:
            values.append(arrays.encode("bigint", versions))
        return Call(self._statement(form, table, signature), tuple(values))

    def _statement(
        self, form: str, table: Table, columns: Sequence[tuple[str, Sent]] = ()
    ) -> Statement:
        signature = (form, table.name, *columns)
        made = self._made.get(signature)
        if made is None:
            sql, oids = FORMS[form](table, dict(columns))
            made = self._made[signature] = Statement(sql.encode(), oids)
        return made


def _columns(table: Table, rows: Sequence[Row]) -> Columns:
    """Turn rows into columns; what a row does not name is NULL."""
    try:
        return dict(zip(table.columns, zip(*map(table.values_of, rows), strict=True), strict=True))
    except KeyError:
        return {name: [row.get(name) for row in rows] for name in table.columns}


def _bound(kind: Kind, column: Sequence[Any]) -> tuple[Sent, bytes]:
    """Encode a column; numerics that fit go as bigint, at a tenth of the cost."""
    if kind == "numeric":
        try:
            if min(column) > -_BIGINT_LIMIT and max(column) < _BIGINT_LIMIT:
                kind = "bigint"
        except TypeError:  # There is a NULL among them.
            pass
    data = arrays.encode(kind, column)
    width = _WIDTHS.get(kind)
    return Sent(kind, width is not None and len(data) == _HEAD + width * len(column)), data


def _key_arrays(table: Table, keys: Sequence[Key]) -> list[bytes]:
    columns = zip(*keys, strict=True)
    return [
        arrays.encode(key_kind(table, name), column)
        for name, column in zip(table.key, columns, strict=True)
    ]
