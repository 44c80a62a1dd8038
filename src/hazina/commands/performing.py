"""What performing a command comes to, as whoever issued it is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hazina.commands.command import Command
from hazina.rails.outcome import NotFound, Outcome
from hazina.refusals import Code, Refusal
from hazina.values import value


@value
class Performed:
    """What came of performing a command, and how long to wait before asking again."""

    outcome: Outcome | NotFound
    next_ms: int


TurnsAway = Callable[[str], str | None]
"""Says why a provider account takes no call now, None if it does."""


def refuse_if_away(provider: str, turns_away: TurnsAway | None) -> None:
    """Refuse `overloaded` before anything is begun that a provider account would not take now.

    Only for what nobody owes: what is owed is committed, and sent when the account takes it.
    """
    reason = turns_away(provider) if turns_away is not None else None
    if reason is not None:
        raise Refusal(
            Code.OVERLOADED,
            f"The payment provider cannot be asked now: {reason}. Nothing was done; send the "
            "request again in a few seconds.",
        )


Perform = Callable[[Command, int], Awaitable[Performed]]
"""Performs a command; the number is the monotonic moment before which it was not leased."""
