"""The same-statements floor: the array statements of a payment, with values made beforehand.

Payments of many merchants are recorded once as the product executes them; then their rows are
written again and again under fresh ids, in batches, in the product's round trips. Nothing is
parsed, decided, judged or rendered.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import uvloop

from benchmarks.floor import Coalescer, Provider, serve
from hazina.bootstrap.app import SCHEMA, Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.db.link import Link, LinkSettings
from hazina.db.slots import acquire
from hazina.db.statements import Call, Change, Columns, Statements, call, statement
from hazina.db.table import Key, Row, Table
from hazina.idempotency.service import IdempotencyRequest
from hazina.merchants.merchant import Caller

_MERCHANTS = 100
_ID = re.compile(r"(?!acct)[a-z]+_[0-9a-z]{26}")
_BEGIN = Call(statement("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"), ())
_COMMIT = Call(statement("COMMIT"), ())
_LOCK = statement("SELECT pg_advisory_xact_lock($1)", "bigint")
_DIGEST = bytes(32)
_LOOKS = ("versions", "lock", "read")


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of one payment: its form, its table, and rows, keys or changes."""

    form: str
    table: Table
    items: Sequence[Any]


class Recorder(Statements):
    """Notes what the store binds, phase by phase (finding and writing, for each unit)."""

    def __init__(self) -> None:
        super().__init__(SCHEMA)
        self.phases: list[list[Step]] = []
        self._writing = True

    def _note(self, form: str, table: Table, items: Sequence[Any]) -> None:
        writing = form in ("insert", "update", "delete")
        if writing is not self._writing:
            self._writing = writing
            self.phases.append([])
        self.phases[-1].append(Step(form, table, list(items)))

    def insert(self, table: Table, rows: Sequence[Row], versions: Sequence[int]) -> Call:
        self._note("insert", table, rows)
        return super().insert(table, rows, versions)

    def claim(self, table: Table, rows: Sequence[Row]) -> Call:
        self._note("claim", table, rows)
        return super().claim(table, rows)

    def insert_columns(self, table: Table, columns: Columns, versions: Sequence[int]) -> Call:
        rows = _rows(columns)
        self._note("insert", table, rows)
        return super().insert_columns(table, columns, versions)

    def update_columns(
        self, table: Table, keys: Sequence[Key], versions: Sequence[int],
        versions_next: Sequence[int], columns: Columns,
    ) -> Call:  # fmt: skip
        rows = _rows(columns)
        self._note("update", table, list(map(Change, keys, versions, versions_next, rows)))
        return super().update_columns(table, keys, versions, versions_next, columns)

    def versions(self, table: Table, keys: Sequence[Key]) -> Call:
        self._note("versions", table, keys)
        return super().versions(table, keys)

    def lock(self, table: Table, keys: Sequence[Key]) -> Call:
        self._note("lock", table, keys)
        return super().lock(table, keys)

    def read(self, table: Table, keys: Sequence[Key]) -> Call:
        self._note("read", table, keys)
        return super().read(table, keys)


def _rows(columns: Columns) -> list[Row]:
    values = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


@dataclass(frozen=True, slots=True)
class Payment:
    """A recorded payment: finding and writing of unit 1, of unit 2; its ids; its answer."""

    phases: list[list[Step]]
    ids: frozenset[Any]
    body: bytes


@dataclass(frozen=True, slots=True)
class Half:
    """One unit of a payment under fresh ids."""

    payment: Payment
    unit: int
    fresh: dict[Any, Any]


async def record(core: Core) -> list[Payment]:
    """Make payments of many merchants and return what each one executed."""
    recorder = Recorder()
    # The only door into a store that is already open.
    core.writer._store._statements = recorder  # type: ignore[attr-defined]
    payments = []
    for _ in range(_MERCHANTS):
        merchant = await core.merchants.create()
        caller = Caller(merchant, False, core.ids.new("req"))
        for _ in range(2):  # The first opens the merchant's accounts; the second is kept.
            recorder.phases.clear()
            recorder._writing = True
            request = IdempotencyRequest(
                merchant.merchant_id, "payment_intents.create", core.ids.new("key"), _DIGEST
            )
            params = {
                "amount": 100_000, "currency": "kes", "payment_method": "pm_card_visa",
                "confirm": True,
            }  # fmt: skip
            answer = await core.payments.create_intent(caller, params, request)
            assert answer.code is None, answer
        phases = [list(phase) for phase in recorder.phases]
        assert len(phases) == 4, [[(s.form, s.table.name) for s in phase] for phase in phases]
        payments.append(Payment(phases, _ids_of(phases), answer.body))
    return payments


def _ids_of(phases: list[list[Step]]) -> frozenset[Any]:
    """Return the values that must differ from payment to payment."""
    found: set[Any] = set()
    for step in itertools.chain(*phases):
        if step.form in ("insert", "claim"):
            for row in step.items:
                found |= {v for v in row.values() if isinstance(v, str) and _ID.fullmatch(v)}
                if step.table.name == "transfer":
                    found.add(row["id"])
    return frozenset(found)


def _renewed(value: Any, number: int) -> Any:
    """Return an id of the same kind that belongs to the payment of this number."""
    if isinstance(value, UUID):
        return UUID(int=(value.int >> 48 << 48) + number)
    return f"{value[:-12]}{number:012}"


def _account_versions(payments: Sequence[Payment]) -> dict[Key, int]:
    """Return the version at which the recorded payments left each account."""
    versions: dict[Key, int] = {}
    for step in itertools.chain(*(phase for payment in payments for phase in payment.phases)):
        if step.form == "update" and step.table.name == "account":
            for change in step.items:
                known = versions.get(change.key, 0)
                versions[change.key] = max(known, change.version_next)
    return versions


class Replay:
    """Writes recorded rows again, in one database transaction per batch."""

    def __init__(self, link: Link, slot: Any, payments: Sequence[Payment]) -> None:
        self._link = link
        self._slot = slot
        self._statements = Statements(SCHEMA)
        self._account_versions = _account_versions(payments)
        self._lines = itertools.count(10_000_000)

    async def execute(self, batch: Sequence[Half]) -> None:
        """Find, write, commit: the product's three round trips."""
        slot = self._slot
        head = [_BEGIN, call(_LOCK, ("bigint",), slot.batch_id()), slot.held()]
        await self._link.run([*head, *self._calls(batch, 0)])
        calls = self._calls(batch, 1)
        append, following = slot.append(_DIGEST)
        results = await self._link.run([*calls, append])
        empty = [
            made.statement.sql
            for made, result in zip(calls, results, strict=False)
            if not result.command_tuples
        ]
        assert not empty, empty
        await self._link.run([_COMMIT])
        slot.advance(following)

    def _calls(self, batch: Sequence[Half], phase: int) -> list[Call]:
        """Merge the steps of the batch by form, table and changed columns; bind them."""
        merged: dict[tuple[Any, ...], tuple[Step, dict[Key, Any]]] = {}
        for half in batch:
            fresh = half.fresh
            for step in half.payment.phases[2 * half.unit + phase]:
                columns = frozenset(step.items[0].changes) if step.form == "update" else None
                group = merged.setdefault((step.form, step.table.name, columns), (step, {}))[1]
                for item in step.items:
                    self._add(group, step, item, fresh)
        ordered = sorted(merged.values(), key=lambda pair: pair[0].table.rank)
        return [self._call(step, group) for step, group in ordered]

    def _add(self, group: dict[Key, Any], step: Step, item: Any, fresh: dict[Any, Any]) -> None:
        get = fresh.get
        if step.form in _LOOKS:
            key = tuple([get(value, value) for value in item])
            group[key] = key
        elif step.form == "update":
            key = tuple([get(value, value) for value in item.key])
            if step.table.name == "account":
                version = self._account_versions.get(key, item.version)
                group[key] = Change(key, version, version + 1, item.changes)
            else:
                group[key] = Change(key, item.version, item.version_next, item.changes)
        else:
            row = dict(item)
            for name, value in item.items():
                if value.__class__ in (str, UUID) and value in fresh:
                    row[name] = fresh[value]
            if step.table.name == "account_history":
                row["line"] = row["timestamp"] = next(self._lines)
            elif step.table.name == "transfer":
                row["sequence"], row["position"] = self._slot.sequence + 1, len(group)
            group[step.table.key_of(row)] = row

    def _call(self, step: Step, group: dict[Key, Any]) -> Call:
        items = [group[key] for key in sorted(group)]
        if step.form == "insert":
            return self._statements.insert(step.table, items, [1] * len(items))
        if step.table.name == "account" and step.form == "update":
            for change in items:
                self._account_versions[change.key] = change.version_next
        made: Call = getattr(self._statements, step.form)(step.table, items)
        return made


class App:
    """Answers every POST with a recorded answer after two commits and one provider hop."""

    def __init__(self, writer: Coalescer, provider: Provider, payments: list[Payment]) -> None:
        self._writer = writer
        self._provider = provider
        self._payments = payments
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        if scope["method"] == "POST":
            while (await receive()).get("more_body"):
                pass
            number = next(self._numbers)
            payment = self._payments[number % len(self._payments)]
            fresh = {value: _renewed(value, number) for value in payment.ids}
            await self._writer.submit(Half(payment, 0, fresh))
            await self._provider.ask(f"same_{number:012}")
            await self._writer.submit(Half(payment, 1, fresh))
            body = payment.body
        length = str(len(body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _run(port: int) -> None:
    url, simulator = os.environ["BENCH_DATABASE_URL"], os.environ["BENCH_SIMULATOR_URL"]
    core = await open_core(
        Settings(database_url=url, pepper="of a benchmark", simulator_url=simulator)
    )
    payments = await record(core)
    await core.close()
    link = await Link.connect(url, LinkSettings())
    slot = await acquire(link, "bench", 3_600_000)
    writer = Coalescer(Replay(link, slot, payments).execute)
    app = App(writer, Provider(simulator), payments)
    gc.freeze()
    await serve(app, port)


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_run(int(sys.argv[1])))
