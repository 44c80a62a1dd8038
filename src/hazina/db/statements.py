"""The array statements of the writer: one per table and form, made from `Table`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hazina.db import arrays
from hazina.db.table import Key, Kind, Row, Schema, Table
from hazina.values import value

Columns = Mapping[str, Sequence[Any]]
"""Rows column by column, all of one length."""
WHOLE_NUMBERS = ("bigint", "integer", "numeric")
"""Kinds that rows are read with as text."""
_BIGINT_LIMIT = 2**63
_HEAD = 20
_WIDTHS: dict[Kind, int] = {
    "uuid": 20, "bigint": 12, "integer": 8, "boolean": 5, "timestamptz": 12, "from_now": 12,
}  # fmt: skip
"""How many bytes each value takes in an array, with its length, for kinds of one size."""


class Sent(NamedTuple):
    """How a column is sent; `even` is an array of values of one size, none of them NULL."""

    kind: Kind
    even: bool


_EVEN_BIGINT = Sent("bigint", even=True)


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


class _Parameters:
    """The arrays of a statement, and how it reads the value of each row.

    `unnest` makes a list of each array before it returns a row, which costs a microsecond for ten
    columns. An array of values of one size, and without NULL, is read by its subscript instead.
    """

    def __init__(self) -> None:
        self.oids: list[int] = []
        self._unnested: list[tuple[int, str]] = []

    def add(self, name: str, sent: Sent) -> str:
        """Add an array; return the expression for its value of a row."""
        self.oids.append(arrays.ARRAY_OIDS[sent.kind])
        number = len(self.oids)
        if sent.even:
            return f"(${number})[u.row_place::integer]"
        self._unnested.append((number, name))
        return f"u.{name}"

    def rows(self) -> str:
        """Return what goes after FROM: a row for each place of the arrays."""
        if not self._unnested:
            return "generate_series(1, cardinality($1)) AS u(row_place)"
        numbers = ", ".join(f"${number}" for number, _ in self._unnested)
        names = ", ".join(name for _, name in self._unnested)
        return f"unnest({numbers}) WITH ORDINALITY AS u({names}, row_place)"


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
        return f"unnest({parameters}) WITH ORDINALITY AS u({', '.join(names)}, row_place)"
    return f"unnest({parameters}) AS u({', '.join(names)})"


def _value(expression: str, kind: Kind) -> str:
    if kind == "from_now":
        return f"now() + {expression} * interval '1 millisecond'"
    return expression


def _oids(kinds: Iterable[Kind]) -> tuple[int, ...]:
    return tuple(arrays.ARRAY_OIDS[kind] for kind in kinds)


def _keys(table: Table) -> tuple[list[str], list[Kind], str]:
    names = [f"k{place}" for place in range(len(table.key))]
    kinds = [_key_kind(table, name) for name in table.key]
    pairs = zip(table.key, names, strict=True)
    return names, kinds, " AND ".join(f"t.{column} = u.{name}" for column, name in pairs)


def _insert_sql(table: Table, sent: Mapping[str, Sent]) -> tuple[str, tuple[int, ...]]:
    columns = dict(sent)
    if table.versioned:
        columns["version"] = _EVEN_BIGINT
    parameters = _Parameters()
    values = [_value(parameters.add(name, one), one.kind) for name, one in columns.items()]
    sql = (
        f"INSERT INTO {table.name} ({', '.join(columns)})"
        f" SELECT {', '.join(values)} FROM {parameters.rows()}"
    )
    return sql, tuple(parameters.oids)


def _make_insert(table: Table, sent: Mapping[str, Sent]) -> Statement:
    sql, oids = _insert_sql(table, sent)
    return Statement(sql.encode(), oids)


def _make_claim(table: Table, sent: Mapping[str, Sent]) -> Statement:
    sql, oids = _insert_sql(table, sent)
    sql += f" ON CONFLICT DO NOTHING RETURNING {', '.join(table.key)}"
    return Statement(sql.encode(), oids)


def _make_update(table: Table, sent: Mapping[str, Sent]) -> Statement:
    names, kinds, match = _keys(table)
    parameters = _Parameters()
    for name, kind in zip(names, kinds, strict=True):
        parameters.add(name, Sent(kind, even=False))  # What rows are joined by.
    sets = []
    if table.versioned:
        parameters.add("version_before", Sent("bigint", even=False))
        match += " AND t.version = u.version_before"
        sets.append(f"version = {parameters.add('version_after', _EVEN_BIGINT)}")
    for name, one in sent.items():
        sets.append(f"{name} = {_value(parameters.add(f'c_{name}', one), one.kind)}")
    sql = f"UPDATE {table.name} t SET {', '.join(sets)} FROM {parameters.rows()} WHERE {match}"
    return Statement(sql.encode(), tuple(parameters.oids))


def _make_update_all(table: Table, sent: Mapping[str, Sent]) -> Statement:
    """Divide by zero, which undoes the whole, where a row was not there as it should be."""
    made = _make_update(table, sent)
    sql = (
        f"WITH changed AS ({made.sql.decode()} RETURNING 1)"
        " SELECT 1 / (count(*) = cardinality($1))::integer FROM changed"
    )
    return Statement(sql.encode(), made.oids)


def _make_demand_absent(table: Table, sent: Mapping[str, Sent]) -> Statement:
    names, kinds, match = _keys(table)
    sql = (
        f"SELECT 1 / (NOT EXISTS (SELECT FROM {_unnest(names)},"
        f" LATERAL (SELECT FROM {table.name} t WHERE {match} OFFSET 0) r))::integer"
    )
    return Statement(sql.encode(), _oids(kinds))


def _make_delete(table: Table, sent: Mapping[str, Sent]) -> Statement:
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
        f"SELECT u.row_place::text, r.* FROM {_unnest(names, ordinality=True)},"
        f" LATERAL (SELECT {columns} FROM {table.name} t WHERE {match} {ending}) r"
    )
    return Statement(sql.encode(), _oids(kinds))


def _make_versions(table: Table, sent: Mapping[str, Sent]) -> Statement:
    wanted = "version::text" if table.versioned else table.key[0]
    return _select(table, f"t.{wanted}", "FOR UPDATE")


def _make_lock(table: Table, sent: Mapping[str, Sent]) -> Statement:
    return _select(table, _read_list(lock_columns(table), "t"), "FOR UPDATE")


def _make_read(table: Table, sent: Mapping[str, Sent]) -> Statement:
    return _select(table, _read_list(read_columns(table), "t"), "OFFSET 0")


_FORMS = {
    "insert": _make_insert,
    "claim": _make_claim,
    "update": _make_update,
    "update_all": _make_update_all,
    "demand_absent": _make_demand_absent,
    "delete": _make_delete,
    "versions": _make_versions,
    "lock": _make_lock,
    "read": _make_read,
}
