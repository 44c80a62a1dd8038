"""Named effect boundaries, at which a test may have the process killed."""

from __future__ import annotations

import os
import signal

POINTS = (
    "payments.before_first_unit",
    "payments.after_first_unit",
    "payments.after_reply",
    "payments.after_second_unit",
    "dispatch.before_inquiry",
    "dispatch.after_inquiry",
    "dispatch.before_report",
    "callbacks.after_storing",
)
SETUP_POINTS = (
    "setup_intents.before_first_unit",
    "setup_intents.after_first_unit",
    "setup_intents.after_reply",
    "setup_intents.after_second_unit",
)
"""The same boundaries where no money is at stake: verifications of cards."""
STREAM_POINTS = ("relay.before_sending", "relay.after_sending")
"""Those of what carries events out: what was sent there is sent again."""
VARIABLE = "HAZINA_CRASH_AT"
_at: str | None = None


def arm() -> None:
    """Read the environment again, as a process does that was forked from a running one."""
    global _at
    _at = os.environ.get(VARIABLE)
    if _at and _at not in POINTS + SETUP_POINTS + STREAM_POINTS:
        raise ValueError(f"{VARIABLE} names no effect boundary: {_at}")


def crashpoint(name: str) -> None:
    """End this process with SIGKILL if the environment names this boundary; else do nothing."""
    if _at is not None and _at == name:
        os.kill(os.getpid(), signal.SIGKILL)


arm()
