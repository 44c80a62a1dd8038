"""The array statements of the writer: one per table and form, made from `Table`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hazina.db import arrays
from hazina.db.table import Key, Kind, Row, Schema, Table
from hazina.values import value

Columns = Mapping[str, Sequence[Any]]
"""Rows column by column, all of one length."""
WHOLE_NUMBERS = ("bigint", "integer", "numeric")
"""Kinds that rows are read with as text."""
_BIGINT_LIMIT = 2**63


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
        values = _key_arrays(table, keys)
        if table.versioned:
            values.append(arrays.encode("bigint", versions))
            values.append(arrays.encode("bigint", versions_next))
        sent = [_sent(table.columns[name], column) for name, column in columns.items()]
        values += [arrays.encode(kind, column) for kind, column in sent]
        signature = [(name, kind) for name, (kind, _) in zip(columns, sent, strict=True)]
        return Call(self._statement("update", table, signature), tuple(values))

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
                f"SELECT {_read_list(read_columns(table), table.name)} FROM {table.name}"
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
                kind, column = _sent(table.columns[name], column)
                signature.append((name, kind))
                values.append(arrays.encode(kind, column))
        if table.versioned:
            values.append(arrays.encode("bigint", versions))
        return Call(self._statement(form, table, signature), tuple(values))

    def _statement(
        self, form: str, table: Table, columns: Sequence[tuple[str, Kind]] = ()
    ) -> Statement:
        signature = (form, table.name, *columns)
        made = self._made.get(signature)
        if made is None:
            made = self._made[signature] = _FORMS[form](table, dict(columns))
        return made


def _columns(table: Table, rows: Sequence[Row]) -> Columns:
    """Turn rows into columns; what a row does not name is NULL."""
    try:
        return dict(zip(table.columns, zip(*map(table.values_of, rows), strict=True), strict=True))
    except KeyError:
        return {name: [row.get(name) for row in rows] for name in table.columns}


def read_columns(table: Table) -> dict[str, Kind]:
    """Return the columns that `read` and `where` return, in their order."""
    columns: dict[str, Kind] = {**table.columns, **table.defaults}
    if table.versioned:
        columns["version"] = "bigint"
    return columns


def lock_columns(table: Table) -> dict[str, Kind]:
    """Return the columns that `lock` returns, in their order."""
    columns = read_columns(table)
    if not table.changing:
        return columns
    return {name: columns[name] for name in (*table.changing, "version")}


def _read_list(columns: Mapping[str, Kind], name: str) -> str:
    """Return the columns to read. Whole numbers come as text, which is read by `int` alone."""
    return ", ".join(
        f"{name}.{column}::text" if kind in WHOLE_NUMBERS else f"{name}.{column}"
        for column, kind in columns.items()
    )


def _sent(kind: Kind, column: Sequence[Any]) -> tuple[Kind, Sequence[Any]]:
    """Return as what to send a column: numerics that fit go as bigint, at a tenth of the cost."""
    if kind != "numeric":
        return kind, column
    try:
        if min(column) > -_BIGINT_LIMIT and max(column) < _BIGINT_LIMIT:
            return "bigint", column
    except TypeError:  # There is a NULL among them.
        pass
    return kind, column


def _key_kind(table: Table, name: str) -> Kind:
    return table.columns.get(name) or table.defaults[name]


def _key_arrays(table: Table, keys: Sequence[Key]) -> list[bytes]:
    columns = zip(*keys, strict=True)
    return [
        arrays.encode(_key_kind(table, name), column)
        for name, column in zip(table.key, columns, strict=True)
    ]


def _unnest(names: Iterable[str], *, ordinality: bool = False) -> str:
    names = list(names)
    parameters = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    if ordinality:
        return f"unnest({parameters}) WITH ORDINALITY AS u({', '.join(names)}, place)"
    return f"unnest({parameters}) AS u({', '.join(names)})"


def _value(name: str, kind: Kind) -> str:
    if kind == "from_now":
        return f"now() + u.{name} * interval '1 millisecond'"
    return f"u.{name}"


def _oids(kinds: Iterable[Kind]) -> tuple[int, ...]:
    return tuple(arrays.ARRAY_OIDS[kind] for kind in kinds)


def _keys(table: Table) -> tuple[list[str], list[Kind], str]:
    names = [f"k{place}" for place in range(len(table.key))]
    kinds = [_key_kind(table, name) for name in table.key]
    pairs = zip(table.key, names, strict=True)
    return names, kinds, " AND ".join(f"t.{column} = u.{name}" for column, name in pairs)


def _insert_sql(table: Table, sent: Mapping[str, Kind]) -> tuple[str, tuple[int, ...]]:
    columns: dict[str, Kind] = dict(sent)
    if table.versioned:
        columns["version"] = "bigint"
    values = ", ".join(_value(name, kind) for name, kind in columns.items())
    sql = f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {values} FROM {_unnest(columns)}"
    return sql, _oids(columns.values())


def _make_insert(table: Table, sent: Mapping[str, Kind]) -> Statement:
    sql, oids = _insert_sql(table, sent)
    return Statement(sql.encode(), oids)


def _make_claim(table: Table, sent: Mapping[str, Kind]) -> Statement:
    sql, oids = _insert_sql(table, sent)
    sql += f" ON CONFLICT DO NOTHING RETURNING {', '.join(table.key)}"
    return Statement(sql.encode(), oids)


def _make_update(table: Table, sent: Mapping[str, Kind]) -> Statement:
    names, kinds, match = _keys(table)
    sets = []
    if table.versioned:
        names += ["version_before", "version_after"]
        kinds += ["bigint", "bigint"]
        match += " AND t.version = u.version_before"
        sets.append("version = u.version_after")
    for name, kind in sent.items():
        names.append(f"c_{name}")
        kinds.append(kind)
        sets.append(f"{name} = {_value(f'c_{name}', kind)}")
    sql = f"UPDATE {table.name} t SET {', '.join(sets)} FROM {_unnest(names)} WHERE {match}"
    return Statement(sql.encode(), _oids(kinds))


def _make_delete(table: Table, sent: Mapping[str, Kind]) -> Statement:
    names, kinds, match = _keys(table)
    if table.versioned:
        names.append("version_before")
        kinds.append("bigint")
        match += " AND t.version = u.version_before"
    sql = f"DELETE FROM {table.name} t USING {_unnest(names)} WHERE {match}"
    return Statement(sql.encode(), _oids(kinds))


def _select(table: Table, columns: str, ending: str) -> Statement:
    """Look each key up on its own, in order.

    The inner SELECT cannot be merged into the outer one (it locks, or has an OFFSET), so that no
    plan can scan the table, whatever the statistics say, and rows are locked in the given order.
    A row lock returns the newest version of its row, also after waiting for another to commit.
    """
    names, kinds, match = _keys(table)
    sql = (
        f"SELECT u.place::text, r.* FROM {_unnest(names, ordinality=True)},"
        f" LATERAL (SELECT {columns} FROM {table.name} t WHERE {match} {ending}) r"
    )
    return Statement(sql.encode(), _oids(kinds))


def _make_versions(table: Table, sent: Mapping[str, Kind]) -> Statement:
    wanted = "version::text" if table.versioned else table.key[0]
    return _select(table, f"t.{wanted}", "FOR UPDATE")


def _make_lock(table: Table, sent: Mapping[str, Kind]) -> Statement:
    return _select(table, _read_list(lock_columns(table), "t"), "FOR UPDATE")


def _make_read(table: Table, sent: Mapping[str, Kind]) -> Statement:
    return _select(table, _read_list(read_columns(table), "t"), "OFFSET 0")


_FORMS = {
    "insert": _make_insert,
    "claim": _make_claim,
    "update": _make_update,
    "delete": _make_delete,
    "versions": _make_versions,
    "lock": _make_lock,
    "read": _make_read,
}
