"""The PostgreSQL store: executes a batch of units in one database transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from hazina.clock import Clock, SystemClock
from hazina.db.ahead import Ahead, Arrival, Flight, Foreseeing
from hazina.db.arrays import NotEncodable
from hazina.db.doubt import Doubt
from hazina.db.judging import Effects, Judging, check, gather_claims
from hazina.db.link import Again, Link, LinkLost, LinkSettings, Poison, Short, UnsafeServer
from hazina.db.recall import Recall
from hazina.db.results import Found, take_in
from hazina.db.sharing import NotAlone, enter, remain
from hazina.db.slots import Slot, acquire
from hazina.db.statements import BEGIN, COMMIT, LOCK, ROLLBACK, Call, Statements, call
from hazina.db.table import Key, Row, Schema, Table
from hazina.db.unit import (
    Alone,
    Committed,
    Engine,
    Insert,
    Lacking,
    Needs,
    Quarantined,
    Refused,
    Unit,
    Unreachable,
    Verdict,
)
from hazina.db.writing import grouped, writes


class _SlotLost(Exception):
    """Our lease ran out and another process took the slot."""


class _HeadMoved(Exception):
    """The chain of our slot has a row that we do not know of."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Durations of the PostgreSQL store.

    `give_up_ms` bounds how long a batch is tried that certainly did not commit;
    `terminate_after_ms` how long an old backend may still hold a lost batch. After a batch that was
    sent ahead and failed, up to `rest_max` batches are executed as usual.
    """

    link: LinkSettings = field(default_factory=LinkSettings)
    lease_ms: int = 15_000
    give_up_ms: int = 30_000
    retry_pause_ms: int = 50
    terminate_after_ms: int = 5_000
    rest_max: int = 64
    holder: str = "writer"


class PostgresStore:
    """Commits batches of units to PostgreSQL, over one direct connection to the primary."""

    def __init__(
        self,
        url: str,
        schema: Schema,
        engine: Engine | None,
        *,
        settings: StoreSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._url = url
        self._schema = schema
        self._engine = engine
        self._settings = settings or StoreSettings()
        self._clock = clock or SystemClock()
        self._statements = Statements(schema)
        self._ahead: Ahead | None = None
        if isinstance(engine, Foreseeing):
            recall = Recall(url, schema, self._statements, self._settings.link)
            self._ahead = Ahead(engine, schema, self._statements, recall, self._settings.rest_max)
        self._doubt = Doubt(
            url, self._settings.link, self._clock,
            terminate_after_ms=self._settings.terminate_after_ms,
            pause_ms=self._settings.retry_pause_ms,
        )  # fmt: skip
        self._link: Link | None = None
        self._slot: Slot | None = None
        self._renewed_ms = 0
        self._executing = False

    async def open(self) -> None:
        """Connect and lease a slot. Raises `UnsafeServer`, `LinkLost`."""
        self._link = await Link.connect(self._url, self._settings.link)
        await self._lease(self._link)

    async def close(self) -> None:
        """Give the slot back and disconnect."""
        if self._ahead is not None:
            self._ahead.forget()
        if self._link is not None and self._slot is not None:
            try:
                await self._link.run([self._slot.release()])
            except LinkLost:
                return  # The lease runs out by itself.
            finally:
                self._link.close()
                self._link = None

    @property
    def slot(self) -> int:
        """The number of the slot that this process holds."""
        assert self._slot is not None, "the store is not open"
        return self._slot.number

    async def execute(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        """Judge and commit units as one batch; return a verdict for each, in order.

        Raises `Unreachable` when PostgreSQL cannot be reached, or has no room, and nothing was
        committed.
        """
        problems = [check(unit, self._schema) for unit in units]
        sound = [unit for unit, problem in zip(units, problems, strict=True) if not problem]
        verdicts = iter(await self._as_usual(sound) if sound else [])
        return [Quarantined(problem) if problem else next(verdicts) for problem in problems]

    def depart(self, units: Sequence[Unit]) -> Flight | Lacking | None:
        """Send a batch whole, if its engine can judge it from memory; else it must be executed.

        Flights land in the order in which they departed, and nothing is executed before all have.
        Where rows are lacking it may depart once they were recalled.
        """
        if self._ahead is None or self._link is None or self._slot is None:
            return None
        if self._executing or self._renewal_due():
            return None
        return self._ahead.depart(self._link, self._slot, units)

    async def recall(self, lacking: Lacking) -> None:
        """Read rows for the engine, while batches are in flight."""
        assert self._ahead is not None, "only a foreseeing engine lacks rows"
        if self._link is not None:
            await self._ahead.recall(self._link, lacking)

    async def land(self, flight: Flight) -> list[Verdict | Quarantined]:
        """Wait for a batch that departed; execute it as usual if it did not commit.

        Returns and raises as `execute` does.
        """
        ahead, slot = self._ahead, self._slot
        assert ahead is not None, "only a foreseeing engine sends batches ahead"
        assert slot is not None, "the store is open"
        arrival = await ahead.arrive(flight)
        durable = arrival is Arrival.COMMITTED
        if arrival is Arrival.IN_DOUBT:
            durable = await self._resolve(flight.link, slot, flight.following, ahead.barrier(slot))
            if not durable:
                ahead.fail_all()
        if durable:
            slot.advance(flight.following)
            return flight.verdicts
        return await self._as_usual(flight.units)

    async def renew(self) -> None:
        """Extend the lease of the slot when a third of it has passed; for idle moments."""
        if self._link is None or self._slot is None or not self._renewal_due():
            return
        try:
            (result,) = await self._link.run([self._slot.renew(self._settings.lease_ms)])
            if not result.ntuples:
                await self._lease(self._link)
            self._renewed_ms = self._clock.monotonic_ms()
        except (LinkLost, Again):
            self._drop_link()  # The next batch connects again.

    async def _as_usual(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        self._executing = True  # The link has no room for what departs meanwhile.
        try:
            return await self._halving(units)
        finally:
            self._executing = False

    async def _halving(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        try:
            return await self._persist(units)
        except (Poison, NotEncodable) as error:
            if len(units) == 1:
                return [Quarantined(str(error))]
        middle = len(units) // 2
        return await self._halving(units[:middle]) + await self._halving(units[middle:])

    async def _persist(self, units: Sequence[Unit]) -> list[Verdict | Quarantined]:
        """Try a batch until it commits or cannot, for a bounded time while nothing is committed."""
        deadline_ms = self._clock.monotonic_ms() + self._settings.give_up_ms
        alone: frozenset[int] = frozenset()
        while True:
            try:
                link = await self._connected()
                return await self._attempt(link, units, alone)
            except NotAlone as error:
                alone |= error.numbers
                continue
            except _SlotLost:
                await self._quietly_lease()
                continue
            except _HeadMoved:
                await self._quietly_reload()
                continue
            except Short as error:
                # Trying on would not make room; the callers try again when there is some.
                self._drop_link()
                raise Unreachable(str(error)) from error
            except (Again, LinkLost, UnsafeServer) as error:
                if isinstance(error, LinkLost):
                    self._drop_link()
                if self._clock.monotonic_ms() > deadline_ms:
                    raise Unreachable(str(error)) from error
                await self._clock.sleep_ms(self._settings.retry_pause_ms)

    async def _connected(self) -> Link:
        if self._link is None:
            self._link = await Link.connect(self._url, self._settings.link)
        return self._link

    async def _lease(self, link: Link) -> None:
        self._slot = await acquire(link, self._settings.holder, self._settings.lease_ms)
        self._renewed_ms = self._clock.monotonic_ms()

    async def _quietly_lease(self) -> None:
        """Lease another slot; a lost connection shows again in the next attempt."""
        try:
            await self._lease(await self._connected())
        except (LinkLost, Again):
            self._drop_link()

    async def _quietly_reload(self) -> None:
        assert self._slot is not None
        try:
            await self._slot.reload(await self._connected())
        except (LinkLost, Again):
            self._drop_link()

    def _drop_link(self) -> None:
        """End the session. What was read in it is forgotten: the next may be of another primary.

        After a failover that lost commits, a row may come to a version again that it had before.
        """
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._ahead is not None:
            self._ahead.forget()

    def _renewal_due(self) -> bool:
        return self._clock.monotonic_ms() - self._renewed_ms > self._settings.lease_ms // 3

    async def _resolve(self, old: Link, slot: Slot, following: bytes, lock: int) -> bool:
        self._drop_link()
        return await self._doubt.resolve(old.pid, slot, following, lock)

    async def _attempt(
        self, link: Link, units: Sequence[Unit], alone: frozenset[int]
    ) -> list[Verdict | Quarantined]:
        """Run one batch up to its verdicts; whatever is raised, nothing was committed."""
        slot = self._slot
        assert slot is not None, "the store is not open"
        try:
            verdicts, following = await self._prepare(link, slot, units, alone)
        except LinkLost:
            raise
        except BaseException:
            await self._roll_back(link)
            raise
        if following is None:
            await self._roll_back(link)
            return verdicts
        if await self._commit(link, slot, following):
            slot.advance(following)
            await self._prepare_ahead(slot)
            return verdicts
        raise Again("the batch did not commit")

    async def _prepare_ahead(self, slot: Slot) -> None:
        """Take note of a batch that was executed as usual, so that the next may be sent ahead."""
        if self._ahead is None:
            return
        self._ahead.committed()
        if self._link is not None:
            try:
                await self._ahead.prepare(self._link, slot)
            except (LinkLost, Again):
                self._drop_link()  # The next batch connects again.

    async def _roll_back(self, link: Link) -> None:
        try:
            await link.run([ROLLBACK])
        except LinkLost:
            self._drop_link()  # An uncommitted batch dies with its connection.

    async def _prepare(
        self, link: Link, slot: Slot, units: Sequence[Unit], alone: frozenset[int]
    ) -> tuple[list[Verdict | Quarantined], bytes | None]:
        """Do everything but COMMIT; return the verdicts and, if there is anything, the hash."""
        wanted = gather_claims(units, self._schema)
        found = await self._find(link, slot, units, wanted.rows, alone)
        judge = None
        if self._engine is not None:
            judge = self._engine.open(
                dict(found.rows), slot=slot.number, sequence=slot.sequence + 1
            )
        judging = Judging(self._schema, wanted, found.won, found.versions, judge, slot.batch_id())
        verdicts = judging.judge(units)
        accepted = any(not isinstance(v, Quarantined) and _leaves(v) for v in verdicts)
        if not accepted:
            return verdicts, None
        digest = judge.digest if judge is not None else _empty_digest
        demanded = None if judge is None else judge.alone()
        following = await self._write(link, slot, judging.effects, digest, demanded)
        return verdicts, following

    async def _find(
        self,
        link: Link,
        slot: Slot,
        units: Sequence[Unit],
        claims: dict[str, dict[Key, Row]],
        alone: frozenset[int],
    ) -> Found:
        """Lock, claim and read what judging takes, in one round trip."""
        renewing = self._renewal_due()
        batch_lock = call(LOCK, ("bigint",), slot.batch_id())
        holding = slot.renew(self._settings.lease_ms) if renewing else slot.held()
        calls = [BEGIN, batch_lock, holding]
        reads: list[tuple[str, Table, Sequence[Key]]] = []
        ensured: dict[str, dict[Key, Row]] = {}
        wanted: list[tuple[str, Table, Sequence[Key]]] = []
        if self._engine is not None:
            needs = self._engine.needs(units)
            ensured = _by_key(needs.ensure, self._schema)
            wanted = self._wanted(needs)
            if needs.shares:
                calls.append(enter(needs.shares, alone))
        first = len(calls)
        for table in self._ranked({**claims, **ensured}):
            for form, rows in (("claim", claims), ("ensure", ensured)):
                if table.name in rows:
                    keys = sorted(rows[table.name], key=table.order_of)
                    ordered = [rows[table.name][key] for key in keys]
                    calls.append(self._statements.claim(table, ordered))
                    reads.append((form, table, keys))
        relied = [(row.table, row.key) for unit in units for row in unit.relies_on]
        looks = [("versions", table, keys) for table, keys in grouped(self._schema, relied)]
        for look in [*looks, *wanted]:
            form, table, sought = look
            calls.append(getattr(self._statements, form)(table, sought))
            reads.append(look)
        results = await link.run(calls)
        if not results[2].ntuples:
            raise _SlotLost
        if renewing:
            self._renewed_ms = self._clock.monotonic_ms()
        found = Found()
        for (form, table, sought), result in zip(reads, results[first:], strict=True):
            take_in(found, form, table, sought, result)
        return found

    def _wanted(self, needs: Needs) -> list[tuple[str, Table, Sequence[Key]]]:
        """Return what the engine wants: locks by rank and in key order, then what they protect."""
        wanted: list[tuple[str, Table, Sequence[Key]]] = []
        for form, keys in (("lock", needs.lock), ("read", needs.read)):
            tables = sorted((self._schema[name] for name in keys), key=lambda table: table.rank)
            for table in tables:
                if keys[table.name]:
                    ordered = sorted(keys[table.name], key=table.order_of)
                    wanted.append((form, table, ordered))
        return wanted

    def _ranked(self, names: dict[str, dict[Key, Row]]) -> list[Table]:
        return sorted((self._schema[name] for name in names), key=lambda table: table.rank)

    async def _write(
        self,
        link: Link,
        slot: Slot,
        effects: Effects,
        digest: Callable[[], bytes],
        alone: Alone | None,
    ) -> bytes:
        """Write the effects and the chain row; check that every row was there as judged.

        Calls are made while those before them are on their way, the digest last of all.
        """
        checks = [] if alone is None else self._staying_alone(alone)
        counts: list[tuple[str, int | None]] = []
        following = b""

        def calls() -> Iterator[Call]:
            nonlocal following
            yield from checks
            for made, table, count in writes(self._statements, self._schema, effects):
                counts.append((table.name, count))
                yield made
            append, following = slot.append(digest())
            yield append

        results = await link.run(calls())
        if alone is not None and any(result.ntuples for result in results[: len(checks)]):
            raise NotAlone(alone.numbers)
        results = results[len(checks) :]
        for (name, count), result in zip(counts, results, strict=False):
            found = result.command_tuples
            assert count is None or found == count, f"{name}: {found} rows written, not {count}"
        if results[-1].command_tuples != 1:
            raise _HeadMoved
        return following

    def _staying_alone(self, alone: Alone) -> list[Call]:
        """Return what must answer without a row, before anything is written."""
        calls = [remain(alone.numbers)]
        for name, keys in alone.absent.items():
            table = self._schema[name]
            calls.append(self._statements.read(table, sorted(keys, key=table.order_of)))
        return calls

    async def _commit(self, link: Link, slot: Slot, following: bytes) -> bool:
        """Commit; when the answer is lost or doubtful, find out. Return whether it is durable."""
        link.warned = False
        try:
            (result,) = await link.run([COMMIT])
        except LinkLost:
            return await self._resolve(link, slot, following, slot.batch_id())
        if link.warned:  # "might not have been replicated": a promotion could lose it (DB-1).
            link.close()
            return await self._resolve(link, slot, following, slot.batch_id())
        return result.command_status == b"COMMIT"


def _empty_digest() -> bytes:
    return hashlib.sha256().digest()


def _leaves(verdict: Verdict) -> bool:
    return isinstance(verdict, Committed | Refused)


def _by_key(inserts: Sequence[Insert], schema: Schema) -> dict[str, dict[Key, Row]]:
    rows: dict[str, dict[Key, Row]] = {}
    for insert in inserts:
        key = schema[insert.table].key_of(insert.row)
        rows.setdefault(insert.table, {})[key] = insert.row
    return rows
