"""What becomes of one delivery: the schedule of its attempts, and how an answer is judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Literal

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
RETRY_AFTER_MAX_MS = 24 * _HOUR_MS
_GONE = 410
UNSENDABLE = "cannot_be_sent"
_OUR_SIDE = frozenset({UNSENDABLE, "url_invalid"})
_UNSENDABLE_TRIES_MAX = 5
_THROTTLED = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Schedule:
    """Pauses between attempts; after the last of them the delivery has failed.

    They are those of the Standard Webhooks specification: ten attempts in a little over three days.
    """

    pauses_ms: tuple[int, ...] = (
        5_000, 5 * _MINUTE_MS, 30 * _MINUTE_MS, 2 * _HOUR_MS, 5 * _HOUR_MS, 10 * _HOUR_MS,
        14 * _HOUR_MS, 20 * _HOUR_MS, 24 * _HOUR_MS,
    )  # fmt: skip
    jitter_percent: int = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one try came to: the HTTP status, or None and why there was none.

    `answer` is the beginning of what the receiver said, fit to be kept.
    """

    status: int | None
    problem: str | None = None
    retry_after_ms: int | None = None
    latency_ms: int = 0
    answer: str | None = None

    @property
    def delivered(self) -> bool:
        """Only 2xx is a yes; a redirect has posted nothing (WH-12)."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The receiver wants no webhooks any more."""
        return self.status == _GONE

    @property
    def throttled(self) -> bool:
        """The receiver is overloaded, and asks for fewer requests."""
        return self.status in _THROTTLED

    @property
    def word(self) -> str:
        """What is kept of the last attempt on the delivery itself."""
        return str(self.status) if self.status is not None else (self.problem or "no answer")[:200]


@dataclass(frozen=True, slots=True)
class Next:
    """The state that an attempt leaves, and when to try again if it is still pending."""

    state: Literal["pending", "delivered", "failed"]
    delay_ms: int | None


def after(attempt: Attempt, attempts: int, schedule: Schedule, jitter_permille: int) -> Next:
    """Decide what follows the attempt that was number `attempts` of its schedule, from one.

    What our own side cannot send has failed after five tries.
    `jitter_permille` (0 to 1000) says how much of the jitter is added. A receiver's Retry-After
    lengthens the pause, up to one day.
    """
    if attempt.delivered:
        return Next("delivered", None)
    hopeless = attempt.problem in _OUR_SIDE and attempts >= _UNSENDABLE_TRIES_MAX
    if hopeless or attempts > len(schedule.pauses_ms):
        return Next("failed", None)
    pause = schedule.pauses_ms[attempts - 1]
    pause += pause * schedule.jitter_percent * jitter_permille // 100_000
    asked = min(attempt.retry_after_ms or 0, RETRY_AFTER_MAX_MS)
    return Next("pending", max(pause, asked))


def retry_after_ms(value: str | None, now: datetime) -> int | None:
    """Read a Retry-After header, in seconds or as a date; None where it is neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return int(text) * 1_000 if len(text) <= 9 else RETRY_AFTER_MAX_MS
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0, int((moment - now).total_seconds() * 1_000))
