"""The harness: kills a process for each cell, lets all settle, asks again, and judges the end."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from hazina.refusals import Code
from tests.faults.matrix.behaviours import Says
from tests.faults.matrix.cardholder import authenticate, authenticate_all, beside
from tests.faults.matrix.cells import Cell
from tests.faults.matrix.flow import Place, all_flows
from tests.support import crash
from tests.support.books import effective, rows, settle
from tests.support.callback_door import callback_door
from tests.support.simulator import Simulator

DIED = -signal.SIGKILL
_AT_ONCE = 4
_DIES_WITHIN_SECONDS = 120
_LATE = {"deadline_ms": 350, "call_timeout_ms": 1_900, "command_lease_ms": 4_000,
         "key_lease_ms": 4_000, "inquiry_lease_ms": 3_000}  # fmt: skip
"""An answer after the deadline is read while the call still waits for it."""

_ASKS_MAX = 8
_LAST_OPEN = """
SELECT id FROM command c WHERE state <> 'done' AND NOT EXISTS (SELECT FROM command later
    WHERE later.payment_intent = c.payment_intent AND later.id > c.id AND later.state <> 'done')
"""
_OPEN = """
SELECT 1 FROM command c WHERE state <> 'done' AND NOT EXISTS (
    SELECT FROM payment_intent i WHERE i.id = c.payment_intent
    AND split_part(i.metadata->>'cell', '-', 2) = ANY(%(undecided)s)
    AND NOT EXISTS (SELECT FROM command e WHERE e.payment_intent = i.id AND e.id > c.id))
LIMIT 1
"""
"""Without what waits for a customer, who in turn waits for us to begin something."""
_YET_TO_FAIL = """
SELECT 1 FROM refund r JOIN payment_intent i ON i.merchant_id = r.merchant_id
    AND i.id = r.payment_intent
WHERE r.status = 'succeeded' AND split_part(i.metadata->>'cell', '-', 2) = ANY(%(failing)s)
LIMIT 1
"""

Work = Callable[[Core], Awaitable[None]]


@dataclass(slots=True)
class Matrix:
    """One run: the provider, the merchant, and what each cell's client has read."""

    database_url: str
    simulator: Simulator
    caller: Caller
    folder: Path
    callback_port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """What was not as its cell demands; the other cells are judged all the same."""

    async def run(self, cells: Sequence[Cell]) -> None:
        """Let a process die for each cell, let everything settle, and ask again as clients do."""
        await self._die_asking([cell for cell in cells if cell.place is Place.ASKING])
        self._die_called_back([cell for cell in cells if cell.place is Place.TOLD])
        own = [cell for cell in cells if cell.place not in (Place.ASKING, Place.TOLD)]
        # The provider tells of a failure for a minute: by then somebody must listen.
        told = [cell for cell in own if cell.flow.at_first and cell.place is Place.APPLIED]
        if told:
            self._die_performing(told)
            await self.settle()
            own = [cell for cell in own if cell not in told]
        # What was not begun may be begun by the next process that looks: it comes last.
        self._die_performing(sorted(own, key=lambda cell: cell.place is Place.BEFORE))
        await self.settle()
        await self._retry(cells)
        await self.settle()
        await self._retry_again(cells)

    async def settle(self) -> None:
        """Let everything that is open find its end."""
        async with self._janitors() as cores:
            settling = settle(*cores, at_rest=_at_rest)
            await beside(authenticate_all(self.database_url), settling)

    def settings(self, cell: Cell) -> Settings:
        """Wait patiently where an answer comes, and not at all where none does."""
        behaviour = cell.behaviour
        patient = not behaviour.silent
        chosen = crash.settings(self.database_url, self.simulator.url, patient=patient)
        return chosen.model_copy(update=_LATE) if behaviour.late else chosen

    @asynccontextmanager
    async def _janitors(self) -> AsyncIterator[tuple[Core, Core]]:
        """Two processes' worth of janitors, and a door for callbacks."""
        patient = crash.settings(self.database_url, self.simulator.url, patient=True)
        first, second = await open_core(patient), await open_core(patient)
        try:
            async with callback_door(first, self.callback_port):
                yield first, second
        finally:
            await first.close()
            await second.close()

    @asynccontextmanager
    async def _hurried(self) -> AsyncIterator[Core]:
        """A process for which a late answer comes after the deadline."""
        core = await open_core(
            crash.settings(self.database_url, self.simulator.url, patient=True).model_copy(
                update=_LATE
            )
        )
        try:
            yield core
        finally:
            await core.close()

    async def _prepare(self, core: Core, cell: Cell) -> None:
        made = await cell.flow.prepare(core, self.caller, cell.name, metadata_of(cell))
        (self.folder / cell.name).write_text(made)

    async def _ask(self, core: Core, cell: Cell) -> Answer:
        """Send the cell's request, as often as a client does, with its one key."""
        made = (self.folder / cell.name).read_text()
        key = IdempotencyRequest(self.caller.merchant.merchant_id, cell.flow.name, cell.name, b"d")
        while True:
            asked = cell.flow.perform(core, self.caller, made, metadata_of(cell), key)
            answer = await crash.read(asked)
            # Nothing was done: a machine that stands still makes a queue look too long.
            if answer.code != Code.OVERLOADED:
                return answer
            await core.clock.sleep_ms(200)

    # How processes die

    def _die_performing(self, cells: Sequence[Cell]) -> None:
        """Kill a process in the middle of its request."""

        def work(cell: Cell) -> Work:
            async def works(core: Core) -> None:
                await self._prepare(core, cell)
                crash.arm(cell.point)
                await self._ask(core, cell)

            return works

        self._run(cells, work, dict.fromkeys([cell.name for cell in cells], DIED))

    async def _die_asking(self, cells: Sequence[Cell]) -> None:
        """Leave operations open, then kill a process for each that asks what became of it."""

        def leave_open(cell: Cell) -> Work:
            async def works(core: Core) -> None:
                await self._prepare(core, cell)
                if cell.dies_open:
                    crash.arm(_replied(cell))
                answer = await self._ask(core, cell)
                shown = orjson.loads(answer.body)
                assert (answer.code, shown.get("status")) == cell.read_alive, (cell, answer)

            return works

        for point in sorted({cell.point for cell in cells}):
            here = [cell for cell in cells if cell.point == point]
            self._run(here, leave_open, {c.name: DIED if c.dies_open else 0 for c in here})
            left = self._open_commands()
            assert len(left) == len(here), (point, left)
            self._await_due(left)
            # A process dies with the first that it asks about, which is then left alone a while.
            for _ in range(_ASKS_MAX):
                if set(left) <= self._asked_about():
                    break
                self._run(here, _asks_until_it_dies, dict.fromkeys([c.name for c in here], DIED))
            assert set(left) <= self._asked_about(), f"{point}: one was never asked about"
            await self.settle()

    def _die_called_back(self, cells: Sequence[Cell]) -> None:
        """Kill a process that has stored a callback and not yet acknowledged it."""

        def work(cell: Cell) -> Work:
            async def works(core: Core) -> None:
                await self._prepare(core, cell)
                known = {row["id"] for row in rows(self.database_url, "SELECT id FROM command")}
                async with callback_door(core, self.callback_port, lambda told: told not in known):
                    crash.arm(cell.point)
                    await self._ask(core, cell)
                    for _ in range(300):
                        await authenticate(self.database_url)
                        await core.dispatch.run_due()
                        await core.clock.sleep_ms(50)

            return works

        for cell in cells:
            self._run([cell], work, {cell.name: DIED})

    def _run(
        self, cells: Sequence[Cell], work: Callable[[Cell], Work], ends: dict[str, int]
    ) -> None:
        """Run a process for each cell, a few at once, and demand how each of them ends."""
        together = [cell for cell in cells if not cell.flow.alone]
        groups = [together[start : start + _AT_ONCE] for start in range(0, len(together), _AT_ONCE)]
        groups += [[cell] for cell in cells if cell.flow.alone]
        for some in groups:
            processes = [crash.start(self.settings(cell), work(cell)) for cell in some]
            for cell, process in zip(some, processes, strict=True):
                process.join(_DIES_WITHIN_SECONDS)
                if process.exitcode is None:
                    process.kill()
                assert process.exitcode == ends[cell.name], (
                    f"{cell} was not reached: {process.exitcode} {process.said}"
                )

    def _open_commands(self) -> list[str]:
        """Return what cells left open, without what waits for a customer beside it."""
        return [row["id"] for row in rows(self.database_url, _LAST_OPEN)]

    def _asked_about(self) -> set[str]:
        found = rows(self.database_url, "SELECT id FROM command WHERE inquiries > 0")
        return {row["id"] for row in found}

    def _await_due(self, left: list[str]) -> None:
        """Wait until the leases of the dead have run out."""
        due = (
            "SELECT id FROM command WHERE id = ANY(%s) AND (state = 'leased' AND "
            "lease_until < now() OR state = 'waiting' AND next_at < now())"
        )
        for _ in range(100):
            if len(rows(self.database_url, due, (left,))) == len(left):
                return
            time.sleep(0.1)
        raise AssertionError("a command is never due")

    # What a client reads that asks again

    async def _retry(self, cells: Sequence[Cell]) -> None:
        """Ask again with the same key, twice; nothing that was done is done again."""
        self._await_keys()
        async with self._janitors() as (core, _), self._hurried() as hurried:
            before = self.simulator.books()
            for cell in cells:
                # A worker that works alone would begin what others have yet to begin.
                if cell.place is not Place.BEFORE and not cell.flow.alone:
                    await self._read_twice(core, cell)
            assert self.simulator.books() == before, "a retry had a second effect"
            for cell in cells:
                if cell.place is Place.BEFORE:
                    await self._read_twice(hurried if cell.behaviour.late else core, cell)

    def _await_keys(self) -> None:
        """Wait until no key is held by the dead any more: until then a retry is asked to wait."""
        held = "SELECT 1 FROM idempotency_key WHERE NOT answered AND lease_until > now()"
        for _ in range(100):
            if not rows(self.database_url, held):
                return
            time.sleep(0.1)
        raise AssertionError("a key stays stranded")

    async def _read_twice(self, core: Core, cell: Cell) -> None:
        found = rows(
            self.database_url, "SELECT * FROM idempotency_key WHERE key = %s", (cell.name,)
        )
        first = self.answers[cell.name] = await self._ask(core, cell)
        second = await self._ask(core, cell)
        if cell.flow.replays:
            assert (second.code, second.body) == (first.code, first.body), (cell, first, second)
            assert second.replayed, (cell, second)
            with self._judging():
                _check_answer(cell, found[0] if found else None, first)

    async def _retry_again(self, cells: Sequence[Cell]) -> None:
        """An answer stays what it was, also when more has become known since."""
        async with self._janitors() as (core, _):
            for cell in cells:
                answer = await self._ask(core, cell)
                if cell.flow.replays:
                    assert answer.body == self.answers[cell.name].body, (cell, answer)

    # What must be true in the end

    def check(self, cells: Sequence[Cell]) -> None:
        """Demand of each cell its end, and that every answer was as it should be."""
        for cell in cells:
            with self._judging():
                self._check(cell)
        assert not self.broken, "\n".join(self.broken)

    @contextmanager
    def _judging(self) -> Iterator[None]:
        try:
            yield
        except AssertionError as broken:
            self.broken.append(str(broken)[:1_000])

    def _check(self, cell: Cell) -> None:
        """One object, one command, one effect or none, and each told once."""
        url, flow = self.database_url, cell.flow
        objects = rows(url, flow.found_by, {"cell": cell.name})
        assert len(objects) == 1, (cell, objects)
        (found,) = objects
        assert found["status"] == cell.end.status, (cell, found)
        if flow.sends is not None:
            query = "SELECT * FROM command WHERE payment_intent = %s AND operation = %s ORDER BY id"
            commands = rows(url, query, (found["subject"], flow.sends))[flow.earlier :]
            assert len(commands) == 1, (cell, commands)
            entry = self._entries().get(commands[0]["id"])
            assert effective(entry) == cell.effect, (cell, entry, commands)
            if cell.place is Place.TOLD:
                query = "SELECT state FROM inbox WHERE reference = %s"
                messages = rows(url, query, (commands[0]["id"],))
                assert messages, f"{cell}: no callback was kept"
                assert {row["state"] for row in messages} == {"applied"}, (cell, messages)
        told = self._told(found["subject"])
        for type in {*flow.done.told, *flow.failed.told}:
            assert told[type] == (1 if type in cell.end.told else 0), (cell, type, told)

    def _entries(self) -> dict[str, dict[str, Any]]:
        return {entry["reference"]: entry for entry in self.simulator.books()}

    def _told(self, subject: str) -> Counter[str]:
        """Count the events about an object, its charges and its refunds."""
        query = (
            "SELECT type FROM event WHERE object_id = %(id)s "
            "OR object_id IN (SELECT id FROM charge WHERE payment_intent = %(id)s) "
            "OR object_id IN (SELECT id FROM refund WHERE payment_intent = %(id)s)"
        )
        return Counter(row["type"] for row in rows(self.database_url, query, {"id": subject}))


def _at_rest(database_url: str) -> bool:
    """Return whether nothing is open and nothing is to come."""
    params = {
        "undecided": [flow.name for flow in all_flows() if flow.decides_after],
        "failing": [flow.name for flow in all_flows() if flow.at_first],
    }
    return not any(rows(database_url, query, params) for query in (_OPEN, _YET_TO_FAIL))


def metadata_of(cell: Cell) -> dict[str, str]:
    """Return what the object carries: its cell, and what the provider is to do."""
    metadata = {"cell": cell.name}
    at, behaviour = cell.flow.sends, cell.behaviour
    if at is None:
        return metadata
    words = [] if behaviour.says is Says.YES and behaviour.name == "ok" else [behaviour.name]
    if cell.place is Place.TOLD:
        words.append("duplicate_callback" if words else "callback_before_reply")
    if words:
        metadata["sandbox_fault"] = ",".join(f"{word}@{at}" for word in dict.fromkeys(words))
    if behaviour.delay_ms:
        metadata["sandbox_delay_ms"] = str(behaviour.delay_ms)
    return metadata


def _replied(cell: Cell) -> str:
    """Return the boundary of the cell's flow at which the provider's answer is lost."""
    places = cell.flow.places.items()
    return next(point for point, place in places if place is Place.REPLIED)


def _asks_until_it_dies(cell: Cell) -> Work:
    async def work(core: Core) -> None:
        crash.arm(cell.point)
        for _ in range(200):
            await core.dispatch.run_due(1)
            await core.clock.sleep_ms(50)

    return work


def _check_answer(cell: Cell, row: dict[str, Any] | None, first: Answer) -> None:
    """Compare what the client reads first with what was stored, or with what is true by now."""
    status = orjson.loads(first.body).get("status")
    if row is None:
        assert cell.place is Place.BEFORE, cell
        read, was_stored = cell.read_alive, False
    elif row["answered"]:
        assert cell.answered is not False, f"{cell} was answered before it was done"
        assert first.body == bytes(row["body"]), (cell, first)
        read, was_stored = cell.read_alive, True
    else:
        # The process died with the key in its hand: what became of it by now is the answer.
        assert cell.answered is not True, f"{cell} lost its answer"
        read, was_stored = cell.read_of_the_dead, first.replayed
    assert first.replayed == was_stored, (cell, first)
    assert first.code == read[0], (cell, first)
    assert first.code is not None or status == read[1], (cell, first)
