"""How few rows are worth a batch of their own while another one is in flight: found by trying.

A few callers can all wait for one batch, or for two by halves. Of two halves PostgreSQL works on
one while the callers of the other are answered and send again; but each half is flushed by itself.
Where a flush is quick the halves win, where it is slow they lose: so both ways are tried for a
moment, now and then, and the quicker one is kept.
"""

from __future__ import annotations

from collections import deque

WHOLE = 16
HALF = 8
_TRIALS = (WHOLE, HALF, WHOLE, HALF)
_TRIAL_MS = 150
_KEPT_MS = 12_000
_ROWS_MIN = 128
"""Two trials of fewer rows do not show which way is quicker."""


class Overlap:
    """Counts what lands, and sets `rows_min` to `WHOLE` or `HALF`."""

    def __init__(self) -> None:
        self.rows_min = WHOLE
        self._trials = deque(_TRIALS)
        self._seen: dict[int, tuple[int, int]] = {}
        self._since_ms: int | None = None
        self._rows = 0

    def landed(self, rows: int, now_ms: int) -> None:
        """Take note of a batch that was answered. The first of a trial only begins its time."""
        if self._since_ms is None:
            self._since_ms, self._rows = now_ms, 0
            return
        self._rows += rows
        elapsed_ms = now_ms - self._since_ms
        if elapsed_ms < (_TRIAL_MS if self._trials else _KEPT_MS):
            return
        self._since_ms = None
        if not self._trials:
            self._trials, self._seen = deque(_TRIALS), {}
            self.rows_min = WHOLE
            return
        tried = self._trials.popleft()
        rows_before, ms_before = self._seen.get(tried, (0, 0))
        self._seen[tried] = rows_before + self._rows, ms_before + elapsed_ms
        self.rows_min = self._trials[0] if self._trials else self._quicker()

    def _quicker(self) -> int:
        """Return the way that was quicker; halves by a twentieth, since they take more CPU."""
        (whole, whole_ms), (half, half_ms) = self._seen[WHOLE], self._seen[HALF]
        if min(whole, half) < _ROWS_MIN:
            return WHOLE
        return HALF if 20 * half * whole_ms > 21 * whole * half_ms else WHOLE
