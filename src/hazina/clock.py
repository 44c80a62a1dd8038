"""Time: the only place that reads a clock or waits."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What services, workers and connectors are given instead of the machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""

    def monotonic_ms(self) -> int:
        """Return milliseconds that never go back, for deadlines inside one process."""

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait that long."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000)


class ManualClock:
    """A clock that moves only when told; waiting moves it."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._monotonic_us = 0

    def now(self) -> datetime:
        return self._now

    def monotonic_ms(self) -> int:
        return self._monotonic_us // 1000

    def advance_ms(self, duration_ms: int) -> None:
        """Move time forward."""
        self.advance_us(duration_ms * 1000)

    def advance_us(self, duration_us: int) -> None:
        """Move time forward by microseconds."""
        self._now += timedelta(microseconds=duration_us)
        self._monotonic_us += duration_us

    async def sleep_ms(self, duration_ms: int) -> None:
        self.advance_ms(duration_ms)
        await asyncio.sleep(0)


def whole_seconds(since: datetime, until: datetime) -> int:
    """Return how many whole seconds have passed between two moments; 0 if they come reversed."""
    return max(0, (until - since) // timedelta(seconds=1))


def unix(moment: datetime) -> int:
    """Return whole seconds since 1970, as the public API shows times."""
    return int(moment.timestamp())
