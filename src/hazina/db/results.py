"""Reading PostgreSQL's binary results into rows, and what the first phase of a batch found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import pq

from hazina.db.arrays import DECODERS
from hazina.db.judging import Place
from hazina.db.statements import read_columns
from hazina.db.table import Key, Row, Table


@dataclass(slots=True)
class Found:
    """The claims that are ours, the versions of the rows relied on, the engine's rows."""

    won: set[Place] = field(default_factory=set)
    versions: dict[Place, int] = field(default_factory=dict)
    rows: dict[Place, Row] = field(default_factory=dict)


def take_in(
    found: Found, form: str, table: Table, keys: Sequence[Key], result: pq.abc.PGresult
) -> None:
    """Add one result of the first phase; `form` is the kind of its statement."""
    if form == "claim":
        won = keys if result.ntuples == len(keys) else _returned_keys(table, result)
        found.won.update((table.name, key) for key in won)
    elif form == "versions":
        read = DECODERS["bigint"]
        for index in range(result.ntuples):
            key = keys[read(result.get_value(index, 0) or b"") - 1]
            version = read(result.get_value(index, 1) or b"") if table.versioned else 0
            found.versions[table.name, key] = version
    elif form in ("lock", "read"):
        for row in decode_rows(table, result, first=1):
            found.rows[table.name, table.key_of(row)] = row


def _returned_keys(table: Table, result: pq.abc.PGresult) -> list[Key]:
    decoders = [DECODERS[table.columns[name]] for name in table.key]
    return [
        tuple(
            decode(result.get_value(index, column) or b"") for column, decode in enumerate(decoders)
        )
        for index in range(result.ntuples)
    ]


def decode_rows(table: Table, result: pq.abc.PGresult, *, first: int) -> list[dict[str, object]]:
    """Return the rows of `lock`, `read` (from column 1) or `where` (from column 0) as dicts."""
    columns = [
        (place, name, DECODERS[kind])
        for place, (name, kind) in enumerate(read_columns(table).items(), first)
    ]
    rows = []
    for index in range(result.ntuples):
        row: dict[str, object] = {}
        for place, name, decode in columns:
            value = result.get_value(index, place)
            row[name] = None if value is None else decode(value)
        rows.append(row)
    return rows
