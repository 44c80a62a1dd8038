"""A scratch ledger as the subject of the differential fuzz."""

from __future__ import annotations

from hazina.ledger.scratch import Scratch


class ScratchSubject(Scratch):
    """Each event is judged a nanosecond after the one before it."""

    def moments(self, count: int) -> list[int]:
        """Return when each of the next events will be judged."""
        first = self.next_ns
        return list(range(first, first + count))
