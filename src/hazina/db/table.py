"""What the writer must know of a table: its columns, its key and its place in the lock order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Literal

Kind = Literal[
    "text", "uuid", "bigint", "integer", "numeric", "boolean", "timestamptz", "jsonb", "bytea",
    "from_now",
]  # fmt: skip
"""Column kinds. Python values: text str; uuid uuid.UUID; bigint, integer, numeric int (numeric
columns are numeric(39,0)); boolean bool; timestamptz datetime in UTC; jsonb any JSON value; bytea
bytes; from_now a number of milliseconds added to the database's own now() (a lease), stored as
timestamptz and read back as datetime. None is NULL in each."""

Row = Mapping[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table that units of work write to.

    `rank` orders locking between tables. `key` names the primary key's columns, in order; a
    tenant's table leads with `merchant_id`. A `versioned` table has a column `version` (bigint, not
    listed in `columns`) that inserts set to 1 and each update raises by one.
    `changing` names the columns that a lock reads, for an engine that remembers all others, which
    never change; empty means all. The rows of a table `in_order` are inserted as units came, since
    readers follow that order.
    `defaults` names columns that the database fills (they are read back, never written).
    """

    name: str
    rank: int
    key: tuple[str, ...]
    columns: Mapping[str, Kind]
    versioned: bool = True
    tenant: bool = True
    in_order: bool = False
    changing: tuple[str, ...] = ()
    defaults: Mapping[str, Kind] = field(default_factory=dict)
    key_of: Callable[[Row], Key] = field(init=False, repr=False, compare=False)
    """Returns a row's key."""
    values_of: Callable[[Row], tuple[Any, ...]] = field(init=False, repr=False, compare=False)
    """Returns the values of all columns; a `KeyError` when the row lacks one."""
    order_of: Callable[[Key], Any] | None = field(init=False, repr=False, compare=False)
    """What keys are sorted by, where that is quicker than by themselves."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_of", _key_of(self.key))
        object.__setattr__(self, "values_of", _key_of(tuple(self.columns)))
        kinds = [self.columns.get(name) for name in self.key]
        object.__setattr__(self, "order_of", _uuid_order if kinds == ["uuid"] else None)


def _uuid_order(key: Key) -> int:
    # UUIDs compare themselves in Python, whole numbers do not.
    number: int = key[0].int
    return number


def _key_of(names: tuple[str, ...]) -> Callable[[Row], Key]:
    if len(names) > 1:
        return itemgetter(*names)
    (name,) = names
    return lambda row: (row[name],)


class Schema:
    """All tables that the writer may touch, by name."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.tables: dict[str, Table] = {}
        ranks: dict[int, str] = {}
        for table in tables:
            assert table.name not in self.tables, f"table {table.name} is declared twice"
            assert table.rank not in ranks, f"{table.name} and {ranks[table.rank]} share a rank"
            ranks[table.rank] = table.name
            self.tables[table.name] = table

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]
