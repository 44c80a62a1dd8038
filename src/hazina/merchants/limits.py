"""How often a key may ask: a bucket per key for reads and one for writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hazina.clock import Clock

_KEYS_MAX = 100_000
_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in a minute on average, and at most `burst` of them at once.

    `per_minute` 0 is no limit.
    """

    per_minute: int
    burst: int

    @property
    def interval_us(self) -> int:
        """Return how long one request weighs, in microseconds."""
        return _MINUTE_US // self.per_minute


class RateLimits(Protocol):
    """Counts requests, wherever the counts are kept."""

    async def wait_ms(self, key_id: str, write: bool) -> int:
        """Count one request; return 0, or how long to wait when it is one too many."""

    async def close(self) -> None:
        """Let go of where the counts are kept."""


class MemoryLimits:
    """Counts in this process: each process grants the whole rate.

    The bucket is one number per key, the moment at which it is whole again (the generic cell rate
    algorithm of ITU-T I.371): each request takes `interval_us` of it, and it refills by itself.
    """

    def __init__(self, clock: Clock, read: Rate, write: Rate) -> None:
        self._monotonic_ms = clock.monotonic_ms
        self._reads = _Buckets.of(read)
        self._writes = _Buckets.of(write)

    async def wait_ms(self, key_id: str, write: bool) -> int:
        """Count one request; return 0, or how long to wait when it is one too many."""
        return self.count(key_id, write)

    def count(self, key_id: str, write: bool) -> int:
        """Count as `wait_ms` does, at once."""
        buckets = self._writes if write else self._reads
        interval_us = buckets.interval_us
        if not interval_us:
            return 0
        now_us = self._monotonic_ms() * 1_000
        whole_at = buckets.whole_at
        before_us = whole_at.get(key_id)
        if before_us is None:
            if len(whole_at) >= _KEYS_MAX:
                buckets.forget_idle(now_us)
            before_us = now_us
        next_us = (before_us if before_us > now_us else now_us) + interval_us
        over_us = next_us - now_us - buckets.size_us
        if over_us > 0:
            return -(-over_us // 1_000)
        whole_at[key_id] = next_us
        return 0

    async def close(self) -> None:
        """Do nothing: counts are gone with the process."""


@dataclass(slots=True)
class _Buckets:
    """What one request takes and what a bucket holds, in microseconds; when each is whole again."""

    interval_us: int
    size_us: int
    whole_at: dict[str, int]

    @classmethod
    def of(cls, rate: Rate) -> _Buckets:
        if not rate.per_minute:
            return cls(0, 0, {})
        return cls(rate.interval_us, rate.burst * rate.interval_us, {})

    def forget_idle(self, now_us: int) -> None:
        for key_id in [one for one, moment in self.whole_at.items() if moment <= now_us]:
            del self.whole_at[key_id]
