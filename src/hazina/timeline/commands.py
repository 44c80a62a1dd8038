"""What commands tell of themselves: leases, calls, outcomes and the doors they came by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hazina.commands.history import What
from hazina.commands.performing import Door
from hazina.db.table import Row
from hazina.ids import moment_of
from hazina.timeline.moment import NOT_RECORDED, Kind, Moment

_SENT = ("amount_minor", "currency", "subject_reference", "payment_method", "capture", "final")
"""What is shown of a request: never more, whatever a connector comes to send."""
_CALLS = {
    What.INQUIRY: "leased anew to ask what became of it",
    What.TAKEN_OVER: "leased anew to ask what became of it",
    What.SENT_AGAIN: "leased anew to be sent again, under the same reference: it had not happened",
}
_DECIDED = ("approved", "declined")
_STEP = timedelta(milliseconds=1)
_OUTCOMES = {
    What.OUTCOME: "came to {outcome}",
    What.LATE_OUTCOME: "came to {outcome}, after it was done",
    What.GIVEN_UP: "is awaited no more: a client ended what it was for",
}


def of_commands(rows: Iterable[Row]) -> Iterator[Moment]:
    """Tell of each command: that it was committed, and what happened to it since."""
    for row in rows:
        details = {
            "state": row["state"], "fence": row["fence"], "inquiries": row["inquiries"],
            "evidence": row["evidence"], "lease_until": row["lease_until"],
            "next_at": row["next_at"], "refusal": (row["refusal"] or {}).get("code"),
            "earlier_calls": NOT_RECORDED if _from_before(row) else None,
            "sent": {name: row["request"][name] for name in _SENT if name in row["request"]},
        }  # fmt: skip
        yield Moment(
            moment_of(row["id"]), Kind.COMMAND, row["id"],
            f"command to {row['operation']} at {row['provider']} committed and leased, "
            f"now {row['state']}", _door(row), details,
        )  # fmt: skip
        yield from _since(row)


@dataclass(frozen=True, slots=True)
class Came:
    """By which door the outcome came that an event tells of, and when it stands in the timeline."""

    door: str
    at: datetime


def of_events(rows: Iterable[Row]) -> dict[str, Came]:
    """Return what the commands tell of the events that their outcomes led to."""
    return {
        event: Came(entry["door"], at)
        for row in rows
        for entry, at in _in_order(row)
        for event in entry.get("events", ())
    }


def _from_before(row: Row) -> bool:
    """Tell whether an earlier release, which recorded no history, had this command in hand."""
    history = row["history"] or ()
    if any(entry["what"] == What.UNRECORDED for entry in history):
        return True
    told = any(entry["what"] != What.LATE_OUTCOME for entry in history)
    return not told and (bool(row["inquiries"]) or row["evidence"] is not None)


def _door(row: Row) -> str | None:
    """Return by which door a command was settled, None while it is open."""
    if row["state"] != "done":
        return None
    entries = row["history"] or ()
    decided: list[str] = [entry["door"] for entry in entries if _decides(entry)]
    if decided:
        return decided[-1]
    if _asked_untold(row):
        return NOT_RECORDED
    came: list[str] = [entry["door"] for entry in entries if entry["what"] == What.OUTCOME]
    if came:
        return came[-1]
    return NOT_RECORDED if _from_before(row) else Door.REPLY.value


def _decides(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry settles its command, whatever came before or after."""
    if entry["what"] == What.OUTCOME:
        return entry.get("outcome") in _DECIDED
    return bool(entry["what"] == What.GIVEN_UP)


def _asked_untold(row: Row) -> bool:
    """Tell whether a process of an earlier release, beside ours, asked and did not say so."""
    whats = [entry["what"] for entry in row["history"] or ()]
    if What.LEFT_OUT in whats or What.UNRECORDED in whats:
        return False
    return bool(row["inquiries"] > sum(what in _CALLS for what in whats))


def _since(row: Row) -> Iterator[Moment]:
    named = f"{row['operation']} {row['id']}"
    for entry, at in _in_order(row):
        yield from _told(row, named, entry, at)


def _in_order(row: Row) -> Iterator[tuple[Mapping[str, Any], datetime]]:
    """Return each entry with its moment, each later than the one before and than its events.

    Several processes wrote them, in this order, each by a clock of its own.
    """
    at = moment_of(row["id"])
    for entry in row["history"] or ():
        at = max(at + _STEP, _moment(entry) or at)
        yield entry, at
        at = max((at, *map(moment_of, entry.get("events", ()))))


def _told(row: Row, named: str, entry: Mapping[str, Any], at: datetime) -> Iterator[Moment]:
    what = What(entry["what"])
    if what is What.LEFT_OUT:
        count = f"{entry['count']} calls and outcomes of {named} left out here"
        yield Moment(at, Kind.CALL, row["id"], count)
    elif what in _CALLS:
        details = {"fence": entry["fence"], "writer": entry["writer"]}
        if what is What.TAKEN_OVER:
            yield Moment(
                at, Kind.LEASE, row["id"],
                f"lease of {named} ran out; nobody knows whether it was sent", None, details,
            )  # fmt: skip
        yield Moment(at, Kind.CALL, row["id"], f"{named} {_CALLS[what]}", None, details)
    elif what in _OUTCOMES:
        text = f"{named} {_OUTCOMES[what].format(outcome=entry.get('outcome'))}"
        if entry.get("evidence"):
            text += f": {entry['evidence']}"
        yield Moment(at, Kind.OUTCOME, row["id"], text, entry["door"])


def _moment(entry: Mapping[str, Any]) -> datetime | None:
    if "at" in entry:
        return datetime.fromisoformat(entry["at"])
    events = entry.get("events")
    return moment_of(events[0]) if events else None
