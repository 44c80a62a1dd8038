"""A lane: what one worker has under way to one endpoint, and the breaker that spares it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from hazina.webhooks.deliveries import Due
from hazina.webhooks.delivery import Attempt

_REMEMBERED_MS = 600_000


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How much one endpoint may have at once, and when it is left alone.

    `at_once` requests are under way; up to `ahead_max` deliveries are taken in advance of them, as
    long as the receiver answers well, and no more than it answers in `ahead_ms`, or one round: what
    is taken goes out as it was read, to an endpoint that may have been paused or moved since. After
    `failures` failed attempts in a row nothing is sent for `pause_ms`, then one delivery; if that
    fails too, the pause doubles up to `pause_max_ms`.
    """

    at_once: int = 8
    ahead_max: int = 256
    ahead_ms: int = 2_000
    failures: int = 5
    pause_ms: int = 5_000
    pause_max_ms: int = 60_000


@dataclass(slots=True)
class Lane:
    """One endpoint's turn in this worker."""

    limits: LaneLimits
    queue: deque[tuple[Due, int]] = field(default_factory=deque)
    """Deliveries taken and not begun, each with the moment until which they are ours."""
    running: int = 0
    ahead: int = 0
    failures: int = 0
    pause_ms: int = 0
    closed_until_ms: int = 0
    ended_ms: int = 0
    more: bool = False
    """Whether more was waiting when it was last looked."""
    failing_since: datetime | None = None
    noting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Notes on the endpoint are written one after another, or an old one could come last."""

    def idle(self, now_ms: int) -> bool:
        """Say whether nothing of it is under way, and nothing has to be remembered.

        Failures are remembered for a while: the endpoint may have been disabled or deleted.
        """
        remembered = self.failures and now_ms - self.ended_ms < _REMEMBERED_MS
        return not self.running and not self.queue and not remembered

    def room(self, now_ms: int, share: int) -> int:
        """Return how many more deliveries may be taken, `share` of them being the lane's most."""
        if self._closed(now_ms):
            return 0
        if self.failures >= self.limits.failures:
            return 1 if not self.running and not self.queue else 0
        wanted = min(self.limits.at_once + self.ahead, max(self.limits.at_once, share))
        # Not one by one: a look at the database is worth it for many.
        missing = wanted - self.running - len(self.queue)
        return missing if missing * 2 >= wanted else 0

    def may_begin(self, now_ms: int) -> bool:
        """Say whether another request may be sent now."""
        if not self.queue or self._closed(now_ms):
            return False
        if self.failures >= self.limits.failures:
            return not self.running
        return self.running < self.limits.at_once

    def ended(self, attempt: Attempt, now_ms: int) -> None:
        """Learn from an attempt: whether to take more ahead, or to leave the endpoint alone."""
        self.ended_ms = now_ms
        if attempt.delivered:
            self.failures, self.pause_ms, self.closed_until_ms = 0, 0, 0
            more = min(self.limits.ahead_max, max(self.limits.at_once, self.ahead * 2))
            soon = self.limits.at_once * self.limits.ahead_ms // max(1, attempt.latency_ms)
            # With less than one round ahead, requests would end before others are taken.
            self.ahead = min(more, max(self.limits.at_once, soon))
            return
        self.failures += 1
        self.ahead = 0
        if self.failures >= self.limits.failures:
            self.pause_ms = min(
                self.limits.pause_max_ms, max(self.limits.pause_ms, self.pause_ms * 2)
            )
            self.closed_until_ms = now_ms + self.pause_ms
        if attempt.gone:
            # It is about to be disabled: nothing more goes there meanwhile.
            self.closed_until_ms = now_ms + self.limits.pause_max_ms
        if attempt.throttled:
            # It asks for fewer requests, and may say for how long.
            asked = min(attempt.retry_after_ms or self.limits.pause_ms, self.limits.pause_max_ms)
            self.closed_until_ms = max(self.closed_until_ms, now_ms + asked)

    def surplus(self, now_ms: int) -> list[Due]:
        """Take out of the queue what will not be begun soon, for others or for later."""
        if self._closed(now_ms) or self.failures >= self.limits.failures:
            surplus = [due for due, _ in self.queue]
            self.queue.clear()
            return surplus
        surplus = []
        while len(self.queue) > self.limits.at_once and self.failures:
            surplus.append(self.queue.pop()[0])
        return surplus

    def _closed(self, now_ms: int) -> bool:
        return now_ms < self.closed_until_ms
