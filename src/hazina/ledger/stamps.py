"""The ledger's own time: nanoseconds since 1970 that only grow, each given once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hazina.clock import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
STEP = 64
"""The lowest six bits name the writer's slot, so that two writers never give the same moment."""
_BATCH = 8192


def nanoseconds(moment: datetime) -> int:
    """Return a moment as nanoseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND * 1000


class Stamps:
    """Gives out timestamps; one per process, since they must grow from batch to batch.

    They begin a little before the clock's time, so that those of a whole batch are past when it is
    judged: what waits ten seconds has run out when the clock has moved by ten seconds.
    """

    def __init__(self, clock: Clock, step: int = STEP) -> None:
        self._clock = clock
        self._step = step
        self._last = 0
        self.now = 0

    def begin(self, slot: int, after: int) -> None:
        """Begin a batch: what is given from here on is later than `after` and all given before.

        `now` is then the clock's time, or a later one where other writers were ahead.
        """
        step = self._step
        clock = nanoseconds(self._clock.now())
        start = max(clock - _BATCH * step, after, self._last)
        self._last = start // step * step + slot % step
        self.now = max(clock, self._last + step)

    def peek(self) -> int:
        """Return the timestamp that `next` would give."""
        return self._last + self._step

    def next(self) -> int:
        """Return the next timestamp."""
        self._last += self._step
        return self._last
