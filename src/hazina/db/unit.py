"""A unit of work as data: what it claims, what it relies on, what it writes; and its verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Protocol

from hazina.db.table import Key, Row
from hazina.values import value


class Lane(IntEnum):
    """Which units go first when the queue is long."""

    OUTCOME = 0
    PAYMENT = 1
    BULK = 2


@value
class Insert:
    """Add a row that nobody else can be adding (its key is ours)."""

    table: str
    row: Row


@value
class Claim:
    """Insert a row if its key is absent; if it is present, the unit's verdict is `Taken`."""

    table: str
    row: Row


@value
class Update:
    """Change columns of the row that has this key and version, and raise its version by one.

    The key and version must be among the unit's `relies_on`.
    """

    table: str
    key: Key
    version: int
    changes: Row


@value
class Delete:
    """Remove the row that has this key and version; both must be among `relies_on`."""

    table: str
    key: Key
    version: int


Write = Insert | Claim | Update | Delete


@value
class InsertRows:
    """Add rows, given column by column, whose keys nobody else can be adding; for engines.

    A column that is left out is NULL in every row.
    """

    table: str
    columns: Mapping[str, Sequence[Any]]


@value
class UpdateRows:
    """Change the rows with these keys and versions, column by column; for engines.

    Nothing else in the batch may write these rows.
    """

    table: str
    keys: Sequence[Key]
    versions: Sequence[int]
    columns: Mapping[str, Sequence[Any]]


EngineWrite = Insert | Update | Delete | InsertRows | UpdateRows
"""What an engine leaves. Its batches have thousands of rows: each as a value is costly."""


@value
class RowVersion:
    """A row that a decision was made from. A changed or missing row makes the unit `Stale`."""

    table: str
    key: Key
    version: int


@value
class Unit:
    """One atomic set of writes: all of it is committed, or only `on_refusal`, or nothing.

    `transfers` is for the engine that `bootstrap` registers (the ledger): the writer hands it over
    without looking. `on_refusal` is written when the engine refuses the unit; in it a `Claim` that
    finds its key present is skipped.
    """

    merchant_id: str
    claims: tuple[Claim, ...] = ()
    relies_on: tuple[RowVersion, ...] = ()
    transfers: tuple[Any, ...] = ()
    writes: tuple[Insert | Update | Delete, ...] = ()
    on_refusal: tuple[Insert | Claim | Update | Delete, ...] = ()
    lane: Lane = Lane.PAYMENT


@value
class Committed:
    """Durable. `results` holds the engine's result of each transfer, in order."""

    batch_id: int
    results: tuple[Any, ...] = ()


@value
class Taken:
    """Another row has a key that the unit claims; nothing was written."""

    claim: Claim


@value
class Stale:
    """A row relied on has changed; nothing was written. Load and decide again."""

    table: str
    key: Key


@value
class Lacking:
    """Rows that an engine must know before it can judge a batch from memory."""

    table: str
    keys: Sequence[Key]


@value
class Refused:
    """The engine refused the transfers; only `on_refusal` was written.

    `status` is the engine's word for the first failing transfer, `index` its place.
    """

    status: str
    index: int
    results: tuple[Any, ...] = ()


Verdict = Committed | Taken | Stale | Refused


class Overloaded(Exception):
    """The writer's queue is too old; nothing was claimed. Answer 503 with Retry-After."""


class Unreachable(Overloaded):
    """PostgreSQL does not answer, or has no room left; what was asked was not done."""


class Quarantined(Exception):
    """The database refuses this unit's data (SQLSTATE class 22 or 23). Others commit."""


@value
class Alone:
    """What a batch may leave only while no other batch shares these numbers.

    Once that is so, the rows of `absent` must still not be there: keys by table.
    """

    numbers: Sequence[int]
    absent: Mapping[str, Sequence[Key]]


class Needs(Protocol):
    """Rows that an engine wants for a batch: keys by table."""

    ensure: Sequence[Insert]
    """Rows to insert if absent, before anything is locked (accounts)."""
    lock: Mapping[str, Sequence[Key]]
    """Rows to lock and read: distinct keys by table."""
    read: Mapping[str, Sequence[Key]]
    """Rows to read, after the locks: distinct keys by table."""
    shares: Sequence[int]
    """Numbers of 32 bits to share with other batches, before anything is read (`sharing.py`)."""


class BatchJudge(Protocol):
    """An engine's state for one batch: judges units in order, carrying effects forward."""

    def judge(self, unit: Unit) -> Refused | Stale | tuple[Any, ...]:
        """Accept the unit's transfers (their results) or refuse them all, leaving no effect.

        `Stale` when what the unit was made from is no longer so.
        """

    def writes(self) -> Sequence[EngineWrite]:
        """Return what the accepted units, and the ids of refused ones, leave in the tables."""

    def alone(self) -> Alone | None:
        """Return what must be so for the writes to be right, of the numbers shared."""

    def digest(self) -> bytes:
        """Return the SHA-256 of everything appended, for the hash chain of the batch."""


class Engine(Protocol):
    """What takes part in each batch beside the plain rows: `ledger.engine`."""

    def needs(self, units: Sequence[Unit]) -> Needs:
        """Return the rows that judging these units takes."""

    def open(self, rows: dict[tuple[str, Key], Row], *, slot: int, sequence: int) -> BatchJudge:
        """Start a batch with the rows that were found (absent keys are missing from `rows`).

        Read rows carry `version` where their table is versioned. `slot` and `sequence` name the
        batch in its hash chain, and are stored with what it appends.
        """
