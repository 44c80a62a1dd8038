"""Reading PostgreSQL's binary results into rows, and what the first phase of a batch found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import pq

from hazina.db.arrays import DECODERS
from hazina.db.forms import WHOLE_NUMBERS, lock_columns, read_columns
from hazina.db.judging import Place
from hazina.db.table import Key, Kind, Row, Table


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
        for index in range(result.ntuples):
            key = keys[int(result.get_value(index, 0) or b"") - 1]
            version = int(result.get_value(index, 1) or b"") if table.versioned else 0
            found.versions[table.name, key] = version
    elif form in ("lock", "read"):
        columns = lock_columns(table) if form == "lock" else read_columns(table)
        rows = _decode(columns, result, 1, table.key)
        for key, row in zip(_keys_found(keys, result), rows, strict=True):
            row.update(zip(table.key, key, strict=True))
            found.rows[table.name, key] = row


def _keys_found(keys: Sequence[Key], result: pq.abc.PGresult) -> list[Key]:
    value = result.get_value
    return [keys[int(value(index, 0) or b"") - 1] for index in range(result.ntuples)]


def _returned_keys(table: Table, result: pq.abc.PGresult) -> list[Key]:
    decoders = [DECODERS[table.columns[name]] for name in table.key]
    return [
        tuple(
            decode(result.get_value(index, column) or b"") for column, decode in enumerate(decoders)
        )
        for index in range(result.ntuples)
    ]


def decode_rows(table: Table, result: pq.abc.PGresult, *, first: int) -> list[dict[str, object]]:
    """Return the rows of `read` (from column 1) or `where` (from column 0) as dicts."""
    return _decode(read_columns(table), result, first, ())


def _decode(
    columns: Mapping[str, Kind], result: pq.abc.PGresult, first: int, left_out: Sequence[str]
) -> list[dict[str, object]]:
    """Decode column by column; `left_out` are known already."""
    rows: list[dict[str, object]] = [{} for _ in range(result.ntuples)]
    value = result.get_value
    for place, (name, kind) in enumerate(columns.items(), first):
        if name in left_out:
            continue
        decode = int if kind in WHOLE_NUMBERS else DECODERS[kind]
        for index, row in enumerate(rows):
            data = value(index, place)
            row[name] = None if data is None else decode(data)
    return rows
