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

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self.now = 0

    def begin(self, slot: int, after: int) -> None:
        """Begin a batch: what is given from here on is later than `after` and all given before.

        `now` is then the clock's time, or a later one where other writers were ahead.
        """
        clock = nanoseconds(self._clock.now())
        start = max(clock - _BATCH * STEP, after, self._last)
        self._last = start // STEP * STEP + slot % STEP
        self.now = max(clock, self._last + STEP)

    def peek(self) -> int:
        """Return the timestamp that `next` would give."""
        return self._last + STEP

    def next(self) -> int:
        """Return the next timestamp."""
        self._last += STEP
        return self._last

    def pass_by(self, timestamp: int) -> None:
        """Give only later timestamps from here on than this later one, which an event brought.

        A batch's timestamps begin before the clock's time, and an imported event may be as late as
        that: what another unit of the batch books after it comes after it in time, too.
        """
        self._last += -(-(timestamp - self._last) // STEP) * STEP


class ExactStamps(Stamps):
    """Timestamps of one process alone, on a clock of whole nanoseconds that moves when told.

    Each event is judged at its own timestamp: the clock's time, or a nanosecond after the event
    before it. So what waits ten seconds runs out exactly ten seconds later.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._clock_ns = nanoseconds(clock.now())

    def advance(self, duration_ns: int) -> int:
        """Move the clock on, from the last event if it is there still; return its time."""
        self._clock_ns = max(self._clock_ns, self._last) + duration_ns
        return self._clock_ns

    @property
    def next_moment(self) -> int:
        """The timestamp that the next event will have."""
        return max(self._clock_ns, self._last + 1)

    def begin(self, slot: int, after: int) -> None:
        """Begin a batch, whose first event has the clock's time if no other event had it."""
        self._last = max(self._clock_ns - 1, after, self._last)
        self.now = self._last + 1

    def peek(self) -> int:
        """Return the timestamp that `next` would give."""
        return self._last + 1

    def next(self) -> int:
        """Return the next timestamp; the event after it is judged a nanosecond later."""
        self._last += 1
        self.now = self._last + 1
        return self._last
