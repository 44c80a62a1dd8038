"""Batches that are judged before PostgreSQL is asked, and sent whole: one round trip with COMMIT.

An engine that remembers what it left can judge a batch without reading. PostgreSQL then proves, in
the statements that write, that everything still is as remembered; the first that finds otherwise
fails and takes the whole batch with it. So the next batch may be on its way before this one is
answered: it presumes that this one commits, and fails with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Protocol, runtime_checkable

from psycopg import pq

from hazina.db.arrays import NotEncodable
from hazina.db.link import Link, LinkLost, Segment
from hazina.db.recall import Recall
from hazina.db.sharing import enter
from hazina.db.slots import Slot
from hazina.db.statements import BEGIN, COMMIT, ROLLBACK, Call, Statements, call, statement
from hazina.db.table import Key, Kind, Row, Schema
from hazina.db.unit import (
    Committed,
    Engine,
    Insert,
    InsertRows,
    Lacking,
    Quarantined,
    Unit,
    UpdateRows,
    Verdict,
)

# A division by zero is how a statement refuses: whatever comes after it is not executed.
_OURS = statement(
    "SELECT pg_advisory_xact_lock($1), 1 / count(*) FROM writer_slot"
    " WHERE slot = $2 AND fence = $3",
    "bigint",
    "integer",
    "bigint",
)
_MINE = statement("SELECT pg_try_advisory_lock($1)::integer::text", "bigint")
_FLYING_MAX = 2
_REST_MAX = 64


@dataclass(slots=True)
class Foreseen:
    """A batch judged from memory: verdicts, what must still be absent, what is left behind."""

    results: Sequence[tuple[object, ...]]
    shares: Sequence[int]
    absent: tuple[str, Sequence[Key]]
    writes: Sequence[Insert | InsertRows | UpdateRows]
    digest: Callable[[], bytes]


@runtime_checkable
class Foreseeing(Engine, Protocol):
    """An engine that may know enough to judge a batch without reading."""

    def foresee(
        self, units: Sequence[Unit], *, slot: int, sequence: int
    ) -> Foreseen | Lacking | None:
        """Judge units, presuming that all that was judged before commits; None: ask PostgreSQL.

        Every unit is accepted. The versions of the rows changed, the keys of the rows added and
        those that must be absent are all that the judgement depends on.
        """

    def recall(self, rows: Sequence[Row], /) -> None:
        """Take rows that were lacking, as PostgreSQL has them now."""

    def committed(self) -> None:
        """Take note that the batch opened last, by `open`, is durable."""

    def forget(self) -> None:
        """Presume nothing any more: something that was foreseen may not have been committed."""


class Arrival(Enum):
    """What became of a batch that was sent whole."""

    COMMITTED = auto()
    FAILED = auto()
    """It certainly left nothing behind."""
    IN_DOUBT = auto()


@dataclass(slots=True)
class Flight:
    """A batch on its way, and the head of the chain that it leaves behind."""

    units: Sequence[Unit]
    verdicts: list[Verdict | Quarantined]
    link: Link
    segment: Segment | None
    sequence: int
    following: bytes
    arrival: Arrival | None = None


class Ahead:
    """Sends whole batches over a link, at most two at a time; one per store."""

    def __init__(
        self,
        engine: Foreseeing,
        schema: Schema,
        statements: Statements,
        recall: Recall,
        rest_max: int = _REST_MAX,
    ) -> None:
        """`rest_max` bounds how many batches are executed as usual after one that failed."""
        self._engine = engine
        self._schema = schema
        self._statements = statements
        self._recall = recall
        self._flying: deque[Flight] = deque()
        self._barrier: tuple[Link, int] | None = None
        self._rest_max = rest_max
        self._rest = 0
        self._rest_next = 1

    @staticmethod
    def barrier(slot: Slot) -> int:
        """Return the advisory lock that tells whether a session that sent whole batches is gone."""
        return slot.number << 40  # The id of a batch before the first one of the chain.

    async def prepare(self, link: Link, slot: Slot) -> None:
        """Hold the barrier with this session, once; without it nothing is sent ahead."""
        if self._barrier != (link, slot.number):
            (held,) = await link.run([call(_MINE, ("bigint",), self.barrier(slot))])
            if held.get_value(0, 0) == b"1":
                self._barrier = link, slot.number

    def depart(self, link: Link, slot: Slot, units: Sequence[Unit]) -> Flight | Lacking | None:
        """Judge a batch from memory and send it; None when it must be executed as usual."""
        if self._barrier != (link, slot.number) or len(self._flying) == _FLYING_MAX:
            return None
        if any(flight.arrival is not None for flight in self._flying) or not slot.sequence:
            return None
        if self._rest:
            self._rest -= not self._flying
            return None
        head = slot
        if self._flying:
            last = self._flying[-1]
            head = replace(slot, sequence=last.sequence, hash=last.following)
        foreseen = self._engine.foresee(units, slot=slot.number, sequence=head.sequence + 1)
        if not isinstance(foreseen, Foreseen):
            return foreseen
        if not self._flying:
            link.warned = False
        return self._send(link, head, units, foreseen)

    async def recall(self, link: Link, lacking: Lacking) -> None:
        """Give the engine rows that it lacked, unless the session of its batches has ended."""
        rows = await self._recall.read(lacking, link.server)
        if link.alive:
            self._engine.recall(rows)

    def forget(self) -> None:
        """Let the engine presume nothing any more: its session has ended."""
        self._engine.forget()
        self._recall.close()

    async def arrive(self, flight: Flight) -> Arrival:
        """Wait for the oldest batch's answer. When it did not commit, neither will those behind."""
        if flight.arrival is None:
            flight.arrival = await self._received(flight)
            if flight.arrival is not Arrival.COMMITTED:
                await self._give_up(flight)
        assert self._flying.popleft() is flight, "batches arrive in the order they were sent"
        if flight.arrival is Arrival.COMMITTED:
            self._rest_next = 1
        return flight.arrival

    def fail_all(self) -> None:
        """Take note that the batch in front left nothing behind, and its session has ended."""
        for flight in self._flying:
            flight.arrival = Arrival.FAILED

    def committed(self) -> None:
        """Take note that the batch just executed as usual is durable."""
        self._engine.committed()

    def rest(self) -> None:
        """Execute some batches as usual, twice as many each time in a row."""
        self._rest = min(self._rest_next, self._rest_max)
        self._rest_next = min(2 * self._rest_next, self._rest_max)

    def _send(self, link: Link, head: Slot, units: Sequence[Unit], foreseen: Foreseen) -> Flight:
        following = b""

        def calls() -> Iterator[Call]:
            nonlocal following
            kinds: tuple[Kind, ...] = ("bigint", "integer", "bigint")
            yield BEGIN
            yield call(_OURS, kinds, head.batch_id(), head.number, head.fence)
            if foreseen.shares:
                yield enter(foreseen.shares, ())
            try:
                for made in self._calls(foreseen):
                    yield made
                    # PostgreSQL works on each while the next is being encoded.
                    link.hurry()
            except NotEncodable:
                yield ROLLBACK
                return
            append, following = head.append_after(foreseen.digest())
            yield append
            yield COMMIT

        try:
            segment = link.send(calls())
        except LinkLost:
            segment = None  # How much of it has been sent is not known.
        batch_id = head.batch_id()
        verdicts: list[Verdict | Quarantined] = [
            Committed(batch_id, results) for results in foreseen.results
        ]
        flight = Flight(units, verdicts, link, segment, head.sequence + 1, following)
        self._flying.append(flight)
        return flight

    def _calls(self, foreseen: Foreseen) -> Iterator[Call]:
        """Yield what proves and what writes; rows that exist first, in the order of their keys."""
        statements, schema = self._statements, self._schema
        table, keys = foreseen.absent
        if keys:
            ordered = sorted(keys, key=schema[table].order_of)
            yield statements.demand_absent(schema[table], ordered)
        writes = foreseen.writes
        for changed in writes:
            if isinstance(changed, UpdateRows):
                before = changed.versions
                after = [version + 1 for version in before]
                yield statements.update_all(
                    schema[changed.table], changed.keys, before, after, changed.columns
                )
        singly: dict[str, list[Row]] = {}
        for write in writes:
            if isinstance(write, Insert):
                singly.setdefault(write.table, []).append(write.row)
            elif isinstance(write, InsertRows):
                ones = [1] * len(next(iter(write.columns.values())))
                yield statements.insert_columns(schema[write.table], write.columns, ones)
        for name, rows in singly.items():
            rows.sort(key=lambda row: schema[name].key_of(row))
            yield statements.insert(schema[name], rows, [1] * len(rows))

    async def _received(self, flight: Flight) -> Arrival:
        link = flight.link
        if flight.segment is None:
            return Arrival.IN_DOUBT
        try:
            results = await link.receive(flight.segment)
        except LinkLost:
            return Arrival.IN_DOUBT
        if any(result.status == pq.ExecStatus.FATAL_ERROR for result in results):
            # The session ends with some errors, and only some of them come before COMMIT.
            return Arrival.FAILED if link.alive else Arrival.IN_DOUBT
        if link.warned:  # "might not have been replicated": a promotion could lose it (DB-1).
            return Arrival.IN_DOUBT
        committed = results[-1].command_status == b"COMMIT"
        return Arrival.COMMITTED if committed else Arrival.FAILED

    async def _give_up(self, flight: Flight) -> None:
        """Leave the link as it was before the batch, and nothing presumed."""
        self._engine.forget()
        self.rest()
        arrival, link = flight.arrival, flight.link
        try:
            for behind in self._flying:
                if behind is not flight and behind.segment and arrival is Arrival.FAILED:
                    await link.receive(behind.segment)
                behind.arrival = arrival
            if arrival is Arrival.FAILED:
                await link.run([ROLLBACK])
                return
        except LinkLost:
            pass
        link.close()
