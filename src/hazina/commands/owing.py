"""What becomes of a command that provably never happened, and what proves that no more."""

from __future__ import annotations

from datetime import datetime, timedelta

from hazina.commands.command import Command, State
from hazina.commands.history import What
from hazina.commands.performing import Door, Performed
from hazina.ids import moment_of
from hazina.rails.contract import Operation
from hazina.rails.outcome import Declined, NotFound, NotSent

_OWED = frozenset({Operation.CAPTURE, Operation.VOID, Operation.REFUND})


def still_owed(command: Command, now: datetime, authorization_owed_ms: int) -> bool:
    """Tell whether a command that provably never happened is still to be sent.

    Captures, voids and refunds are, however old. An authorization is for so many milliseconds of
    real time since it was asked for: a customer must not be charged for what they gave up on.
    Whatever else there is can be asked for anew by whoever still wants it.
    """
    if command.operation is not Operation.AUTHORIZE:
        return command.operation in _OWED
    if not authorization_owed_ms:
        return False  # Also where our clock is behind that of whoever was asked.
    # Of its id and not of its row, whose moment may be a test clock's.
    return now - moment_of(command.id) < timedelta(milliseconds=authorization_owed_ms)


def overtaken(sent: Command, now: Command, came: Performed) -> bool:
    """Tell whether a no speaks of an earlier holder of the command alone.

    `sent` is the command as its holder had it, `now` as it is. That one holder found nothing says
    nothing once another holds it, who may be sending it this moment. That one did not send it says
    something as long as all who held it since have only asked about it; and what was declined to
    one who sent it may be granted to one who sends it again.
    """
    if now.state is State.DONE or now.fence == sent.fence:
        return False
    match came.outcome:
        case NotSent():
            return not _only_asked_since(now, sent.fence)
        case NotFound():
            return True
        case Declined():
            return came.door in (Door.REPLY, Door.LATE_REPLY) and sent_since(now, sent.fence)
        case _:
            return False


def sent_since(command: Command, fence: int) -> bool:
    """Tell whether a command is known to have been leased anew, after this fence, to be sent."""
    return any(
        entry["what"] == What.SENT_AGAIN and entry["fence"] > fence
        for entry in command.history or ()
    )


def _only_asked_since(command: Command, fence: int) -> bool:
    """Tell whether every lease after this fence is known to have been for asking alone."""
    asked = {
        entry["fence"]
        for entry in command.history or ()
        if entry["what"] in (What.INQUIRY, What.TAKEN_OVER)
    }
    return asked.issuperset(range(fence + 1, command.fence + 1))
