"""What happened to a command, beyond a first reply that settled it: a short list of entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar

from hazina.commands.command import Command, State
from hazina.commands.performing import SENDER_GONE, Door, Performed
from hazina.db.unit import Insert, Unit, Update
from hazina.rails.outcome import (
    ActionRequired,
    Approved,
    Declined,
    NotFound,
    NotSent,
    Outcome,
    Pending,
    Unknown,
    evidence,
)
from hazina.values import replace

_ENDS_KEPT = 20
"""So many of the first entries and of the last are kept; of those between only their number is."""
_NAMES: dict[type[Outcome | NotFound], str] = {
    Approved: "approved", Declined: "declined", Pending: "pending",
    ActionRequired: "action_required", NotSent: "not_sent", Unknown: "unknown",
    NotFound: "not_found",
}  # fmt: skip
_SELF_EVIDENT = (Approved, Declined, ActionRequired)


class About(Protocol):
    """A command with what its outcome changes, as a value."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def command(self) -> Command:
        """The command."""


A = TypeVar("A", bound=About)


class What(StrEnum):
    """What an entry tells.

    taken_over: leased anew to be asked about, since its first lease ran out and nobody knows.
    inquiry: leased anew to be asked about, as it was due.
    sent_again: leased anew and sent again, since it was proved not to have happened.
    outcome: what a door brought, applied in the unit that wrote the entry.
    late_outcome: what a door brought after the command was done, and changed something still.
    given_up: a client ended what it was for, so that no outcome is awaited.
    unrecorded: what came before was not recorded, since an earlier release ran.
    left_out: a number of entries that were too many.
    """

    TAKEN_OVER = "taken_over"
    INQUIRY = "inquiry"
    SENT_AGAIN = "sent_again"
    OUTCOME = "outcome"
    LATE_OUTCOME = "late_outcome"
    GIVEN_UP = "given_up"
    UNRECORDED = "unrecorded"
    LEFT_OUT = "left_out"


def leased_anew(command: Command, at: datetime, writer: int) -> Command:
    """Return a due command that tells of its new lease, held by the process with this slot."""
    what = {State.LEASED: What.TAKEN_OVER, State.RESEND: What.SENT_AGAIN}
    entry = {
        "at": _moment(at), "what": what.get(command.state, What.INQUIRY).value,
        "fence": command.fence + 1, "writer": writer,
    }  # fmt: skip
    return replace(command, history=appended(command.history, entry))


def telling(subject: A, came: Performed | None, at: datetime) -> A:
    """Return a subject whose command tells what came; nothing did where its sender is gone."""
    command = told(subject.command, came or SENDER_GONE, at)
    return subject if command is subject.command else replace(subject, command=command)


def told(command: Command, came: Performed, at: datetime) -> Command:
    """Return a command that tells what came, to be applied now and at this moment.

    One that a yes or a no settles by the reply of its first sender stays as it is: that is what no
    history means, so that a plain payment writes nothing for it.
    """
    outcome = came.outcome
    done = command.state is State.DONE
    settles = not done and isinstance(outcome, Approved | Declined)
    if settles and came.door is Door.REPLY and command.history is None:
        return command
    entry = {
        "at": _moment(at), "what": (What.LATE_OUTCOME if done else What.OUTCOME).value,
        "door": came.door.value, "outcome": _NAMES[type(outcome)],
    }  # fmt: skip
    if not isinstance(outcome, _SELF_EVIDENT):
        entry["evidence"] = evidence(outcome)
    return replace(command, history=appended(command.history, entry))


def ever_came_to(command: Command, outcome: type[Outcome | NotFound]) -> bool:
    """Tell whether a command tells of an outcome of this kind that did not settle it at once."""
    return any(entry.get("outcome") == _NAMES[outcome] for entry in command.history or ())


def given_up(command: Command) -> Command:
    """Return a command that tells that nobody waits for its outcome: a client ended its object.

    Its events say when.
    """
    entry = {"what": What.GIVEN_UP.value, "door": "request"}
    return replace(command, history=appended(command.history, entry))


def appended(
    history: Sequence[dict[str, Any]] | None, entry: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return a history with one entry more, and those in its middle counted when it grows long."""
    entries = [*(history or ()), entry]
    if len(entries) <= 2 * _ENDS_KEPT:
        return entries
    first, between, last = (
        entries[:_ENDS_KEPT], entries[_ENDS_KEPT:-_ENDS_KEPT], entries[-_ENDS_KEPT:],
    )  # fmt: skip
    count = sum(one.get("count", 1) for one in between)
    return [*first, {"what": What.LEFT_OUT.value, "count": count}, *last]


def with_events(unit: Unit) -> Unit:
    """Return the unit of what a command tells last, with its events named in that entry.

    A unit in which no command tells anything is returned as it is.
    """
    if not any(map(_tells, unit.writes)):
        return unit
    events = [
        write.row["id"]
        for write in unit.writes
        if isinstance(write, Insert) and write.table == "event"
    ]
    if not events:
        return unit
    return replace(unit, writes=tuple(_naming(write, events) for write in unit.writes))


def _tells(write: Any) -> bool:
    return write.table == "command" and isinstance(write, Update) and "history" in write.changes


def _naming(write: Any, events: list[str]) -> Any:
    if not _tells(write):
        return write
    *before, last = write.changes["history"]
    return replace(
        write, changes={**write.changes, "history": [*before, last | {"events": events}]}
    )


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
