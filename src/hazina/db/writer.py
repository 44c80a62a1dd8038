"""The coalescing writer: commits what queued while the last batch was in flight."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from hazina.clock import Clock
from hazina.db.overlap import Overlap
from hazina.db.unit import (
    Committed,
    Lacking,
    Lane,
    Overloaded,
    Quarantined,
    Stale,
    Unit,
    Unreachable,
    Verdict,
)
from hazina.refusals import Code, Refusal

_STALE_RETRIES_MAX = 8
_ANSWERS_PER_TURN = 4
_WORTH_WAITING_FOR = 64
_FLYING_MAX = 2
_AHEAD_ROWS_MAX = 128

_log = logging.getLogger(__name__)


class Store(Protocol):
    """What executes batches: `PostgresStore` or `MemoryStore`."""

    @property
    def slot(self) -> int:
        """The writer slot that is held."""

    async def execute(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        """Judge and commit one batch; return a verdict for each unit, in order."""

    async def renew(self) -> None:
        """Keep the slot while nothing is written."""


@runtime_checkable
class StoreAhead(Store, Protocol):
    """A store that can send a batch before the one in front of it has been answered."""

    def depart(self, units: Sequence[Unit], /) -> Any:
        """Send a batch and return what to land, `Lacking`, or None when it must be executed."""

    async def recall(self, lacking: Lacking, /) -> None:
        """Read what a batch lacked to depart."""

    async def land(self, flight: Any, /) -> list[Verdict | Quarantined]:
        """Wait for the batch that departed first; return and raise as `execute` does."""


@dataclass(frozen=True, slots=True)
class WriterSettings:
    """Sizes of a batch, and the age of the oldest waiting unit at which new ones are refused.

    `waiting_max` bounds the queue while nothing is old yet.
    """

    units_max: int = 128
    bulk_units_max: int = 1_000
    rows_max: int = 4_000
    age_max_ms: int = 2_000
    waiting_max: int = 20_000
    renewal_ms: int = 2_000


@dataclass(frozen=True, slots=True)
class WriterState:
    """What health shows of the writer's queue."""

    waiting: int
    waiting_max: int
    oldest_ms: int
    age_max_ms: int

    @property
    def saturated(self) -> bool:
        """Whether the next unit would be refused."""
        return self.waiting >= self.waiting_max or self.oldest_ms > self.age_max_ms


@dataclass(slots=True)
class _Waiting:
    unit: Unit
    rows: int
    since_ms: int
    verdict: asyncio.Future[Verdict]
    taken: bool = False


@dataclass(slots=True)
class _Flying:
    batch: list[_Waiting]
    since_ms: int
    landing: asyncio.Task[list[Verdict | Quarantined]]

    @property
    def rows(self) -> int:
        return sum(waiting.rows for waiting in self.batch)


class Writer:
    """Takes units from many callers and commits them in batches, one batch at a time."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: WriterSettings | None = None,
        committed: Callable[[Iterable[Unit]], None] | None = None,
    ) -> None:
        """`committed` is told the units of each batch that became durable; it must be quick."""
        self._store = store
        self._ahead = store if isinstance(store, StoreAhead) else None
        self._flying: deque[_Flying] = deque()
        self._waiting_rows = 0
        self._overlap = Overlap()
        self._ahead_rows = self._overlap.rows_min
        self._clock = clock
        self._settings = settings or WriterSettings()
        self._committed = committed
        self._lanes: dict[Lane, dict[str, deque[_Waiting]]] = {lane: {} for lane in Lane}
        self._arrivals: deque[_Waiting] = deque()
        self._executing_since_ms: int | None = None
        self._work = asyncio.Event()
        self._closing = False
        self._queued = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def slot(self) -> int:
        """The writer slot of this process; it can change after a lease was lost."""
        return self._store.slot

    async def start(self) -> None:
        """Start the task that writes."""
        assert self._task is None, "the writer is started once"
        self._task = asyncio.create_task(self._run(), name="writer")

    async def close(self) -> None:
        """Commit what is queued, refuse what comes later, and stop."""
        self._closing = True
        self._work.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def submit(self, unit: Unit) -> Verdict:
        """Commit a unit; return after its batch is durable, or was refused.

        A caller that is cancelled leaves the unit to be committed. Raises `Overloaded` before
        anything was claimed, and `Quarantined` when the unit's data cannot be written.
        """
        if self._closing:
            raise Overloaded("the writer is closing")
        now_ms = self._clock.monotonic_ms()
        oldest_ms = self._oldest_ms()
        if oldest_ms is not None and now_ms - oldest_ms > self._settings.age_max_ms:
            raise Overloaded(f"the oldest unit has waited {now_ms - oldest_ms} ms")
        if self._queued >= self._settings.waiting_max:
            raise Overloaded(f"{self._queued} units wait")
        rows = len(unit.claims) + len(unit.writes) + len(unit.transfers) + len(unit.relies_on)
        waiting = _Waiting(unit, rows, now_ms, asyncio.get_running_loop().create_future())
        self._lanes[unit.lane].setdefault(unit.merchant_id, deque()).append(waiting)
        self._arrivals.append(waiting)
        self._queued += 1
        self._waiting_rows += rows
        if not self._flying or self._waiting_rows >= self._ahead_rows:
            self._work.set()
        return await waiting.verdict

    def state(self) -> WriterState:
        """Return how full the queue is."""
        oldest_ms = self._oldest_ms()
        waited_ms = 0 if oldest_ms is None else self._clock.monotonic_ms() - oldest_ms
        chosen = self._settings
        return WriterState(self._queued, chosen.waiting_max, waited_ms, chosen.age_max_ms)

    def _oldest_ms(self) -> int | None:
        arrivals = self._arrivals
        while arrivals and arrivals[0].taken:
            arrivals.popleft()
        if arrivals:
            return arrivals[0].since_ms
        return self._flying[0].since_ms if self._flying else self._executing_since_ms

    async def _run(self) -> None:
        while True:
            if self._flying:
                if self._flying[0].landing.done():
                    await self._land()
                    continue
                if len(self._flying) == _FLYING_MAX or self._waiting_rows < self._ahead_rows:
                    self._work.clear()
                    await self._work.wait()
                    continue
            batch = self._take()
            if batch:
                await self._begin(batch)
                continue
            if self._closing:
                return
            self._work.clear()
            try:
                async with asyncio.timeout(self._settings.renewal_ms / 1000):
                    await self._work.wait()
            except TimeoutError:
                await self._renew()

    async def _begin(self, batch: list[_Waiting]) -> None:
        """Send a batch ahead of those in flight; execute it after them where that cannot be."""
        since_ms = self._clock.monotonic_ms()
        units = [waiting.unit for waiting in batch]
        flight = None if self._ahead is None else self._ahead.depart(units)
        if isinstance(flight, Lacking):
            self._executing_since_ms = since_ms
            flight = await self._recalled(units, flight)
            self._executing_since_ms = None
        if flight is not None:
            before = self._flying[-1].landing if self._flying else None
            landing = asyncio.create_task(self._landed(before, flight), name="landing")
            landing.add_done_callback(lambda _: self._work.set())
            self._flying.append(_Flying(batch, since_ms, landing))
            return
        while self._flying:
            await self._land()
        self._executing_since_ms = since_ms
        await self._conclude(batch, self._store.execute(units))
        self._executing_since_ms = None
        await self._settle(batch)

    async def _recalled(self, units: Sequence[Unit], lacking: Lacking) -> object | None:
        """Send a batch once what it lacks is read; those before it are answered meanwhile."""
        assert self._ahead is not None, "only such a store lacks anything"
        reading = asyncio.create_task(self._ahead.recall(lacking), name="recall")
        while self._flying and not reading.done():
            landing = self._flying[0].landing
            await asyncio.wait([reading, landing], return_when=asyncio.FIRST_COMPLETED)
            if landing.done():
                await self._land()
        try:
            await reading
        except Exception:  # The writer must live on; the batch is executed as usual.
            _log.exception("what a batch lacks could not be read")
        flight: object | None = self._ahead.depart(units)
        return None if isinstance(flight, Lacking) else flight

    async def _landed(
        self, before: asyncio.Task[list[Verdict | Quarantined]] | None, flight: object
    ) -> list[Verdict | Quarantined]:
        assert self._ahead is not None, "only such a store sends batches ahead"
        if before is not None:
            await asyncio.wait([before])
        return await self._ahead.land(flight)

    async def _land(self) -> None:
        """Answer the batch that departed first."""
        flying = self._flying[0]
        await self._conclude(flying.batch, flying.landing)
        self._flying.popleft()
        many = self._queued >= 2 * _WORTH_WAITING_FOR
        self._overlap.landed(flying.rows, self._clock.monotonic_ms())
        least = _WORTH_WAITING_FOR if many else self._overlap.rows_min
        self._ahead_rows = min(max(least, flying.rows), _AHEAD_ROWS_MAX)
        await self._settle(flying.batch)

    async def _settle(self, batch: Sequence[_Waiting]) -> None:
        self._queued -= len(batch)
        if not self._flying and all(waiting.unit.lane is Lane.BULK for waiting in batch):
            await self._let_return(len(batch))

    async def _let_return(self, answered: int) -> None:
        """Let the event loop turn until those just answered had the chance to send again.

        Callers of a ledger send the next transfer when the last is booked. Without this a few of
        them would split into two halves, each waiting for the other's batch, and a small batch
        costs as much as a large one. Where batches can be sent ahead, half of many callers are
        enough: the other half are the next batch, made while PostgreSQL works on this one.
        """
        enough = min(answered, _WORTH_WAITING_FOR)
        if self._ahead is not None:
            callers = self._queued + answered
            half = max((callers + 1) // 2, self._overlap.rows_min)
            enough = min(callers, half, _WORTH_WAITING_FOR)
        for _ in range(2 + answered // _ANSWERS_PER_TURN):
            if self._queued >= enough:
                return
            await asyncio.sleep(0)

    async def _renew(self) -> None:
        try:
            await self._store.renew()
        except Exception:  # The writer must live on; its next batch meets the same trouble.
            _log.exception("the writer slot could not be renewed")

    def _take(self) -> list[_Waiting]:
        """Take the next batch: urgent lanes first, one unit of each merchant in turn."""
        batch: list[_Waiting] = []
        rows = 0
        for lane, queues in self._lanes.items():
            limit = self._settings.units_max
            if lane is Lane.BULK and not batch:
                limit = self._settings.bulk_units_max
            while queues and len(batch) < limit:
                merchant, queue = next(iter(queues.items()))
                if batch and rows + queue[0].rows > self._settings.rows_max:
                    return batch
                batch.append(queue.popleft())
                batch[-1].taken = True
                rows += batch[-1].rows
                self._waiting_rows -= batch[-1].rows
                del queues[merchant]
                if queue:
                    queues[merchant] = queue  # To the end: the others' turn comes first.
        return batch

    async def _conclude(
        self, batch: Sequence[_Waiting], executed: Awaitable[list[Verdict | Quarantined]]
    ) -> None:
        """Answer the callers of a batch when its verdicts are there."""
        try:
            verdicts = await executed
        except Exception as error:  # It belongs to the callers; the writer goes on.
            refused = list(batch)
            if isinstance(error, Unreachable):
                # It was tried for long enough: those behind would wait as long for the same.
                while more := self._take():
                    refused += more
                    self._queued -= len(more)
            for waiting in refused:
                if not waiting.verdict.done():
                    waiting.verdict.set_exception(error)
            return
        if self._committed is not None:
            self._committed(
                waiting.unit
                for waiting, verdict in zip(batch, verdicts, strict=True)
                if isinstance(verdict, Committed)
            )
        self._answer(iter(list(zip(batch, verdicts, strict=True))))

    def _answer(self, answers: Iterator[tuple[_Waiting, Verdict | Quarantined]]) -> None:
        """Tell callers their verdicts, a few per turn of the event loop.

        Woken all at once they would run, one after another, before the loop looks at PostgreSQL's
        reply to the next batch; in small groups both go on side by side.
        """
        some = list(itertools.islice(answers, _ANSWERS_PER_TURN))
        for waiting, verdict in some:
            if waiting.verdict.done():
                continue  # The caller was cancelled.
            if isinstance(verdict, Quarantined):
                waiting.verdict.set_exception(verdict)
            else:
                waiting.verdict.set_result(verdict)
        if some:
            asyncio.get_running_loop().call_soon(self._answer, answers)


class Decision(Protocol):
    """What `decide` returns: anything that carries a unit."""

    @property
    def unit(self) -> Unit:
        """The unit to commit."""


Loaded = TypeVar("Loaded")
Decided = TypeVar("Decided", bound=Decision)


async def commit(
    writer: Writer,
    load: Callable[[], Awaitable[Loaded]],
    decide: Callable[[Loaded], Decided],
) -> tuple[Decided, Verdict]:
    """Load, decide, commit; again at once when what was loaded has changed.

    Returns the decision and a verdict that is not `Stale`. Raises `Refusal` (`lock_timeout`) after
    eight repeats, and whatever `load`, `decide` and `Writer.submit` raise.
    """
    for _ in range(1 + _STALE_RETRIES_MAX):
        decision = decide(await load())
        verdict = await writer.submit(decision.unit)
        if not isinstance(verdict, Stale):
            return decision, verdict
    raise Refusal(
        Code.LOCK_TIMEOUT,
        "This object is being changed by other requests. Send the request again.",
    )
