"""One moment in the story of a payment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any


class Kind(IntEnum):
    """What happened; of what happened at the same time the lower comes first."""

    KEY = 1
    ATTEMPT = 2
    COMMAND = 3
    CALLBACK = 4
    EVENT = 5
    ENTRY = 6
    LINE = 7
    WEBHOOK = 8


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` is real time, also for what follows a test clock. `door` is how it came, if known."""

    at: datetime
    kind: Kind
    id: str
    text: str
    door: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A payment's whole story, in order."""

    merchant_id: str
    id: str
    status: str
    moments: tuple[Moment, ...]


NOT_KEPT = (
    "Not kept, since it would cost every payment a write: each single taking of a lease and each "
    "single inquiry. A command's fence counts the takings, `inquiries` the questions, `evidence` "
    "what the last answer said. The door of an outcome is deduced."
)
