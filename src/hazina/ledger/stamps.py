"""The ledger's own time: nanoseconds since 1970 that only grow, each given once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hazina.clock import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STEP = 64
"""The lowest six bits name the writer's slot, so that two writers never give the same moment."""


def nanoseconds(moment: datetime) -> int:
    """Return a moment as nanoseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND * 1000


class Stamps:
    """Gives out timestamps; one per process, since they must grow from batch to batch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self.now = 0

    def begin(self, slot: int, after: int) -> None:
        """Begin a batch: what is given from here on is later than `after` and all given before.

        `now` is then the clock's time, or the batch's own where other writers were ahead.
        """
        start = max(nanoseconds(self._clock.now()), after, self._last)
        self._last = start // _STEP * _STEP + slot % _STEP
        self.now = start + 1

    def next(self) -> int:
        """Return the next timestamp."""
        self._last += _STEP
        return self._last
