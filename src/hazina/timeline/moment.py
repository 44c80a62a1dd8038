"""One moment in the story of a payment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

NOT_RECORDED = "not recorded"
"""The door of what came by one that no row names."""


class Kind(IntEnum):
    """What happened; of what happened at the same time the lower comes first."""

    KEY = 1
    ATTEMPT = 2
    COMMAND = 3
    LEASE = 4
    CALL = 5
    CALLBACK = 6
    OUTCOME = 7
    EVENT = 8
    ENTRY = 9
    LINE = 10
    WEBHOOK = 11


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` is real time, also for what follows a test clock. `door` is how it came, if known."""

    at: datetime
    kind: Kind
    id: str
    text: str
    door: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def came(self) -> str:
        """The door in words, empty where there is none."""
        if self.door is None:
            return ""
        return f"door {self.door}" if self.door == NOT_RECORDED else f"by {self.door}"


@dataclass(frozen=True, slots=True)
class Timeline:
    """A payment's whole story, in order."""

    merchant_id: str
    id: str
    status: str
    moments: tuple[Moment, ...]


NOT_KEPT = (
    "A command that its first reply settled tells no more than that: its moment would cost every "
    "payment a write, and its events and ledger entries have one. Of a command that was asked "
    "about for long, the first calls and outcomes are kept and the last. The door of an event is "
    "known where a request caused it or a command tells of it, and of a worker's is not. Where the "
    "funds of several charges were released together, that ledger entry is of all and stands in "
    "the timeline of none: funds of an attempt tell that it was."
)
