"""What happened in a run, as one hash: the same seed gives the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

from hazina.db.unit import Unit


class Trace:
    """Takes in every message, commit and death, in the order in which they happened.

    With `keep` the lines are also there to be read.
    """

    def __init__(self, seconds: Callable[[], float], *, keep: bool = False) -> None:
        self._seconds = seconds
        self._hash = blake2b(digest_size=12)
        self._keep = keep
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Take in one line."""
        text = f"{self._seconds():.6f} {line}"
        self._hash.update(text.encode())
        if self._keep:
            self.lines.append(text)

    def batch(self, slot: int, units: Sequence[Unit], verdicts: Sequence[object]) -> None:
        """Take in one batch of a writer."""
        for unit, verdict in zip(units, verdicts, strict=True):
            tables = " ".join([write.table for write in unit.claims + unit.writes])
            self.say(f"slot {slot}: {type(verdict).__name__} {unit.merchant_id} {tables}")

    @property
    def digest(self) -> str:
        """Return the hash of all that was said."""
        return self._hash.hexdigest()
