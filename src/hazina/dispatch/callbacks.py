"""The callback door: verify, store raw once, acknowledge; ask and apply at our own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from hazina.clock import Clock, unix
from hazina.commands.command import Command, from_row
from hazina.commands.performing import Door, Performed
from hazina.crashpoints import crashpoint, declare
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import (
    Claim,
    Committed,
    Lane,
    Overloaded,
    RowVersion,
    Taken,
    Unit,
    Update,
)
from hazina.db.writer import Writer
from hazina.dispatch.service import Report
from hazina.rails.contract import CallbackRefused, Connector
from hazina.rails.outcome import InquiryOutcome, NotFound, Unknown
from hazina.tasks import Tasks

declare("callbacks.after_storing")

_log = structlog.get_logger()
_TRIES_MAX = 5
_ASKS_MAX = 170
"""How often a provider that does not answer is asked about one callback: for about a day."""
_WAIT_MS = 2_000
_WAIT_DOUBLINGS_MAX = 8
_NEXT_INQUIRY_MS = 5_000


class Callbacks:
    """Takes callbacks in and applies them, several at once, those of one reference in turn.

    One whose reference nobody knows is parked, and is looked at as soon as the command is there.
    """

    def __init__(
        self, *, connectors: Mapping[str, Connector], reader: Reader, writer: Writer,
        clock: Clock, report: Report,
        ask: Callable[[Command], Awaitable[InquiryOutcome]],
        tasks: Tasks | None = None, lease_ms: int = 20_000, at_once_max: int = 16,
        patience_ms: int = 1_000,
    ) -> None:  # fmt: skip
        # Longer than a provider is waited for: meanwhile nobody else asks about the same callback.
        self._lease_ms = lease_ms
        self._process_s = lease_ms * 0.9 / 1000
        self._at_once_max = at_once_max
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._patience_s = patience_ms / 1000
        self._tasks = tasks or Tasks()
        self._under_way: set[str] = set()
        """References with callbacks that are being applied."""
        self._connectors = connectors
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._report = report
        self._ask = ask

    async def receive(self, connector_name: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Store a callback once; return False for one that is forged or cannot be read.

        Raises KeyError for a connector that does not exist.
        """
        connector = self._connectors[connector_name]
        now = self._clock.now()
        try:
            callback = connector.read_callback(headers, body, unix(now))
        except CallbackRefused as refused:
            _log.warning("callback_refused", connector=connector_name, reason=str(refused))
            return False
        row = {
            "connector": connector_name, "deduplication_key": callback.deduplication_key,
            "reference": callback.reference, "body": body, "headers": dict(headers),
            "state": "received", "tries": 0, "next_at": 0, "reason": None, "received": now,
        }  # fmt: skip
        claim = Claim("inbox", row)
        verdict = await self._writer.submit(Unit("", claims=(claim,), lane=Lane.OUTCOME))
        assert isinstance(verdict, Committed | Taken)
        crashpoint("callbacks.after_storing")
        return True

    async def process_due(self, limit: int = 50) -> int:
        """Apply callbacks that wait; return how many were begun with.

        One about which the provider takes its time goes on in the background, so that those that
        come meanwhile do not wait for it.
        """
        rows = await self._reader.query("inbox_due", {"limit": limit})
        lanes: dict[str, list[Row]] = {}
        for row in rows:
            if row["reference"] not in self._under_way:
                lanes.setdefault(row["reference"], []).append(row)
        if not lanes:
            return 0
        begun = [
            self._tasks.spawn(self._in_turn(reference, lane), f"callbacks of {reference}")
            for reference, lane in lanes.items()
        ]
        done, _ = await asyncio.wait(begun, timeout=self._patience_s)
        if not all(one.result() for one in done):
            raise Overloaded
        return sum(map(len, lanes.values()))

    async def _in_turn(self, reference: str, rows: Sequence[Row]) -> bool:
        """Apply the callbacks of one reference; return False if the writer is too busy for that."""
        self._under_way.add(reference)
        try:
            await self._apply_all(rows)
        except Overloaded:
            return False  # When their leases are over, they are due again.
        finally:
            self._under_way.discard(reference)
        return True

    async def _apply_all(self, rows: Sequence[Row]) -> None:
        """Apply callbacks one after the other. Raises `Overloaded`."""
        connector = rows[0]["connector"]
        turn = self._turns.setdefault(connector, asyncio.Semaphore(self._at_once_max))
        async with turn:
            for row in rows:
                taken = await self._take(row)
                if taken is None:
                    continue
                try:
                    async with asyncio.timeout(self._process_s):
                        await self._process(taken)
                except Overloaded:
                    raise
                except TimeoutError:
                    _log.warning("callback_took_too_long", reference=row["reference"])
                    await self._again(taken, "it took too long; the provider may be slow")
                except Exception:
                    # One that cannot be applied must not stand in the way of those behind it.
                    _log.exception("callback_failed", reference=row["reference"])
                    await self._again(taken, "it could not be applied; the log says why")

    async def _take(self, row: Row) -> Row | None:
        """Keep other workers off a callback for a while; None if one was quicker."""
        if not await self._change(row, {"state": "received", "next_at": self._lease_ms}):
            return None
        return {**row, "state": "received", "version": row["version"] + 1}

    async def _process(self, row: Row) -> None:
        found = await self._reader.query("command_by_reference", {"id": row["reference"]})
        if not found:
            await self._again(row, "no command has this reference", state="parked")
            return
        connector = self._connectors[row["connector"]]
        try:
            connector.read_callback(row["headers"], bytes(row["body"]), unix(row["received"]))
        except CallbackRefused as refused:
            await self._again(row, str(refused))
            return
        command = from_row(found[0])
        # A message may be late, repeated, or wrong, before the outcome is settled as after it: it
        # is a reason to ask, and the provider's own books decide.
        outcome = await self._ask(command)
        if isinstance(outcome, NotFound):
            outcome = Unknown("told by callback, and not found at the provider yet")
        if isinstance(outcome, Unknown):
            # What it tells of may come after the outcome that is awaited now, as a refund's late
            # failure does. Nobody asks about a command that is done: so the message stays.
            await self._again(row, outcome.reason, _ASKS_MAX)
            return
        await self._report(command, Performed(outcome, _NEXT_INQUIRY_MS, Door.CALLBACK))
        await self._change(row, {"state": "applied", "next_at": None, "reason": None})

    async def _again(
        self, row: Row, reason: str, tries_max: int = _TRIES_MAX, *, state: str = "received"
    ) -> None:
        """Count a try that came to nothing; after the last one the callback is quarantined."""
        tries = row["tries"] + 1
        if tries >= tries_max:
            _log.warning("callback_quarantined", reference=row["reference"], reason=reason)
            await self._change(
                row, {"state": "quarantined", "next_at": None, "tries": tries, "reason": reason}
            )
            return
        wait_ms = _WAIT_MS * 2 ** min(2 * tries, _WAIT_DOUBLINGS_MAX)
        changes = {"state": state, "next_at": wait_ms, "tries": tries, "reason": reason}
        await self._change(row, changes)

    async def _change(self, row: Row, changes: dict[str, object]) -> bool:
        key = (row["connector"], row["deduplication_key"])
        unit = Unit(
            "",
            relies_on=(RowVersion("inbox", key, row["version"]),),
            writes=(Update("inbox", key, row["version"], changes),),
            lane=Lane.OUTCOME,
        )
        return isinstance(await self._writer.submit(unit), Committed)
