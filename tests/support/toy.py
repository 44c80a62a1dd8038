"""Toy tables and a toy engine for tests of the stores: an engine that says yes or no as told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from hazina.db.table import Key, Row, Schema, Table
from hazina.db.unit import Insert, Refused, Unit, Update

DDL = """
CREATE TABLE toy_claim (
    merchant_id text, name text, body jsonb, lease_until timestamptz, version bigint NOT NULL,
    PRIMARY KEY (merchant_id, name));
CREATE TABLE toy_object (
    merchant_id text, id text, state text, amount numeric(39,0), number bigint, small integer,
    flag boolean, made_at timestamptz, body jsonb, bytes bytea, reference uuid,
    version bigint NOT NULL, CHECK (amount >= 0), PRIMARY KEY (merchant_id, id));
CREATE TABLE toy_log (
    merchant_id text, id text, text text, position bigserial, PRIMARY KEY (merchant_id, id));
CREATE TABLE toy_account (id uuid PRIMARY KEY, total numeric(39,0), version bigint NOT NULL);
"""

SCHEMA = Schema(
    [
        Table(
            "toy_claim",
            1,
            ("merchant_id", "name"),
            {"merchant_id": "text", "name": "text", "body": "jsonb", "lease_until": "from_now"},
        ),
        Table(
            "toy_object",
            2,
            ("merchant_id", "id"),
            {
                "merchant_id": "text",
                "id": "text",
                "state": "text",
                "amount": "numeric",
                "number": "bigint",
                "small": "integer",
                "flag": "boolean",
                "made_at": "timestamptz",
                "body": "jsonb",
                "bytes": "bytea",
                "reference": "uuid",
            },
        ),
        Table(
            "toy_log",
            3,
            ("merchant_id", "id"),
            {"merchant_id": "text", "id": "text", "text": "text"},
            versioned=False,
            defaults={"position": "bigint"},
        ),
        Table("toy_account", 4, ("id",), {"id": "uuid", "total": "numeric"}, tenant=False),
    ]
)


def create_tables(url: str) -> None:
    """Create the toy tables in a database that has the writer's own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(DDL)


@dataclass(frozen=True, slots=True)
class Add:
    """The toy's transfer: add to an account's total, or be refused."""

    account: UUID
    amount: int
    refuse: bool = False


@dataclass(slots=True)
class ToyNeeds:
    """The accounts of a batch."""

    ensure: Sequence[Insert]
    lock: Mapping[str, Sequence[Key]]
    read: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    shares: Sequence[int] = ()


@dataclass(slots=True)
class ToyJudge:
    """Adds up totals, batch by batch."""

    rows: dict[tuple[str, Key], Row]
    totals: dict[UUID, int] = field(default_factory=dict)

    def judge(self, unit: Unit) -> Refused | tuple[object, ...]:
        for index, add in enumerate(unit.transfers):
            if add.refuse:
                return Refused("refused", index, ("refused",) * len(unit.transfers))
        for add in unit.transfers:
            self.totals[add.account] = self.totals.get(add.account, 0) + add.amount
        return ("created",) * len(unit.transfers)

    def writes(self) -> Sequence[Insert | Update]:
        return [
            Update(
                "toy_account",
                (account,),
                self.rows["toy_account", (account,)]["version"],
                {"total": self.rows["toy_account", (account,)]["total"] + total},
            )
            for account, total in self.totals.items()
        ]

    def alone(self) -> None:
        return None

    def digest(self) -> bytes:
        return hashlib.sha256(repr(sorted(self.totals.items())).encode()).digest()


class ToyEngine:
    """Accepts every transfer that is not marked `refuse`."""

    def needs(self, units: Sequence[Unit]) -> ToyNeeds:
        accounts = {add.account for unit in units for add in unit.transfers}
        ensure = [Insert("toy_account", {"id": account, "total": 0}) for account in accounts]
        return ToyNeeds(ensure, {"toy_account": [(account,) for account in accounts]})

    def open(self, rows: dict[tuple[str, Key], Row], *, slot: int, sequence: int) -> ToyJudge:
        return ToyJudge(rows)
