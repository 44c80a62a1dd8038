"""One loop: a step repeated at an interval, sooner when nudged, later after an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from hazina.clock import Clock

Step = Callable[[], Awaitable[int]]
"""Does a bounded amount of work and returns how much there was."""

_log = structlog.get_logger(__name__)


class Loop:
    """Runs a step until it is closed. An error is logged and the step tried again later."""

    def __init__(
        self, name: str, step: Step, clock: Clock, *, interval_ms: int, pause_after_error_ms: int
    ) -> None:
        self.name = name
        self._step = step
        self._clock = clock
        self._interval_ms = interval_ms
        self._pause_after_error_ms = pause_after_error_ms
        self._nudged = asyncio.Event()
        self._closing = False
        self._failures = 0

    @property
    def healthy(self) -> bool:
        """Whether the last step ended well."""
        return self._failures == 0

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
                found = await self._step()
                self._failures = 0
            except Exception as error:
                # A loop that dies would leave money unsettled; it waits and tries again.
                self._failures += 1
                _log.error(
                    "worker_step_failed", loop=self.name, failures=self._failures, exc_info=error
                )
                await self._wait(self._pause_after_error_ms, ignore_nudges=True)
                continue
            if found == 0:
                await self._wait(self._interval_ms)

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
            return
