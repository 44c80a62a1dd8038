"""Named effect boundaries, at which a test may have the process killed.

A module declares the boundaries that stand in it, so that the crash matrix finds them.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "HAZINA_CRASH_AT"
_declared: dict[str, None] = {}
_at: str | None = os.environ.get(VARIABLE)


def declare(*names: str) -> None:
    """Say at import which boundaries stand in a module, each once, as `package.place`."""
    for name in names:
        assert name not in _declared, f"{name} is declared twice"
        _declared[name] = None


def declared() -> tuple[str, ...]:
    """Return the boundaries of all modules that are imported."""
    return tuple(_declared)


def arm() -> None:
    """Read the environment again, as a process does that was forked from a running one."""
    global _at
    _at = os.environ.get(VARIABLE)
    if _at and _at not in _declared:
        raise ValueError(f"{VARIABLE} names no effect boundary: {_at}")


def crashpoint(name: str) -> None:
    """End this process with SIGKILL if the environment names this boundary; else do nothing."""
    if _at is not None and _at == name:
        os.kill(os.getpid(), signal.SIGKILL)
