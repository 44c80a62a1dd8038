"""Reads what was stored of a payment and puts it in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from hazina.db.table import Row
from hazina.ids import derived, first_id_of, moment_of
from hazina.invariants.check import Fetch
from hazina.ledger.chart import AccountCode, currency_of
from hazina.timeline.commands import Came, of_commands, of_events
from hazina.timeline.moment import NOT_RECORDED, Kind, Moment, Timeline

FILES = (Path(__file__).parent / "timeline.sql",)
"""The files of named queries that a reader must have loaded."""

_ENTRIES = (
    "authorization", "capture", "capture_fee", "capture_release", "void", "refund_reservation",
    "refund_posted", "refund_voided", "refund_failure", "funds_released",
)  # fmt: skip
_PENDING, _POST, _VOID = 2, 4, 8
_CLOCKS_APART_S = 3_600
"""So far apart the clocks of processes may be without an event being missed."""


async def find(fetch: Fetch, object_id: str, merchant_id: str | None = None) -> Timeline | None:
    """Tell the story of a payment or setup by its id, or that of a charge or refund of it.

    None for an id that is unknown. Only reads.
    """
    found = await fetch("timeline_find", {"id": object_id, "merchant_id": merchant_id})
    if not found:
        return None
    key = {"merchant_id": found[0]["merchant_id"], "id": found[0]["id"]}
    (shown,) = await fetch("timeline_object", key)
    charges = await fetch("timeline_charges", key)
    refunds = await fetch("timeline_refunds", key)
    commands = await fetch("timeline_commands", key)
    objects = [key["id"], *(row["id"] for row in (*charges, *refunds))]
    references = [row["id"] for row in commands]
    known = key | {"ids": objects}
    callbacks = await fetch("timeline_callbacks", {"ids": references})
    events = await fetch("timeline_events", known | {"first": _first_event(key["id"])})
    moments = [
        *_keys(await fetch("timeline_keys", key | {"ids": objects + references})),
        *_attempts(charges),
        *_refunds(refunds),
        *of_commands(commands),
        *_callbacks(callbacks),
        *_events(events, of_events(commands)),
        *_entries(await fetch("timeline_transfers", {"ids": _transfer_ids(objects, references)})),
        *_lines(await fetch("timeline_lines", known)),
        *_deliveries(await fetch("timeline_deliveries", {"ids": [row["id"] for row in events]})),
    ]
    moments.sort(key=lambda moment: (moment.at, moment.kind))
    return Timeline(key["merchant_id"], key["id"], shown["status"], tuple(moments))


def _first_event(object_id: str) -> str:
    """Return the lowest id of an event as old as the object: ids tell when they were made.

    Each process tells by a clock of its own: an event may be older by its id than its object is.
    """
    return first_id_of("evt", int(moment_of(object_id).timestamp()) - _CLOCKS_APART_S)


def _transfer_ids(objects: Sequence[str], references: Sequence[str]) -> list[UUID]:
    """Return the ids of all transfers that entries about these could have made."""
    return [
        derived("transfer", entry, about) for entry in _ENTRIES for about in (*objects, *references)
    ]


def _keys(rows: Iterable[Row]) -> Iterator[Moment]:
    for row in rows:
        state = "answered" if row["answered"] else "not answered yet"
        if row["fence"] > 1:
            state += ", by a later request than the first"
        details = {"request_id": row["request_id"], "code": row["code"], "fence": row["fence"]}
        yield Moment(
            row["created"], Kind.KEY, row["operation"],
            f"idempotency key claimed for {row['route']}: {state}", "request", details,
        )  # fmt: skip


def _attempts(rows: Iterable[Row]) -> Iterator[Moment]:
    for row in rows:
        failure = row["failure"] or {}
        details = {
            "status": row["status"], "captured": row["amount_captured"],
            "provider_reference": row["provider_reference"], "failure": failure.get("code"),
            "held": row["hold"] is not None, "funds": row["funds"],
            "capture_before": row["capture_before"], "available_on": row["available_on"],
        }  # fmt: skip
        yield Moment(
            moment_of(row["id"]), Kind.ATTEMPT, row["id"],
            f"attempt of {row['amount']} {row['currency']} by {row['payment_method']} at "
            f"{row['provider']}, now {row['status']}", None, details,
        )  # fmt: skip


def _refunds(rows: Iterable[Row]) -> Iterator[Moment]:
    for row in rows:
        yield Moment(
            moment_of(row["id"]), Kind.ATTEMPT, row["id"],
            f"refund of {row['amount']} {row['currency']} of {row['charge']}, now {row['status']}",
            None, {"failure_reason": row["failure_reason"]},
        )  # fmt: skip


def _callbacks(rows: Iterable[Row]) -> Iterator[Moment]:
    for row in rows:
        details = {"tries": row["tries"], "reason": row["reason"]}
        yield Moment(
            row["received"], Kind.CALLBACK, row["deduplication_key"],
            f"callback of {row['connector']} about {row['reference']} kept, now {row['state']}",
            "callback", details,
        )  # fmt: skip


def _events(rows: Iterable[Row], told: Mapping[str, Came]) -> Iterator[Moment]:
    for row in rows:
        request = orjson.loads(bytes(row["body"])).get("request") or {}
        # What a first reply settled tells of no door; then the request is known, or nothing is.
        at, door = moment_of(row["id"]), "request" if request.get("id") else NOT_RECORDED
        if came := told.get(row["id"]):
            at, door = max(at, came.at), came.door
        details = {"sequence": row["sequence"], "request_id": request.get("id")}
        yield Moment(
            at, Kind.EVENT, row["id"], f"{row['type']} of {row['object_id']}", door, details
        )


def _entries(rows: Iterable[Row]) -> Iterator[Moment]:
    for row in rows:
        flags = row["flags"]
        phase = (
            "held" if flags & _PENDING else "posted" if flags & _POST
            else "released" if flags & _VOID else "booked"
        )  # fmt: skip
        names = [AccountCode(row[side]).name.lower() for side in ("debit_code", "credit_code")]
        yield Moment(
            row["created_at"], Kind.ENTRY, str(row["id"]),
            f"ledger entry {row['entry']}: {int(row['amount'])} {currency_of(row['ledger'])} "
            f"{phase}, {names[0]} to {names[1]}",
            None, {"batch": f"{row['slot']}/{row['sequence']}", "reference": row["reference"]},
        )  # fmt: skip


def _lines(rows: Iterable[Row]) -> Iterator[Moment]:
    for row in rows:
        yield Moment(
            moment_of(row["id"]), Kind.LINE, row["id"],
            f"balance line {row['type']}: {row['amount']} {row['currency']}, fee {row['fee']}",
            None, {"source": row["source"], "available_on": row["available_on"]},
        )  # fmt: skip


def _deliveries(rows: Iterable[Row]) -> Iterator[Moment]:
    for row in rows:
        details: dict[str, Any] = {"last_status": row["last_status"], "next_at": row["next_at"]}
        yield Moment(
            row["created"], Kind.WEBHOOK, row["event_id"],
            f"webhook of {row['event_id']} to {row['endpoint']}: {row['state']} after "
            f"{row['attempts']} attempts", None, details,
        )  # fmt: skip


def as_json(timeline: Timeline) -> dict[str, Any]:
    """Return a timeline as plain values."""
    return {
        "merchant_id": timeline.merchant_id, "id": timeline.id, "status": timeline.status,
        "moments": [
            {
                "at": _iso(moment.at), "kind": moment.kind.name.lower(), "id": moment.id,
                "text": moment.text, "door": moment.door,
                "details": {k: _plain(v) for k, v in moment.details.items()},
            }
            for moment in timeline.moments
        ],
    }  # fmt: skip


def _plain(value: Any) -> Any:
    return _iso(value) if isinstance(value, datetime) else value


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
