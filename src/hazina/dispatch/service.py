"""Performing commands: once within a deadline for a request, later by inquiry for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hazina.clock import Clock
from hazina.commands.command import Command, State, change, from_row
from hazina.commands.history import leased_anew
from hazina.commands.owing import still_owed
from hazina.commands.performing import Door, Performed
from hazina.crashpoints import crashpoint, declare
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Committed, Lane, Unit
from hazina.db.writer import Writer
from hazina.dispatch.guard import Guard, GuardState
from hazina.ids import Ids
from hazina.merchants.test_clock import TestClock
from hazina.rails.contract import Connector
from hazina.rails.outcome import InquiryOutcome, NotFound, NotSent, Outcome, Unknown
from hazina.tasks import Tasks

declare("dispatch.before_inquiry", "dispatch.after_inquiry", "dispatch.before_report")

Report = Callable[[Command, Performed], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DispatchSettings:
    """How long a request waits, and how long an inquiry may hold its command."""

    deadline_ms: int = 8_000
    send_age_max_ms: int = 10_000
    """A command older than this is not sent any more: its lease might run out on the way."""
    inquiry_lease_ms: int = 20_000
    authorization_owed_ms: int = 300_000
    """An authorization that was asked for longer ago is not sent again."""


class Dispatcher:
    """Asks providers, each behind its own guard, and reports every outcome to one place."""

    def __init__(
        self, *, connectors: Mapping[str, Connector], reader: Reader, writer: Writer,
        clock: Clock, ids: Ids, tasks: Tasks, report: Report, settings: DispatchSettings,
    ) -> None:  # fmt: skip
        self._connectors = connectors
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._ids = ids
        self._tasks = tasks
        self._report = report
        self._settings = settings
        self._guards = {
            account: Guard(clock, connector.capabilities.calls_in_flight_max)
            for account, connector in connectors.items()
        }

    async def run_now(self, command: Command, leased_ms: int) -> Performed:
        """Perform a command leased to this process since `leased_ms`; wait until the deadline.

        A reply that comes after the deadline is reported by itself; until then the outcome is
        `Unknown`. Cancelling the caller does not cancel the call.
        """
        call = self._tasks.spawn(self._send(command, leased_ms), f"perform {command.id}")
        next_ms = self._next_ms(command)
        done, _ = await asyncio.wait((call,), timeout=self._settings.deadline_ms / 1000)
        if done:
            return Performed(call.result(), next_ms, Door.REPLY)
        self._tasks.spawn(self._report_late(command, call), f"late reply {command.id}")
        return Performed(Unknown("no answer within the deadline"), next_ms, Door.DEADLINE)

    async def run_due(self, limit: int = 50) -> int:
        """Ask about commands whose lease ran out or whose inquiry is due; return how many."""
        rows = await self._reader.query("command_due", {"limit": limit})
        await asyncio.gather(*(self._follow_up(row) for row in rows))
        return len(rows)

    async def hurry(self, clock: TestClock) -> None:
        """Bring inquiries about a test clock's payments forward by as much as it advances.

        What a not-found proves still depends on real time: too early, the inquiry stays unknown.
        """
        rows = await self._reader.query(
            "commands_of_clock",
            {"merchant_id": clock.merchant_id, "clock": clock.id, "whole": clock.whole_merchant},
        )
        by_ms = int((clock.now - clock.frozen_time).total_seconds()) * 1000
        for row in rows:
            relied, update = change(from_row(row), next_at=max(0, row["wait_ms"] - by_ms))
            await self._writer.submit(
                Unit(row["merchant_id"], relies_on=(relied,), writes=(update,), lane=Lane.BULK)
            )

    def turns_away(self, provider: str) -> str | None:
        """Return why a call to this provider account would not be sent now, None if it would."""
        return self._guards[provider].turns_away()

    def health(self) -> dict[str, GuardState]:
        """Return each provider account's breaker and calls in flight."""
        return {account: guard.state() for account, guard in self._guards.items()}

    async def _send(self, command: Command, leased_ms: int) -> Outcome:
        connector = self._connectors[command.provider]
        request = command.to_request()

        async def call() -> Outcome:
            if self._clock.monotonic_ms() - leased_ms > self._settings.send_age_max_ms:
                return NotSent("the lease grew too old before the first byte", too_late=True)
            return await connector.perform(request)

        return await self._guards[command.provider].perform(call)

    async def _report_late(self, command: Command, call: asyncio.Task[Outcome]) -> None:
        outcome = await call
        late = Performed(outcome, self._next_ms(command), Door.LATE_REPLY)
        await self._report(command, late)

    async def _follow_up(self, row: Row) -> None:
        command = from_row(row)
        leased_ms = self._clock.monotonic_ms()
        taken = await self._take(command)
        if taken is None:
            return
        if command.state is State.RESEND:
            outcome: InquiryOutcome = await self._send_again(taken, leased_ms)
        else:
            crashpoint("dispatch.before_inquiry")
            outcome = await self._inquire(taken, row["sent_ago_ms"])
            crashpoint("dispatch.after_inquiry")
        crashpoint("dispatch.before_report")
        door = Door.REPLY if command.state is State.RESEND else Door.INQUIRY
        await self._report(taken, Performed(outcome, self._next_ms(taken), door))

    async def _send_again(self, command: Command, leased_ms: int) -> Outcome:
        """Send what is owed; what has waited too long for that is turned down instead."""
        now, owed_ms = self._clock.now(), self._settings.authorization_owed_ms
        if not still_owed(command, now, owed_ms):
            return NotSent("it was asked for too long ago to be sent now", too_late=True)
        return await self._send(command, leased_ms)

    async def _take(self, command: Command) -> Command | None:
        """Lease a due command to us; None when another process was quicker."""
        again = command.state is State.RESEND
        changes: dict[str, Any] = {
            "fence": command.fence + 1, "lease_until": self._settings.inquiry_lease_ms,
            "inquiries": command.inquiries + 1,
        }  # fmt: skip
        # What is sent again holds a sending lease; what is asked about is due again by itself.
        if again:
            changes |= {"state": State.LEASED.value, "next_at": None, "sent_at": 0}
        else:
            changes |= {"state": State.WAITING.value, "next_at": self._settings.inquiry_lease_ms}
        telling = leased_anew(command, self._clock.now(), self._writer.slot)
        relied, update = change(telling, **changes)
        unit = Unit(command.merchant_id, relies_on=(relied,), writes=(update,), lane=Lane.OUTCOME)
        if not isinstance(await self._writer.submit(unit), Committed):
            return None
        row = await self._reader.get("command", command.key)
        return from_row(row) if row is not None else None

    async def ask(self, command: Command) -> InquiryOutcome:
        """Ask the provider what became of a command; changes nothing."""
        connector = self._connectors[command.provider]
        request = command.to_request()
        guard = self._guards[command.provider]
        return await guard.inquire(lambda: connector.inquire(request))

    async def _inquire(self, command: Command, sent_ago_ms: int) -> InquiryOutcome:
        """Ask; a not-found that proves nothing yet stays unknown."""
        connector = self._connectors[command.provider]
        outcome = await self.ask(command)
        if not isinstance(outcome, NotFound):
            return outcome
        capabilities = connector.capabilities
        definitive = (
            capabilities.inquiry_not_found_is_definitive
            and sent_ago_ms > capabilities.not_found_window_ms
        )
        return outcome if definitive else Unknown("not found at the provider, too early to tell")

    def _next_ms(self, command: Command) -> int:
        """Return the wait before the next inquiry: the schedule's, and up to a fifth more."""
        schedule = self._connectors[command.provider].capabilities.inquiry_schedule_ms
        wait_ms = schedule[min(command.inquiries, len(schedule) - 1)]
        return wait_ms + self._ids.jitter(wait_ms // 5)
