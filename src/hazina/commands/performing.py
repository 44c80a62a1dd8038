"""What performing a command comes to, as whoever issued it is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

from hazina.commands.command import Command
from hazina.rails.outcome import NotFound, Outcome, Unknown
from hazina.refusals import Code, Refusal
from hazina.values import value


class Door(StrEnum):
    """How an outcome came.

    reply: whoever sent the command was answered in time, or could not send it.
    late reply: its sender was answered after the request had stopped waiting.
    callback: the provider called, and was asked.
    inquiry: the provider was asked, because nobody knew.
    deadline: nothing came; the request that sent it stopped waiting.
    retry: nothing came; a request with the same key found that its sender is gone.
    """

    REPLY = "reply"
    LATE_REPLY = "late reply"
    CALLBACK = "callback"
    INQUIRY = "inquiry"
    DEADLINE = "deadline"
    RETRY = "retry"


@value
class Performed:
    """What came of performing a command, by which door, and when to ask again (in ms)."""

    outcome: Outcome | NotFound
    next_ms: int
    door: Door


SENDER_GONE = Performed(Unknown("its process is gone"), 0, Door.RETRY)
"""What is known of a command whose sender is gone, when a retry asks before any door has opened."""


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
