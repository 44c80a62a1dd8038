"""What a provider does when it is asked: the sixteen behaviours of the promise, and one more."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SLOW_MS = 2_600
"""When a slow provider has its effect: after every client has given up."""
_LATE_MS = 1_600
"""When the late answer comes: while the call still waits, and so long after the deadline that a
machine which stands still for a second does not see both at once."""


class Says(StrEnum):
    """What the client of a process that does not die reads."""

    YES = "yes"
    NO = "no"
    """Declined, and the provider keeps it."""
    REFUSED = "refused"
    """Refused before anything was done: the provider knows nothing of it."""
    NOTHING = "nothing"
    """No clear answer: the outcome is unknown."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour. `name` is also the simulator's word for it, except for `ok`."""

    name: str
    says: Says = Says.NOTHING
    effective: bool = True
    """Whether the first try has its effect."""
    silent: bool = False
    """Whether no answer comes at all, so that waiting for it is waiting for nothing."""
    late: bool = False
    """Whether the answer comes after the deadline and before the call is given up."""
    calls_back: bool = True
    """Whether callbacks can be had of it."""
    delay_ms: int = 0

    @property
    def never_tells(self) -> bool:
        """Whether the effect happens and no callback comes."""
        return self.effective and not self.calls_back

    @property
    def in_time(self) -> bool:
        """Whether a clear answer is read before the deadline."""
        return self.says is not Says.NOTHING


OK = Behaviour("ok", Says.YES)
BEHAVIOURS = (
    OK,
    Behaviour("decline", Says.NO, effective=False),
    Behaviour("4xx", Says.REFUSED, effective=False, calls_back=False),
    Behaviour("error_before", effective=False),
    Behaviour("error_after"),
    Behaviour("timeout_before_effect", effective=False, silent=True),
    Behaviour("timeout_after_effect", silent=True),
    Behaviour("reset_mid_body"),
    Behaviour("truncated_body"),
    Behaviour("ok_with_error_inside"),
    Behaviour("answer_after_deadline", late=True, delay_ms=_LATE_MS),
    Behaviour("callback_before_reply", Says.YES),
    Behaviour("duplicate_callback", Says.YES),
    Behaviour("contradictory_callback", Says.YES),
    Behaviour("no_callback", Says.YES, calls_back=False),
    Behaviour("not_found_then_success"),
    # Beyond the sixteen: the effect comes after everybody has given up, and was told "not found".
    Behaviour("slow", silent=True, delay_ms=SLOW_MS),
)
