"""Judging a batch: pure, in arrival order, each unit seeing the effects of those before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, KeysView, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from hazina.db.statements import Change
from hazina.db.table import Key, Row, Schema
from hazina.db.unit import (
    BatchJudge,
    Claim,
    Committed,
    Delete,
    EngineWrite,
    Insert,
    InsertRows,
    Quarantined,
    Refused,
    Stale,
    Taken,
    Unit,
    Update,
    UpdateRows,
    Verdict,
)

Place = tuple[str, Key]
"""A row of some table."""
_NO_COLUMNS: KeysView[str] = {}.keys()


@dataclass(slots=True)
class Wanted:
    """The claims of a batch: who asks first for each key, and the row to insert."""

    claimant: dict[Place, int] = field(default_factory=dict)
    rows: dict[str, dict[Key, Row]] = field(default_factory=dict)


@dataclass(slots=True)
class Effects:
    """What a judged batch leaves, merged to one write per row."""

    inserts: dict[Place, tuple[Row, int]] = field(default_factory=dict)
    changes: dict[Place, Change] = field(default_factory=dict)
    deletes: dict[Place, int] = field(default_factory=dict)
    claims: dict[Place, Row] = field(default_factory=dict)
    insert_rows: list[InsertRows] = field(default_factory=list)
    update_rows: list[UpdateRows] = field(default_factory=list)

    def __bool__(self) -> bool:
        singly = self.inserts or self.changes or self.deletes or self.claims
        return bool(singly or self.insert_rows or self.update_rows)


def check(unit: Unit, schema: Schema) -> str | None:
    """Return what is wrong with the form of a unit, or None.

    Every row of a tenant's table is the unit's merchant's; updates and deletes name a row relied
    on; no row is written twice; columns are known.
    """
    if not (unit.claims or unit.writes or unit.on_refusal):
        return None
    relied = {(row.table, row.key, row.version) for row in unit.relies_on}
    for writes in ((*unit.claims, *unit.writes), unit.on_refusal):
        places: set[Place] = set()
        for write in writes:
            table = schema.tables.get(write.table)
            if table is None:
                return f"table {write.table} is not declared"
            if isinstance(write, Insert | Claim):
                key = table.key_of(write.row)
                named = write.row.keys()
            else:
                key = write.key
                named = write.changes.keys() if isinstance(write, Update) else _NO_COLUMNS
                if (write.table, key, write.version) not in relied:
                    return f"{table.name} {key}: its version is not relied on"
            if not named <= table.columns.keys():
                return f"{table.name} has no column {sorted(named - table.columns.keys())}"
            if table.tenant and key[0] != unit.merchant_id:
                return f"a row of {table.name} belongs to another merchant than its unit"
            place = write.table, key
            if place in places:
                return f"{table.name} {key} is written twice"
            places.add(place)
    return None


def gather_claims(units: Sequence[Unit], schema: Schema) -> Wanted:
    """Return the first claimant and row of each key that the batch claims."""
    wanted = Wanted()
    for index, unit in enumerate(units):
        for claim in unit.claims:
            key = schema[claim.table].key_of(claim.row)
            if (claim.table, key) not in wanted.claimant:
                wanted.claimant[claim.table, key] = index
                wanted.rows.setdefault(claim.table, {})[key] = claim.row
    return wanted


class Judging:
    """Judges the units of one batch and gathers what they leave."""

    def __init__(
        self,
        schema: Schema,
        wanted: Wanted,
        won: set[Place],
        versions: dict[Place, int],
        engine: BatchJudge | None,
        batch_id: int,
        exists: Callable[[Place], bool] = lambda place: False,
    ) -> None:
        """`won` are the claimed keys that are ours; `versions` those of the rows relied on.

        `exists` tells of a stored row that an insert would collide with; PostgreSQL finds that
        itself.
        """
        self._schema = schema
        self._wanted = wanted
        self._won = won
        self._versions = versions
        self._engine = engine
        self._batch_id = batch_id
        self._exists = exists
        self._held: set[Place] = set()
        self.effects = Effects()

    def judge(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        """Return each unit's verdict; what the accepted ones leave is then in `effects`."""
        verdicts = [self._judge(index, unit) for index, unit in enumerate(units)]
        for place in sorted(self._won - self._held, key=self._order):
            # Nobody was accepted with this claim: take it back before anything else is written.
            self.effects.deletes[place] = 1
        if self._engine is not None:
            self._apply_engine(self._engine.writes())
        return verdicts

    def _order(self, place: Place) -> tuple[int, Key]:
        return self._schema[place[0]].rank, place[1]

    def _judge(self, index: int, unit: Unit) -> Verdict | Quarantined:
        problem = self._claims_problem(index, unit) or self._versions_problem(unit)
        if problem is not None:
            return problem
        if any(self._collides(write) for write in unit.writes):
            return Quarantined("an inserted key exists")
        results: tuple[object, ...] = ()
        if unit.transfers:
            assert self._engine is not None, "transfers without an engine"
            judged = self._engine.judge(unit)
            if isinstance(judged, Stale):
                return judged
            if isinstance(judged, Refused):
                if any(self._collides(write) for write in unit.on_refusal):
                    return Quarantined("an inserted key exists")
                self._apply(unit.on_refusal)
                return judged
            results = judged
        for claim in unit.claims:
            place = claim.table, self._schema[claim.table].key_of(claim.row)
            self._held.add(place)
            self._versions[place] = 1
        self._apply(unit.writes)
        return Committed(self._batch_id, results)

    def _claims_problem(self, index: int, unit: Unit) -> Taken | Stale | None:
        for claim in unit.claims:
            key = self._schema[claim.table].key_of(claim.row)
            place = claim.table, key
            if place in self._held or place not in self._won:
                return Taken(claim)
            if self._wanted.claimant[place] != index:
                return Stale(claim.table, key)
        return None

    def _versions_problem(self, unit: Unit) -> Stale | None:
        for row in unit.relies_on:
            if self._versions.get((row.table, row.key)) != row.version:
                return Stale(row.table, row.key)
        return None

    def _collides(self, write: Insert | Claim | Update | Delete) -> bool:
        if not isinstance(write, Insert):
            return False
        place = write.table, self._schema[write.table].key_of(write.row)
        effects = self.effects
        if place in effects.inserts or place in self._held or place in effects.claims:
            return True
        if place in effects.deletes or place in self._won:
            return False
        return self._exists(place)

    def _apply(self, writes: Iterable[Insert | Claim | Update | Delete]) -> None:
        effects = self.effects
        for write in writes:
            match write:
                case Insert():
                    place = write.table, self._schema[write.table].key_of(write.row)
                    effects.inserts[place] = (write.row, 1)
                    self._versions[place] = 1
                case Claim():
                    place = write.table, self._schema[write.table].key_of(write.row)
                    if place not in effects.inserts and place not in self._held:
                        effects.claims.setdefault(place, write.row)
                case Update():
                    self._update(write)
                case Delete():
                    self._delete(write)
                case _:
                    assert_never(write)

    def _apply_engine(self, writes: Iterable[EngineWrite]) -> None:
        """Take over what the engine leaves; whole columns are no unit's business."""
        singly: list[Insert | Update | Delete] = []
        for write in writes:
            if isinstance(write, InsertRows):
                self.effects.insert_rows.append(write)
            elif isinstance(write, UpdateRows):
                self.effects.update_rows.append(write)
            else:
                singly.append(write)
        self._apply(singly)

    def _update(self, write: Update) -> None:
        place = write.table, write.key
        effects = self.effects
        self._versions[place] = write.version + 1
        if place in effects.inserts:
            row, _ = effects.inserts[place]
            effects.inserts[place] = ({**row, **write.changes}, write.version + 1)
        elif place in effects.changes:
            before = effects.changes[place]
            changes = {**before.changes, **write.changes}
            effects.changes[place] = Change(write.key, before.version, write.version + 1, changes)
        else:
            effects.changes[place] = Change(
                write.key, write.version, write.version + 1, write.changes
            )

    def _delete(self, write: Delete) -> None:
        place = write.table, write.key
        effects = self.effects
        self._versions.pop(place, None)
        if place in effects.inserts:
            del effects.inserts[place]
            return
        before = effects.changes.pop(place, None)
        effects.deletes[place] = before.version if before else write.version
