"""What performing a command comes to, as whoever issued it is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hazina.commands.command import Command
from hazina.rails.outcome import NotFound, Outcome
from hazina.values import value


@value
class Performed:
    """What came of performing a command, and how long to wait before asking again."""

    outcome: Outcome | NotFound
    next_ms: int


Perform = Callable[[Command, int], Awaitable[Performed]]
"""Performs a command; the number is the monotonic moment before which it was not leased."""
