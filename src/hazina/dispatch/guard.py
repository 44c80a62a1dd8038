"""The guard before each provider account: a limit on calls in flight and a circuit breaker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from hazina.clock import Clock
from hazina.rails.outcome import InquiryOutcome, NotSent, Outcome, Unknown

_T = TypeVar("_T", bound=InquiryOutcome)

FAILURES_TO_OPEN = 10
OPEN_MS = 5_000


class BreakerState(StrEnum):
    """Whether calls are let through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class GuardState:
    """What health shows of one provider account."""

    breaker: BreakerState
    in_flight: int
    in_flight_max: int
    failures_in_a_row: int
    refused: int
    """Calls that were not let through since the process started."""

    @property
    def saturated(self) -> bool:
        """Whether the next call would be refused for want of room."""
        return self.in_flight >= self.in_flight_max


class Guard:
    """Keeps one provider account that hangs or fails from stopping everybody else.

    A failure is an outcome that is `NotSent` or `Unknown`. After `failures_to_open` of them in a
    row the breaker opens: calls are `NotSent` at once. Only an operation that went well ends the
    row, since inquiries may be answered by a provider that fails at all else.
    After `open_ms` one call is let through as a probe; its result closes or opens it again.
    """

    def __init__(
        self,
        clock: Clock,
        in_flight_max: int,
        *,
        failures_to_open: int = FAILURES_TO_OPEN,
        open_ms: int = OPEN_MS,
    ) -> None:
        assert in_flight_max > 0
        assert failures_to_open > 0
        self._clock = clock
        self._in_flight_max = in_flight_max
        self._failures_to_open = failures_to_open
        self._open_ms = open_ms
        self._in_flight = 0
        self._failures = 0
        self._refused = 0
        self._opened_at_ms: int | None = None
        self._probing = False

    def state(self) -> GuardState:
        """Return what health shows."""
        return GuardState(
            self._breaker(), self._in_flight, self._in_flight_max, self._failures, self._refused
        )

    def turns_away(self) -> str | None:
        """Return why a call would not be let through now, None if it would be."""
        breaker = self._breaker()
        if breaker is BreakerState.OPEN or (breaker is BreakerState.HALF_OPEN and self._probing):
            return "the provider's circuit breaker is open"
        if self._in_flight >= self._in_flight_max:
            return "too many calls in flight"
        return None

    async def perform(self, call: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Return the call's outcome, or `NotSent` without calling."""
        refusal = self._enter()
        if refusal is not None:
            return NotSent(refusal)
        return await self._through(call, performs=True)

    async def inquire(self, call: Callable[[], Awaitable[InquiryOutcome]]) -> InquiryOutcome:
        """Return the inquiry's answer, or `Unknown` without asking.

        An inquiry that was not sent proves nothing about the operation that it asks about.
        """
        refusal = self._enter()
        if refusal is not None:
            return Unknown(f"inquiry not sent: {refusal}")
        return await self._through(call, performs=False)

    def _breaker(self) -> BreakerState:
        if self._opened_at_ms is None:
            return BreakerState.CLOSED
        if self._clock.monotonic_ms() - self._opened_at_ms < self._open_ms:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    def _enter(self) -> str | None:
        """Take a place; return why there is none."""
        refusal = self.turns_away()
        if refusal is not None:
            self._refused += 1
            return refusal
        self._in_flight += 1
        return None

    async def _through(self, call: Callable[[], Awaitable[_T]], *, performs: bool) -> _T:
        probe = self._opened_at_ms is not None
        if probe:
            self._probing = True
        failed: bool | None = None
        try:
            outcome = await call()
            failed = isinstance(outcome, NotSent | Unknown)
            return outcome
        finally:
            self._in_flight -= 1
            self._judge(probe, failed, performs)

    def _judge(self, probe: bool, failed: bool | None, performs: bool) -> None:
        """Count one result. None is a call that was given up: it says nothing of the provider."""
        if probe:
            self._probing = False
        elif self._opened_at_ms is not None:
            # Sent before the breaker opened; only the probe may close it again.
            return
        if failed is None:
            return
        if not failed:
            # A provider that answers questions and fails orders is still failing: an inquiry lets
            # the next order through, and one more failure is then enough.
            self._failures = 0 if performs else min(self._failures, self._failures_to_open - 1)
            self._opened_at_ms = None
            return
        self._failures += 1
        if probe or self._failures >= self._failures_to_open:
            self._opened_at_ms = self._clock.monotonic_ms()
