"""The SQL of the array statements: one per table and form, made from `Table`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hazina.db import arrays
from hazina.db.table import Kind, Table

Sql = tuple[str, tuple[int, ...]]
"""A statement and the types of its parameters."""
WHOLE_NUMBERS = ("bigint", "integer", "numeric")
"""Kinds that rows are read with as text."""


class Sent(NamedTuple):
    """How a column is sent; `even` is an array of values of one size, none of them NULL."""

    kind: Kind
    even: bool


_EVEN_BIGINT = Sent("bigint", even=True)


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


def read_list(columns: Mapping[str, Kind], name: str) -> str:
    """Return the columns to read. Whole numbers come as text, which is read by `int` alone."""
    return ", ".join(
        f"{name}.{column}::text" if kind in WHOLE_NUMBERS else f"{name}.{column}"
        for column, kind in columns.items()
    )


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


def key_kind(table: Table, name: str) -> Kind:
    return table.columns.get(name) or table.defaults[name]


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
    kinds = [key_kind(table, name) for name in table.key]
    pairs = zip(table.key, names, strict=True)
    return names, kinds, " AND ".join(f"t.{column} = u.{name}" for column, name in pairs)


def _insert_sql(table: Table, sent: Mapping[str, Sent]) -> Sql:
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


def _make_insert(table: Table, sent: Mapping[str, Sent]) -> Sql:
    return _insert_sql(table, sent)


def _make_claim(table: Table, sent: Mapping[str, Sent]) -> Sql:
    sql, oids = _insert_sql(table, sent)
    return f"{sql} ON CONFLICT DO NOTHING RETURNING {', '.join(table.key)}", oids


def _make_update(table: Table, sent: Mapping[str, Sent]) -> Sql:
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
    return sql, tuple(parameters.oids)


def _make_update_all(table: Table, sent: Mapping[str, Sent]) -> Sql:
    """Divide by zero, which undoes the whole, where a row was not there as it should be."""
    update, oids = _make_update(table, sent)
    sql = (
        f"WITH changed AS ({update} RETURNING 1)"
        " SELECT 1 / (count(*) = cardinality($1))::integer FROM changed"
    )
    return sql, oids


def _make_demand_absent(table: Table, sent: Mapping[str, Sent]) -> Sql:
    names, kinds, match = _keys(table)
    sql = (
        f"SELECT 1 / (NOT EXISTS (SELECT FROM {_unnest(names)},"
        f" LATERAL (SELECT FROM {table.name} t WHERE {match} OFFSET 0) r))::integer"
    )
    return sql, _oids(kinds)


def _make_delete(table: Table, sent: Mapping[str, Sent]) -> Sql:
    names, kinds, match = _keys(table)
    if table.versioned:
        names.append("version_before")
        kinds.append("bigint")
        match += " AND t.version = u.version_before"
    sql = f"DELETE FROM {table.name} t USING {_unnest(names)} WHERE {match}"
    return sql, _oids(kinds)


def _select(table: Table, columns: str, ending: str) -> Sql:
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
    return sql, _oids(kinds)


def _make_versions(table: Table, sent: Mapping[str, Sent]) -> Sql:
    wanted = "version::text" if table.versioned else table.key[0]
    return _select(table, f"t.{wanted}", "FOR UPDATE")


def _make_lock(table: Table, sent: Mapping[str, Sent]) -> Sql:
    return _select(table, read_list(lock_columns(table), "t"), "FOR UPDATE")


def _make_read(table: Table, sent: Mapping[str, Sent]) -> Sql:
    return _select(table, read_list(read_columns(table), "t"), "OFFSET 0")


FORMS = {
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
