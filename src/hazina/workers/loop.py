"""One loop: a step repeated at an interval, sooner when nudged, later after an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from hazina.clock import Clock

Step = Callable[[], Awaitable[int]]
"""Does a bounded amount of work and returns how much there was."""

_WINDOW_MS = 300
_TRICKLE_PER_SECOND = 150
_GATHER_MAX_MS = 100
_EAGER_FOR_MS = 5_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoopReport:
    """How a loop fares. Durations in milliseconds; None where there is none yet."""

    healthy: bool
    failures: int
    """In a row, up to now."""
    steps: int
    found: int
    """How much work all steps together found."""
    running_ms: int | None
    """For how long the present step has been running."""
    idle_ms: int | None
    """How long ago the last step ended well."""


class Pace:
    """How much comes in a second, and how long it is worth waiting for more."""

    def __init__(self) -> None:
        self._since_ms = 0
        self._count = 0
        self._per_second = 0

    def gather_ms(self, now_ms: int, found: int) -> int:
        """Count what was found; return a pause: none for a trickle, a tenth of a second at most."""
        self._count += found
        passed_ms = now_ms - self._since_ms
        if passed_ms >= _WINDOW_MS:
            self._per_second = self._count * 1_000 // passed_ms
            self._since_ms, self._count = now_ms, 0
        return max(0, min(_GATHER_MAX_MS, (self._per_second - _TRICKLE_PER_SECOND) // 5))


class Loop:
    """Runs a step until it is closed. An error is logged and the step tried again later.

    A loop that found work though nobody had nudged it is fed by other processes: for a while it
    looks every `eager_ms`, if that is given. One that takes `full` at once waits a little between
    steps while much comes, so that fewer of them do the same work; never while it is behind.
    """

    def __init__(
        self, name: str, step: Step, clock: Clock, *, interval_ms: int, pause_after_error_ms: int,
        eager_ms: int | None = None, full: int | None = None,
    ) -> None:  # fmt: skip
        self._full = full
        self._pace = Pace()
        self.name = name
        self._step = step
        self._clock = clock
        self._interval_ms = interval_ms
        self._pause_after_error_ms = pause_after_error_ms
        self._eager_ms = eager_ms or interval_ms
        self._eager_until_ms = 0
        self._by_itself = False
        self._nudged = asyncio.Event()
        self._closing = False
        self._failures = 0
        self._began_ms: int | None = None
        self._ended_ms: int | None = None
        self._steps = 0
        self._found = 0

    @property
    def healthy(self) -> bool:
        """Whether the last step ended well."""
        return self._failures == 0

    def report(self) -> LoopReport:
        """Return what the loop has done, and how long it has been at it."""
        now_ms = self._clock.monotonic_ms()
        return LoopReport(
            healthy=self.healthy,
            failures=self._failures,
            steps=self._steps,
            found=self._found,
            running_ms=None if self._began_ms is None else now_ms - self._began_ms,
            idle_ms=None if self._ended_ms is None else now_ms - self._ended_ms,
        )

    def nudge(self) -> None:
        """Run the step at once, or once more if it is running."""
        self._nudged.set()

    def close(self) -> None:
        """End after the present step."""
        self._closing = True
        self._nudged.set()

    async def run(self) -> None:
        """Repeat the step until closed; without a pause as long as it finds work."""
        while not self._closing:
            self._nudged.clear()
            try:
                self._began_ms = self._clock.monotonic_ms()
                found = await self._step()
                self._failures = 0
                self._steps += 1
                self._found += found
                self._ended_ms = self._clock.monotonic_ms()
            except Exception as error:
                # A loop that dies would leave money unsettled; it waits and tries again.
                self._failures += 1
                _log.error(
                    "worker_step_failed", loop=self.name, failures=self._failures, exc_info=error
                )
                self._began_ms = None
                await self._wait(self._pause_after_error_ms, ignore_nudges=True)
                continue
            self._began_ms = None
            now_ms = self._clock.monotonic_ms()
            if found and self._by_itself:
                self._eager_until_ms = now_ms + _EAGER_FOR_MS
            self._by_itself = False
            if self._full is not None:
                gather_ms = self._pace.gather_ms(now_ms, found)
                if gather_ms and found < self._full:
                    await self._wait(gather_ms, ignore_nudges=True)
            if found == 0:
                eager = now_ms < self._eager_until_ms
                await self._wait(self._eager_ms if eager else self._interval_ms)

    async def _wait(self, duration_ms: int, *, ignore_nudges: bool = False) -> None:
        if self._closing:
            return
        if ignore_nudges:
            await self._clock.sleep_ms(duration_ms)
            return
        try:
            async with asyncio.timeout(duration_ms / 1000):
                await self._nudged.wait()
        except TimeoutError:
            self._by_itself = True
