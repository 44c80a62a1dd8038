"""A process is killed at each effect boundary; afterwards everything settles, once."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from hazina.bootstrap.app import Core, open_core
from hazina.cli.place import free_port
from hazina.crashpoints import POINTS
from hazina.idempotency.service import Answer
from hazina.merchants.merchant import Caller
from tests.support import crash
from tests.support.books import check_books, check_requests, effective, rows, settle
from tests.support.callback_door import PATH, callback_door
from tests.support.crash_cells import Cell, all_cells, chosen_cells
from tests.support.simulator import Simulator

pytestmark = pytest.mark.timeout(1_800)

_DIED = -signal.SIGKILL
_AT_ONCE = 4
_EVENTS = {
    "create": ["payment_intent.succeeded", "charge.succeeded"],
    "confirm": ["payment_intent.succeeded", "charge.succeeded"],
    "capture": ["payment_intent.succeeded", "charge.captured"],
    "cancel": ["payment_intent.canceled"],
    "refund": ["refund.created", "charge.refunded"],
    "increment": ["charge.updated"],
    "finish": ["payment_intent.succeeded"],
}
_FAILURE_EVENTS = {
    "create": ["payment_intent.payment_failed", "charge.failed"],
    "confirm": ["payment_intent.payment_failed", "charge.failed"],
    "capture": [],
    "cancel": [],
    "refund": ["refund.created", "refund.failed"],
    "increment": [],
    "finish": [],
}


@dataclass(slots=True)
class Matrix:
    """One run: the provider, the merchant, and what each cell's client has read."""

    database_url: str
    simulator: Simulator
    caller: Caller
    folder: Path
    callback_port: int
    answers: dict[str, Answer] = field(default_factory=dict)

    def settings(self, cell: Cell) -> crash.Settings:
        """Wait patiently where an answer comes, and not at all where none does."""
        return crash.settings(self.database_url, self.simulator.url, patient=cell.in_time)

    @asynccontextmanager
    async def janitors(self) -> AsyncIterator[tuple[Core, Core]]:
        """Two processes' worth of janitors, and a door for callbacks."""
        patient = crash.settings(self.database_url, self.simulator.url, patient=True)
        first, second = await open_core(patient), await open_core(patient)
        try:
            async with callback_door(first, self.callback_port):
                yield first, second
        finally:
            await first.close()
            await second.close()

    async def settle(self) -> None:
        """Let everything that is open find its end."""
        async with self.janitors() as cores:
            await settle(*cores)

    def intent(self, cell: Cell) -> str:
        """Return the intent that the process was about to change, empty if it makes one."""
        return (self.folder / cell.name).read_text()

    async def ask(self, core: Core, cell: Cell) -> Answer:
        """Send the cell's request, as often as a client does, with its one key."""
        fault, intent = _faults(cell), self.intent(cell)
        asked = crash.perform(core, self.caller, cell.operation, fault, intent, cell.name)
        return await crash.read(asked)

    def key(self, cell: Cell) -> dict[str, Any] | None:
        """Return the row of the cell's idempotency key."""
        query = "SELECT * FROM idempotency_key WHERE key = %s"
        found = rows(self.database_url, query, (cell.name,))
        return found[0] if found else None


async def test_whatever_boundary_a_process_dies_at_all_settles_once(
    fresh_database_url: str, tmp_path: Path
) -> None:
    cells = chosen_cells()
    port = free_port()
    with Simulator(callback_url=f"http://127.0.0.1:{port}{PATH}") as simulator:
        core = await open_core(crash.settings(fresh_database_url, simulator.url))
        caller = Caller(await core.merchants.create(overdraft_minor=10**9), False, "req_1")
        await core.close()
        matrix = Matrix(fresh_database_url, simulator, caller, tmp_path, port)
        await _die_asking(matrix, [cell for cell in cells if cell.point.startswith("dispatch.")])
        _die_called_back(matrix, [cell for cell in cells if cell.point.startswith("callbacks.")])
        _die_performing(matrix, [cell for cell in cells if cell.point.startswith("payments.")])
        await matrix.settle()
        await _retry(matrix, cells)
        await matrix.settle()
        await _retry_again(matrix, cells)
        books = simulator.books()
        check_requests(simulator.requests())
    check_books(fresh_database_url, books)
    for cell in cells:
        _check(matrix, cell, {entry["reference"]: entry for entry in books})


def test_every_registered_boundary_has_cells() -> None:
    """A boundary of a new kind must be given a way to die, or the matrix would skip it."""
    assert {cell.point for cell in all_cells()} == set(POINTS)
    assert {point.partition(".")[0] for point in POINTS} == {"payments", "dispatch", "callbacks"}


# How processes die


def _die_performing(matrix: Matrix, cells: Sequence[Cell]) -> None:
    """Kill a process in the middle of its request."""

    def work(cell: Cell) -> Callable[[Core], Awaitable[None]]:
        async def works(core: Core) -> None:
            await _prepare(matrix, core, cell)
            crash.arm(cell.point)
            await matrix.ask(core, cell)

        return works

    _run(matrix, cells, work, dict.fromkeys(cells, _DIED))


async def _die_asking(matrix: Matrix, cells: Sequence[Cell]) -> None:
    """Leave operations open, then kill a process for each that asks what became of it."""

    def leave_open(cell: Cell) -> Callable[[Core], Awaitable[None]]:
        async def works(core: Core) -> None:
            await _prepare(matrix, core, cell)
            if cell.in_time:
                crash.arm("payments.after_reply")
            answer = await matrix.ask(core, cell)
            shown = orjson.loads(answer.body)
            assert (answer.code, shown.get("status")) == cell.read_alive, (cell, answer)

        return works

    for point in POINTS:
        here = [cell for cell in cells if cell.point == point]
        if not here:
            continue
        _run(matrix, here, leave_open, {cell: _DIED if cell.in_time else 0 for cell in here})
        left = _open_commands(matrix)
        assert len(left) == len(here), (point, left)
        _await_due(matrix, len(left))
        # A process dies with the first one that it asks about, which is then left alone a while.
        for _ in range(3):
            if set(left) <= _asked_about(matrix):
                break
            _run(matrix, here, _asks_until_it_dies, dict.fromkeys(here, _DIED))
        assert set(left) <= _asked_about(matrix), f"{point}: one was never asked about"
        await matrix.settle()


def _asks_until_it_dies(cell: Cell) -> Callable[[Core], Awaitable[None]]:
    async def work(core: Core) -> None:
        crash.arm(cell.point)
        for _ in range(200):
            await core.dispatch.run_due(1)
            await core.clock.sleep_ms(50)

    return work


def _await_due(matrix: Matrix, count: int) -> None:
    """Wait until the leases of the dead have run out."""
    due = (
        "SELECT id FROM command WHERE state = 'leased' AND lease_until < now() "
        "OR state = 'waiting' AND next_at < now()"
    )
    for _ in range(100):
        if len(rows(matrix.database_url, due)) == count:
            return
        time.sleep(0.1)
    raise AssertionError("a command is never due")


def _asked_about(matrix: Matrix) -> set[str]:
    found = rows(matrix.database_url, "SELECT id FROM command WHERE inquiries > 0")
    return {row["id"] for row in found}


def _die_called_back(matrix: Matrix, cells: Sequence[Cell]) -> None:
    """Kill a process that has stored a callback and not yet acknowledged it."""

    def work(cell: Cell) -> Callable[[Core], Awaitable[None]]:
        async def works(core: Core) -> None:
            await _prepare(matrix, core, cell)
            known = {row["id"] for row in rows(matrix.database_url, "SELECT id FROM command")}
            async with callback_door(core, matrix.callback_port, lambda told: told not in known):
                crash.arm(cell.point)
                await matrix.ask(core, cell)
                for _ in range(300):
                    await core.dispatch.run_due()
                    await core.clock.sleep_ms(50)

        return works

    for cell in cells:
        _run(matrix, [cell], work, {cell: _DIED})


async def _prepare(matrix: Matrix, core: Core, cell: Cell) -> None:
    intent = await crash.prepare(core, matrix.caller, cell.operation, _faults(cell), cell.name)
    (matrix.folder / cell.name).write_text(intent)


def _faults(cell: Cell) -> str:
    """Return what the provider is to do; where a callback is awaited, it must also call back."""
    if not cell.point.startswith("callbacks."):
        return cell.fault
    at = crash.SIMULATED[cell.operation]
    if cell.fault == "ok":
        return f"callback_before_reply@{at}"
    return f"{cell.fault}@{at},duplicate_callback@{at}"


def _run(
    matrix: Matrix,
    cells: Sequence[Cell],
    work: Callable[[Cell], Callable[[Core], Awaitable[None]]],
    ends: dict[Cell, int],
) -> None:
    """Run a process for each cell, a few at once, and demand how each of them ends."""
    for start in range(0, len(cells), _AT_ONCE):
        some = cells[start : start + _AT_ONCE]
        processes = [crash.start(matrix.settings(cell), work(cell)) for cell in some]
        for cell, process in zip(some, processes, strict=True):
            process.join(30)
            if process.exitcode is None:
                process.kill()
            assert process.exitcode == ends[cell], f"{cell} was not reached: {process.exitcode}"


def _open_commands(matrix: Matrix) -> list[str]:
    found = rows(matrix.database_url, "SELECT id FROM command WHERE state <> 'done'")
    return [row["id"] for row in found]


# What a client reads that asks again


async def _retry(matrix: Matrix, cells: Sequence[Cell]) -> None:
    """Ask again with the same key, twice; nothing that was done is done again."""
    _await_keys(matrix)
    async with matrix.janitors() as (core, _):
        before = matrix.simulator.books()
        for cell in cells:
            if cell.point != "payments.before_first_unit":
                await _read_twice(matrix, core, cell)
        assert matrix.simulator.books() == before, "a retry had a second effect"
        for cell in cells:
            if cell.point == "payments.before_first_unit":
                await _read_twice(matrix, core, cell)


def _await_keys(matrix: Matrix) -> None:
    """Wait until no key is held by the dead any more: until then a retry is asked to wait."""
    held = "SELECT 1 FROM idempotency_key WHERE NOT answered AND lease_until > now()"
    for _ in range(100):
        if not rows(matrix.database_url, held):
            return
        time.sleep(0.1)
    raise AssertionError("a key stays stranded")


async def _read_twice(matrix: Matrix, core: Core, cell: Cell) -> None:
    row = matrix.key(cell)
    first = matrix.answers[cell.name] = await matrix.ask(core, cell)
    second = await matrix.ask(core, cell)
    assert (second.code, second.body) == (first.code, first.body), (cell, first, second)
    assert second.replayed, (cell, second)
    status = orjson.loads(first.body).get("status")
    if row is None:
        assert cell.point == "payments.before_first_unit", cell
        read, was_stored = cell.read_alive, False
    elif row["answered"]:
        assert cell.answered is not False, f"{cell} was answered before it was done"
        assert first.body == bytes(row["body"]), (cell, first)
        read, was_stored = cell.read_alive, True
    else:
        # The process died with the key in its hand: what is true by now is the answer.
        assert cell.answered is not True, f"{cell} lost its answer"
        read, was_stored = (None, cell.final), first.replayed
    assert first.replayed == was_stored, (cell, first)
    assert first.code == read[0], (cell, first)
    assert first.code is not None or status == read[1], (cell, first)


async def _retry_again(matrix: Matrix, cells: Sequence[Cell]) -> None:
    """An answer stays what it was, also when more has become known since."""
    async with matrix.janitors() as (core, _):
        for cell in cells:
            answer = await matrix.ask(core, cell)
            assert answer.body == matrix.answers[cell.name].body, (cell, answer)


# What must be true in the end


def _check(matrix: Matrix, cell: Cell, entries: dict[str, dict[str, Any]]) -> None:
    """One intent, one command, one effect or none, and each told once."""
    url = matrix.database_url
    found = rows(url, "SELECT * FROM payment_intent WHERE metadata->>'cell' = %s", (cell.name,))
    assert len(found) == 1, (cell, found)
    (intent,) = found
    operation = crash.SIMULATED[cell.operation]
    query = "SELECT * FROM command WHERE payment_intent = %s AND operation = %s"
    commands = rows(url, query + " ORDER BY id", (intent["id"], operation))
    if cell.operation == "finish":
        # The first of its captures was made before.
        commands = commands[1:]
    assert len(commands) == 1, (cell, commands)
    entry = entries.get(commands[0]["id"])
    assert effective(entry) == cell.effect, (cell, entry, commands)
    if cell.operation == "refund":
        refunds = rows(url, "SELECT * FROM refund WHERE payment_intent = %s", (intent["id"],))
        assert [refund["status"] for refund in refunds] == [cell.final], (cell, refunds)
    else:
        assert intent["status"] == cell.final, (cell, intent)
    told = _told(url, intent["id"])
    for type in _EVENTS[cell.operation]:
        refunded = type == "refund.created"
        assert told[type] == (1 if cell.effect or refunded else 0), (cell, told)
    for type in _FAILURE_EVENTS[cell.operation]:
        refunded = type == "refund.created"
        assert told[type] == (0 if cell.effect and not refunded else 1), (cell, told)
    if cell.point.startswith("callbacks."):
        query = "SELECT state FROM inbox WHERE reference = %s"
        messages = rows(url, query, (commands[0]["id"],))
        assert messages, f"{cell}: no callback was kept"
        assert {row["state"] for row in messages} == {"applied"}, (cell, messages)


def _told(database_url: str, intent: str) -> Counter[str]:
    """Count the events about an intent, its charges and its refunds."""
    query = (
        "SELECT type FROM event WHERE object_id = %(id)s "
        "OR object_id IN (SELECT id FROM charge WHERE payment_intent = %(id)s) "
        "OR object_id IN (SELECT id FROM refund WHERE payment_intent = %(id)s)"
    )
    return Counter(row["type"] for row in rows(database_url, query, {"id": intent}))
