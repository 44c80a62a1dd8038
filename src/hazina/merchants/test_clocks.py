"""One door to test clocks: create, retrieve, list, advance, delete, and see an advance through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.unit import Insert, Lane, RowVersion, Unit, Update
from hazina.db.writer import Writer
from hazina.events import service as events
from hazina.events.service import Cause
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller
from hazina.merchants.test_clock import (
    TestClock,
    changes,
    deleted_view,
    from_row,
    moment,
    to_row,
    view,
)
from hazina.paging import Page, read_page
from hazina.refusals import Code, Refusal, shown_id

_TABLE = "test_clock"
_KEPT = timedelta(days=30)
_FAILURES_MAX = 5
_log = structlog.get_logger("hazina.test_clocks")

DueStep = Callable[[TestClock], Awaitable[None]]
"""Does everything of one kind that is due by a clock that advances; safe to repeat."""


class TestClocks:
    """Test clocks of the calling merchant, in test mode only."""

    __test__ = False

    def __init__(
        self, reader: Reader, writer: Writer, idempotency: Idempotency, clock: Clock, ids: Ids,
        clocks: Clocks,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._writer = writer
        self._idempotency = idempotency
        self._clock = clock
        self._ids = ids
        self._clocks = clocks
        self._failures: dict[str, int] = {}

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Make a clock that stands at `frozen_time`.

        Refuses `not_supported` in live mode, and `parameter_invalid` for a second clock of the
        whole merchant.
        """
        merchant = caller.merchant
        if merchant.livemode:
            raise Refusal(
                Code.NOT_SUPPORTED, "Test clocks exist in test mode only: use a test mode key."
            )
        whole = (params.get("hazina") or {}).get("governs") == "merchant"

        async def load() -> None:
            if whole and any(
                row["whole_merchant"] and not row["deleted"]
                for row in await self._reader.where(_TABLE, merchant_id=merchant.merchant_id)
            ):
                raise Refusal(
                    Code.PARAMETER_INVALID,
                    "The merchant has a test clock of its own already: advance that one, or delete "
                    "it first.",
                    param="hazina[governs]",
                )

        def decide(_: None) -> OneUnit:
            now = self._clock.now()
            clock = TestClock(
                merchant.merchant_id, self._ids.new("clock"), params.get("name"),
                moment(params["frozen_time"]), whole, now, now + _KEPT,
            )  # fmt: skip
            event = self._event(
                clock, "test_helpers.test_clock.created", _cause(caller, idempotency)
            )
            writes = (Insert(_TABLE, to_row(clock)), event)
            return OneUnit(Unit(clock.merchant_id, writes=writes), view(clock))

        answer = await self._idempotency.run_once(idempotency, merchant.merchant_id, load, decide)
        self._clocks.forget()
        return answer

    async def retrieve(self, caller: Caller, clock_id: str) -> dict[str, Any]:
        """Return a clock. Refuses `resource_missing`."""
        return view(await self._load(caller.merchant.merchant_id, clock_id))

    async def list(self, caller: Caller, page: Page) -> tuple[list[dict[str, Any]], bool]:
        """Return clocks from the newest to the oldest, and whether there are more.

        Refuses `resource_missing` for a cursor that is none of the merchant's.
        """
        merchant_id = caller.merchant.merchant_id
        cursor = page.cursor
        if cursor is not None:
            await self._load(merchant_id, cursor.object_id, cursor.param)
        rows, more = await read_page(
            self._reader.query, "test_clock_list", page, {"merchant_id": merchant_id}
        )
        return [view(from_row(row)) for row in rows], more

    async def advance(
        self, caller: Caller, clock_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Start to advance a clock; it is done when its status is ready.

        Refuses `resource_missing`, `test_clock_not_ready` and `parameter_invalid`.
        """

        async def load() -> TestClock:
            return await self._load(caller.merchant.merchant_id, clock_id)

        def decide(before: TestClock) -> OneUnit:
            after = before.advancing(params["frozen_time"])
            event = self._event(
                after, "test_helpers.test_clock.advancing", _cause(caller, idempotency)
            )
            return OneUnit(_update(before, after, event), view(after))

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def delete(
        self, caller: Caller, clock_id: str, idempotency: IdempotencyRequest | None
    ) -> Answer:
        """End a clock: what followed it follows real time again. Refuses `resource_missing`."""

        async def load() -> TestClock:
            return await self._load(caller.merchant.merchant_id, clock_id)

        def decide(before: TestClock) -> OneUnit:
            return OneUnit(
                self._ending(before, _cause(caller, idempotency)), deleted_view(before.id)
            )

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def advance_due(self, steps: Sequence[DueStep]) -> int:
        """See advancing clocks through, and end those whose days are over; return how many.

        Any number of workers may do it: each step takes its work by version, and only one can
        write that the clock has arrived. A clock whose steps fail five times fails for good.
        """
        rows = await self._reader.query("test_clocks_due", {"now": self._clock.now()})
        for row in rows:
            clock = from_row(row)
            if clock.status == "advancing":
                await self._see_through(clock, steps)
            else:
                await self._writer.submit(self._ending(clock, Cause()))
        return len(rows)

    async def _see_through(self, clock: TestClock, steps: Sequence[DueStep]) -> None:
        self._clocks.forget()
        try:
            for step in steps:
                await step(clock)
        except Exception:
            failures = self._failures[clock.id] = self._failures.get(clock.id, 0) + 1
            if failures < _FAILURES_MAX:
                raise
            _log.exception("test_clock_failed", test_clock=clock.id)
            await self._submit(clock, clock.failed(), "test_helpers.test_clock.internal_failure")
            return
        self._failures.pop(clock.id, None)
        await self._submit(clock, clock.arrived(), "test_helpers.test_clock.ready")

    async def _submit(self, before: TestClock, after: TestClock, type: str) -> None:
        await self._writer.submit(_update(before, after, self._event(after, type, Cause())))

    def _ending(self, before: TestClock, cause: Cause) -> Unit:
        after = before.ended()
        return _update(before, after, self._event(after, "test_helpers.test_clock.deleted", cause))

    async def _load(self, merchant_id: str, clock_id: str, param: str = "id") -> TestClock:
        row = await self._reader.get(_TABLE, (merchant_id, clock_id))
        if row is None or row["deleted"]:
            raise Refusal(
                Code.RESOURCE_MISSING, f"No such test clock: '{shown_id(clock_id)}'", param=param
            )
        return from_row(row)

    def _event(self, clock: TestClock, type: str, cause: Cause) -> Insert:
        return events.record(
            merchant_id=clock.merchant_id, livemode=False, event_id=self._ids.new("evt"),
            type=type, object_view=view(clock), object_id=clock.id, sequence=clock.revision,
            created=self._clock.now(), request_id=cause.request_id,
            idempotency_key=cause.idempotency_key,
        )  # fmt: skip


def _cause(caller: Caller, idempotency: IdempotencyRequest | None) -> Cause:
    return Cause(caller.request_id, idempotency.key if idempotency else None)


def _update(before: TestClock, after: TestClock, event: Insert) -> Unit:
    return Unit(
        before.merchant_id,
        relies_on=(RowVersion(_TABLE, before.key, before.version),),
        writes=(Update(_TABLE, before.key, before.version, changes(after)), event),
        lane=Lane.PAYMENT,
    )
