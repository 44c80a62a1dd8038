"""One door to a consumer's records: apply them once, set poison aside, try it again, replay it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from hazina.clock import Clock
from hazina.consuming.record import Consumed, Effect, Handler, Poison, from_parked
from hazina.db.away import AWAY
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import (
    Claim,
    Committed,
    Delete,
    Lane,
    Overloaded,
    RowVersion,
    Taken,
    Unit,
    Update,
)
from hazina.db.writer import Writer
from hazina.values import value

_log = structlog.get_logger("hazina.consuming")
_CONSUMED = "consumed"
_PARKED = "parked_record"
_RACES_MAX = 20
_REASON_CHARACTERS_MAX = 300
_LEASE_MS = 30_000


@value
class ConsumingSettings:
    """How much is applied at once, and how patient a consumer is with what it cannot apply."""

    tries_max: int = 5
    wait_ms: int = 250
    """Before the second try; each further wait is twice as long."""
    decide_ms: int = 2_000
    """How long a handler may take over some records, unless the database is slow as well."""
    lanes_at_once: int = 8
    records_per_unit: int = 200
    keep_days: int = 30
    """How long it is known that a record was applied; longer than a topic keeps records."""


class Applying:
    """Applies records so that each has its effect once, however often it comes.

    That a record was applied is a row of the same unit as its effect. A record that cannot be
    applied is set aside with the reason and tried again by itself; those beside it go on.
    """

    def __init__(
        self, *, reader: Reader, writer: Writer, clock: Clock, handler: Handler,
        settings: ConsumingSettings | None = None,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._handler = handler
        self._settings = settings or ConsumingSettings()
        self._turn = asyncio.Semaphore(self._settings.lanes_at_once)

    @property
    def name(self) -> str:
        """The consumer's name."""
        return self._handler.name

    async def apply(self, records: Sequence[Consumed]) -> int:
        """Apply what is new among these, in order within a lane; return how much was.

        When it returns, each record was applied, now or before, or is set aside. Raises what
        `AWAY` names when the database is: then the same records are to be brought once more.
        """
        wanted = {one.id: one for one in records if self._handler.wants(one.type)}
        known = await self._known(list(wanted)) if wanted else set()
        lanes: dict[str, list[Consumed]] = {}
        for record in wanted.values():
            if record.id in known:
                continue
            try:
                lanes.setdefault(self._handler.lane(record), []).append(record)
            except Exception as problem:
                # Whatever a handler says of a record is about the record: it must not stop others.
                await self._park(record, problem)
        done = await asyncio.gather(*(self._apply_lane(lane) for lane in lanes.values()))
        return sum(done)

    async def retry_due(self, limit: int = 100) -> int:
        """Try once more what was set aside and is due; return how much was looked at."""
        rows = await self._reader.query("parked_due", {"consumer": self.name, "limit": limit})
        await asyncio.gather(*(self._retry(row) for row in rows))
        return len(rows)

    async def parked(self, state: str | None = None, limit: int = 100) -> list[Row]:
        """Return what is set aside, oldest first: waiting for a try, or quarantined."""
        given = {"consumer": self.name, "state": state, "limit": limit}
        return list(await self._reader.query("parked_list", given))

    async def replay(self, limit: int = 1_000) -> int:
        """Give what is quarantined its tries anew, at once; return how much that was."""
        rows = await self.parked("quarantined", limit)
        for row in rows:
            await self._change(row, {"state": "waiting", "tries": 0, "next_at": 0})
        while await self.retry_due():
            pass
        return len(rows)

    async def purge(self, limit: int = 1_000) -> int:
        """Forget that old records were applied; return how many."""
        before = self._clock.now() - timedelta(days=self._settings.keep_days)
        rows = await self._reader.query(
            "consumed_old", {"consumer": self.name, "before": before, "limit": limit}
        )
        for row in rows:
            key = (self.name, row["event_id"])
            await self._writer.submit(
                Unit(
                    "",
                    relies_on=(RowVersion(_CONSUMED, key, 0),),
                    writes=(Delete(_CONSUMED, key, 0),),
                    lane=Lane.BULK,
                )
            )
        return len(rows)

    async def _known(self, ids: list[str]) -> set[str]:
        rows = await self._reader.query("consumed_known", {"consumer": self.name, "ids": ids})
        return {row["event_id"] for row in rows}

    async def _apply_lane(self, records: Sequence[Consumed]) -> int:
        done = 0
        size = self._settings.records_per_unit
        async with self._turn:
            for start in range(0, len(records), size):
                done += await self._apply_some(records[start : start + size])
        return done

    async def _apply_some(self, records: Sequence[Consumed]) -> int:
        """Apply records in one unit; where that fails, each by itself to find the culprits."""
        try:
            return await self._commit(records)
        except AWAY:
            raise
        except Exception as problem:
            if len(records) == 1:
                await self._park(records[0], problem)
                return 0
        return sum([await self._apply_some([record]) for record in records])

    async def _commit(self, records: Sequence[Consumed], parked: Row | None = None) -> int:
        """Commit the effect of records with the proof that they were applied."""
        left = list(records)
        for _ in range(_RACES_MAX):
            if not left and parked is None:
                return 0
            effect = await self._decide(left) if left else Effect()
            verdict = await self._writer.submit(self._unit(left, effect, parked))
            match verdict:
                case Committed():
                    return len(left)
                case Taken(claim=Claim(table=table)) if table == _CONSUMED:
                    # Another process was first with some, since we looked: they had their effect.
                    known = await self._known([record.id for record in left])
                    left = [record for record in left if record.id not in known]
                case _ if parked is not None and not await self._still(parked):
                    return 0
        raise Overloaded

    async def _decide(self, records: Sequence[Consumed]) -> Effect:
        """Have the handler decide. Raises `Poison` for records that it does not get done with."""
        limit = self._settings.decide_ms / 1000
        try:
            async with asyncio.timeout(limit):
                return await self._handler.decide(records)
        except TimeoutError:
            # A database that is slow is nobody's fault: then this is late, too, and says so.
            async with asyncio.timeout(limit):
                await self._known([])
            raise Poison("the handler does not get done with it") from None

    def _unit(self, records: Sequence[Consumed], effect: Effect, parked: Row | None) -> Unit:
        now = self._clock.now()
        claims = [
            Claim(_CONSUMED, {"consumer": self.name, "event_id": record.id, "applied": now})
            for record in records
        ]
        relies_on, writes = effect.relies_on, effect.writes
        if parked is not None:
            key, version = (self.name, parked["event_id"]), parked["version"]
            relies_on += (RowVersion(_PARKED, key, version),)
            writes += (Delete(_PARKED, key, version),)
        return Unit(
            effect.merchant_id, claims=(*claims, *effect.claims), relies_on=relies_on,
            writes=writes, lane=Lane.BULK,
        )  # fmt: skip

    async def _park(self, record: Consumed, problem: Exception) -> None:
        reason = _words(problem)
        row = {
            "consumer": self.name, "event_id": record.id, "place": record.place,
            "body": record.body, "headers": dict(record.headers), "state": "waiting", "tries": 1,
            "next_at": self._settings.wait_ms, "reason": reason, "received": self._clock.now(),
        }  # fmt: skip
        await self._writer.submit(Unit("", claims=(Claim(_PARKED, row),), lane=Lane.BULK))
        _log.warning("record_parked", consumer=self.name, event_id=record.id, reason=reason)

    async def _retry(self, row: Row) -> None:
        tries = row["tries"] + 1
        if not await self._change(row, {"tries": tries, "next_at": _LEASE_MS}):
            return  # Another process tries it.
        taken = {**row, "tries": tries, "version": row["version"] + 1}
        record = from_parked(taken)
        try:
            self._handler.lane(record)
            known = await self._known([record.id])
            await self._commit([] if known else [record], taken)
        except AWAY:
            raise
        except Exception as problem:
            await self._failed(taken, problem)

    async def _failed(self, row: Row, problem: Exception) -> None:
        reason = _words(problem)
        if row["tries"] >= self._settings.tries_max:
            await self._change(row, {"state": "quarantined", "next_at": None, "reason": reason})
            _log.error(
                "record_quarantined", consumer=self.name, event_id=row["event_id"], reason=reason
            )
            return
        wait_ms = self._settings.wait_ms * 2 ** (row["tries"] - 1)
        await self._change(row, {"next_at": wait_ms, "reason": reason})

    async def _still(self, row: Row) -> bool:
        found = await self._reader.get(_PARKED, (self.name, row["event_id"]))
        return found is not None and found["version"] == row["version"]

    async def _change(self, row: Row, changes: Row) -> bool:
        key, version = (self.name, row["event_id"]), row["version"]
        unit = Unit(
            "",
            relies_on=(RowVersion(_PARKED, key, version),),
            writes=(Update(_PARKED, key, version, changes),),
            lane=Lane.BULK,
        )
        return isinstance(await self._writer.submit(unit), Committed)


def _words(problem: Exception) -> str:
    """Return a reason to be kept: our own words, and only the kind of what others raise.

    Another's message may quote the record.
    """
    if isinstance(problem, Poison):
        return str(problem)[:_REASON_CHARACTERS_MAX]
    return f"{type(problem).__name__} while it was applied"
