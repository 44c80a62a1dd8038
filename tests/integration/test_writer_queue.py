"""The writer's queue: coalescing, lanes, fairness, age, cancellation, closing, stale repeats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from hazina.clock import ManualClock, SystemClock
from hazina.db.memory import MemoryReader, MemoryStore
from hazina.db.unit import (
    Committed,
    Insert,
    Lacking,
    Lane,
    Overloaded,
    Quarantined,
    RowVersion,
    Stale,
    Unit,
    Update,
    Verdict,
)
from hazina.db.writer import Writer, WriterSettings, commit
from hazina.refusals import Code, Refusal
from tests.support.toy import SCHEMA, ToyEngine


@dataclass
class GatedStore:
    """A memory store that records its batches and waits at a gate before each."""

    inner: MemoryStore = field(default_factory=lambda: MemoryStore(SCHEMA, ToyEngine()))
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[list[Unit]] = field(default_factory=list)
    renewals: int = 0
    failure: Exception | None = None

    @property
    def slot(self) -> int:
        return 1

    async def renew(self) -> None:
        self.renewals += 1

    async def execute(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        self.batches.append(list(units))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return await self.inner.execute(units)


def _insert(merchant: str, id: str, lane: Lane = Lane.PAYMENT) -> Unit:
    row = {"merchant_id": merchant, "id": id}
    return Unit(merchant, writes=(Insert("toy_object", row),), lane=lane)


@pytest.fixture
def store() -> GatedStore:
    return GatedStore()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
async def writer(store: GatedStore, clock: ManualClock) -> AsyncIterator[Writer]:
    writer = Writer(store, clock, WriterSettings(units_max=4, rows_max=6))
    await writer.start()
    yield writer
    store.gate.set()
    await writer.close()


async def _queue(writer: Writer, units: Sequence[Unit]) -> list[asyncio.Task[Verdict]]:
    """Submit a unit that occupies the writer, then these; they wait for the next batch."""
    tasks = [asyncio.create_task(writer.submit(_insert("first", "first")))]
    await asyncio.sleep(0.01)
    tasks += [asyncio.create_task(writer.submit(unit)) for unit in units]
    await asyncio.sleep(0.01)
    return tasks


def _ids(batch: Sequence[Unit]) -> list[str]:
    return [unit.writes[0].row["id"] for unit in batch if isinstance(unit.writes[0], Insert)]


async def test_units_that_wait_together_are_one_batch(store: GatedStore, writer: Writer) -> None:
    tasks = await _queue(writer, [_insert("m", str(number)) for number in range(4)])
    store.gate.set()
    verdicts = await asyncio.gather(*tasks)
    assert all(isinstance(verdict, Committed) for verdict in verdicts)
    assert [len(batch) for batch in store.batches] == [1, 4]


async def test_outcomes_go_first_and_merchants_take_turns(
    store: GatedStore, writer: Writer
) -> None:
    units = [
        _insert("bulk", "b", Lane.BULK),
        _insert("busy", "1"),
        _insert("busy", "2"),
        _insert("busy", "3"),
        _insert("small", "s"),
        _insert("late", "o", Lane.OUTCOME),
    ]
    tasks = await _queue(writer, units)
    store.gate.set()
    await asyncio.gather(*tasks)
    assert [_ids(batch) for batch in store.batches[1:]] == [["o", "1", "s", "2"], ["3", "b"]]


async def test_a_batch_is_bounded_by_its_rows(store: GatedStore, writer: Writer) -> None:
    wide = [
        Unit(
            "m",
            writes=tuple(
                Insert("toy_object", {"merchant_id": "m", "id": f"{unit}{row}"}) for row in range(4)
            ),
        )
        for unit in "ab"
    ]
    tasks = await _queue(writer, wide)
    store.gate.set()
    await asyncio.gather(*tasks)
    assert [len(batch) for batch in store.batches] == [1, 1, 1]


async def test_an_old_queue_refuses_new_units_before_anything_is_claimed(
    store: GatedStore, writer: Writer, clock: ManualClock
) -> None:
    tasks = await _queue(writer, [_insert("m", "1")])
    clock.advance_ms(2_001)
    with pytest.raises(Overloaded):
        await writer.submit(_insert("m", "2"))
    store.gate.set()
    await asyncio.gather(*tasks)
    assert ("m", "2") not in store.inner.tables["toy_object"]
    assert isinstance(await writer.submit(_insert("m", "3")), Committed)


async def test_a_cancelled_caller_does_not_cancel_the_commit(
    store: GatedStore, writer: Writer
) -> None:
    task = asyncio.create_task(writer.submit(_insert("m", "1")))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    store.gate.set()
    await writer.submit(_insert("m", "2"))
    assert ("m", "1") in store.inner.tables["toy_object"]


async def test_close_commits_what_is_queued_and_refuses_what_comes_later(
    store: GatedStore, writer: Writer
) -> None:
    tasks = await _queue(writer, [_insert("m", str(number)) for number in range(9)])
    store.gate.set()
    await writer.close()
    assert all(isinstance(task.result(), Committed) for task in tasks)
    with pytest.raises(Overloaded):
        await writer.submit(_insert("m", "late"))


async def test_a_failing_store_fails_its_callers_and_the_writer_goes_on(
    store: GatedStore, writer: Writer
) -> None:
    store.gate.set()
    store.failure = Overloaded("unreachable")
    with pytest.raises(Overloaded):
        await writer.submit(_insert("m", "1"))
    store.failure = None
    assert isinstance(await writer.submit(_insert("m", "1")), Committed)


async def test_quarantine_reaches_the_caller_of_that_unit_alone(
    store: GatedStore, writer: Writer
) -> None:
    tasks = await _queue(writer, [_insert("m", "nul \x00"), _insert("m", "fine")])
    store.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Committed, Quarantined, Committed]


async def test_an_idle_writer_keeps_its_slot(store: GatedStore) -> None:
    writer = Writer(store, SystemClock(), WriterSettings(renewal_ms=10))
    await writer.start()
    await asyncio.sleep(0.1)
    await writer.close()
    assert store.renewals > 1


@dataclass(frozen=True, slots=True)
class _Decision:
    unit: Unit


def _rename(version: int, state: str) -> _Decision:
    return _Decision(
        Unit(
            "m",
            relies_on=(RowVersion("toy_object", ("m", "a"), version),),
            writes=(Update("toy_object", ("m", "a"), version, {"state": state}),),
        )
    )


async def test_commit_loads_and_decides_again_until_it_is_not_stale(
    store: GatedStore, writer: Writer
) -> None:
    store.gate.set()
    await writer.submit(_insert("m", "a"))
    reader = MemoryReader(store.inner)
    loads = 0

    async def load() -> int:
        nonlocal loads
        row = await reader.get("toy_object", ("m", "a"))
        assert row is not None
        loads += 1
        if loads <= 3:  # Somebody else is faster three times.
            await writer.submit(_rename(row["version"], "theirs").unit)
        return int(row["version"])

    decision, verdict = await commit(writer, load, lambda version: _rename(version, "ours"))
    assert isinstance(verdict, Committed)
    assert loads == 4
    assert decision.unit.relies_on[0].version == 4
    assert store.inner.tables["toy_object"]["m", "a"]["state"] == "ours"


async def test_commit_gives_up_after_eight_repeats(store: GatedStore, writer: Writer) -> None:
    store.gate.set()
    loads = 0

    async def load() -> int:
        nonlocal loads
        loads += 1
        return 1

    with pytest.raises(Refusal) as caught:
        await commit(writer, load, lambda version: _rename(version, "never"))
    assert caught.value.code is Code.LOCK_TIMEOUT
    assert loads == 9
    assert isinstance(await writer.submit(_rename(1, "x").unit), Stale)


@dataclass(kw_only=True)
class AheadStore(GatedStore):
    """Sends batches ahead over a disk of its own: landing takes as long as `batch_ms` says."""

    clock: ManualClock
    batch_ms: Callable[[int], int]

    def depart(self, units: Sequence[Unit]) -> Sequence[Unit]:
        self.batches.append(list(units))
        return units

    async def recall(self, lacking: Lacking) -> None:
        raise AssertionError("it lacks nothing")

    async def land(self, flight: Sequence[Unit]) -> list[Verdict | Quarantined]:
        await asyncio.sleep(0)
        self.clock.advance_ms(self.batch_ms(len(flight)))
        return await self.inner.execute(flight)


@pytest.mark.parametrize(
    ("batch_ms", "size"),
    [
        pytest.param(lambda rows: 5, 16, id="each flush takes long"),
        pytest.param(lambda rows: rows * rows // 32, 8, id="half a batch takes a quarter"),
    ],
)
async def test_few_callers_share_a_batch_or_take_turns_by_what_is_quicker(
    clock: ManualClock, batch_ms: Callable[[int], int], size: int
) -> None:
    store = AheadStore(clock=clock, batch_ms=batch_ms)
    writer = Writer(store, clock)
    await writer.start()

    async def caller(name: str) -> None:
        for number in range(400):
            verdict = await writer.submit(_insert(name, f"{name}_{number}", Lane.BULK))
            assert isinstance(verdict, Committed)

    await asyncio.gather(*(caller(f"m{number}") for number in range(16)))
    await writer.close()
    sizes = [len(batch) for batch in store.batches]
    assert {size} == set(sizes[-60:-4]), sizes


@dataclass(kw_only=True)
class LackingStore(GatedStore):
    """Lacks what `wanted` holds the name of; a flight lands when its gate is opened."""

    wanted: dict[str, asyncio.Event] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    landed: list[str] = field(default_factory=list)
    learns: bool = True

    def depart(self, units: Sequence[Unit]) -> Sequence[Unit] | Lacking:
        (name,) = {unit.merchant_id for unit in units}
        if name in self.wanted and name not in self.known:
            return Lacking("toy_object", [(name, "a")])
        self.batches.append(list(units))
        return units

    async def recall(self, lacking: Lacking) -> None:
        ((name, _),) = lacking.keys
        await self.wanted[str(name)].wait()
        if not self.learns:
            raise RuntimeError("it cannot be read")
        self.known.add(str(name))

    async def land(self, flight: Sequence[Unit]) -> list[Verdict | Quarantined]:
        await self.gate.wait()
        return await self.inner.execute(flight)


@pytest.mark.parametrize("learns", [True, False])
async def test_batches_in_flight_are_answered_while_the_next_reads_what_it_lacks(
    clock: ManualClock, learns: bool
) -> None:
    read = asyncio.Event()
    store = LackingStore(wanted={"rare": read}, learns=learns)
    writer = Writer(store, clock, WriterSettings(bulk_units_max=1))
    await writer.start()
    common = asyncio.create_task(writer.submit(_insert("common", "a", Lane.BULK)))
    rare = [
        asyncio.create_task(writer.submit(_insert("rare", str(n), Lane.BULK))) for n in range(20)
    ]
    await asyncio.sleep(0)
    assert not common.done()
    store.gate.set()
    assert isinstance(await common, Committed)
    clock.advance_ms(700)
    assert writer.state().oldest_ms == 700, "what waits for a read waits"
    assert not any(task.done() for task in rare)
    read.set()
    assert all([isinstance(await task, Committed) for task in rare])
    assert [unit.merchant_id for batch in store.batches for unit in batch].count("rare") == 20
    await writer.close()
