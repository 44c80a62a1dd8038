"""The provider's books: every operation under its reference, kept in a journal file."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from hazina.connectors.sandbox.simulator.behaviours import REASONS, Behaviour, behaviour_of

APPROVED, DECLINED, PENDING = "approved", "declined", "pending"
ACTION_REQUIRED, FAILED = "action_required", "failed"


@dataclass(slots=True)
class Entry:
    """One operation as the provider remembers it; the totals belong to authorizations."""

    reference: str
    operation: str
    subject_reference: str | None
    amount: int
    currency: str
    capture: bool
    payment_method: str | None
    return_url: str | None
    faults: tuple[str, ...]
    delay_ms: int
    id: str = ""
    state: str = PENDING
    reason: str | None = None
    voided: bool = False
    captured: int = 0
    refunded: int = 0
    # Newer fields stand last, so that an older journal can still be read.
    several_captures: bool = False
    final: bool = True
    customer_absent: bool = False
    incremented: int = 0
    closed: bool = False

    def same_request(self, other: Entry) -> bool:
        """Return whether both ask for the same thing."""
        return (
            self.operation == other.operation
            and self.amount == other.amount
            and self.currency == other.currency
            and self.subject_reference == other.subject_reference
            and self.capture == other.capture
            and self.payment_method == other.payment_method
            and self.final == other.final
        )


_FIELDS = tuple(field.name for field in fields(Entry))


class Books:
    """Entries in memory, each written to the journal before anybody is told of it.

    A line reaches the operating system before the answer is sent, so a killed process loses
    nothing that it said. A half-written last line was never spoken of and is cut off.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.entries: dict[str, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._faulted: set[str] = set()
        path = folder / "journal.jsonl"
        self._read(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _read(self, path: Path) -> None:
        if not path.exists():
            return
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) != len(content):
            os.truncate(path, len(whole))
        for line in whole.splitlines():
            values = orjson.loads(line)
            if isinstance(values, dict):
                self._faulted.add(values["faulted"])
                continue
            entry = Entry(**dict(zip(_FIELDS, values, strict=False)))
            entry.faults = tuple(entry.faults)
            self.entries[entry.reference] = entry
            self._by_id[entry.id] = entry

    def close(self) -> None:
        """Close the journal."""
        os.close(self._file)

    def _write(self, line: Any) -> None:
        os.write(self._file, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def _keep(self, *changed: Entry) -> None:
        # One write for all entries that change together, so that a kill cannot part them.
        lines = b"".join(
            orjson.dumps([getattr(e, name) for name in _FIELDS], option=orjson.OPT_APPEND_NEWLINE)
            for e in changed
        )
        os.write(self._file, lines)

    def by_id(self, identifier: str) -> Entry | None:
        """Return the entry with the provider's own identifier."""
        return self._by_id.get(identifier)

    def first_fault(self, key: str) -> bool:
        """Return True the first time only; a fault strikes an operation once."""
        if key in self._faulted:
            return False
        self._faulted.add(key)
        self._write({"faulted": key})
        return True

    def record(self, entry: Entry, *, decline: str | None = None, pending: bool = False) -> Entry:
        """Decide a new operation, move the totals and keep it. `decline` forces a refusal."""
        entry.id = f"sbx_{len(self.entries) + 1:08d}"
        subject = self.entries.get(entry.subject_reference or "")
        entry.state, entry.reason = self._decide(entry, subject, decline, pending)
        self.entries[entry.reference] = entry
        self._by_id[entry.id] = entry
        touched = self._move(entry, subject)
        self._keep(entry, *touched)
        return entry

    def settle(self, entry: Entry, state: str, reason: str | None = None) -> None:
        """Make a pending or challenged operation final, or let an approved refund fail."""
        subject = self.entries.get(entry.subject_reference or "")
        before = entry.state
        entry.state, entry.reason = state, reason
        touched: tuple[Entry, ...] = ()
        if entry.operation == "authorize" and state == APPROVED:
            touched = self._move(entry, subject)
        elif subject is not None and state in (DECLINED, FAILED) and before != state:
            touched = self._move(entry, subject, sign=-1)
        self._keep(entry, *touched)

    def _decide(
        self, entry: Entry, subject: Entry | None, decline: str | None, pending: bool
    ) -> tuple[str, str | None]:
        if entry.operation in ("authorize", "verify"):
            behaviour = behaviour_of(entry.payment_method or "") or Behaviour()
            if entry.operation == "verify":
                behaviour = behaviour.when_set_up()
            if decline is None and behaviour.challenge and not entry.customer_absent:
                return ACTION_REQUIRED, None
            if decline is None and behaviour.settles_after_ms:
                return PENDING, None
            absent = "authentication_required" if behaviour.challenge else None
            reason = decline or absent or behaviour.decline
        else:
            reason = decline or _bound(entry, subject)
        if reason is not None:
            return DECLINED, reason
        if entry.operation == "refund" and subject is not None:
            behaviour = behaviour_of(subject.payment_method or "") or Behaviour()
            pending = pending or behaviour.refund == "pending"
        return (PENDING, None) if pending else (APPROVED, None)

    def _move(self, entry: Entry, subject: Entry | None, sign: int = 1) -> tuple[Entry, ...]:
        # A pending operation counts against the bounds too, or two could exceed them together.
        if (sign > 0 and entry.state not in (APPROVED, PENDING)) or entry.operation == "verify":
            return ()
        if entry.operation == "authorize":
            if entry.capture and entry.state == APPROVED:
                entry.captured = entry.amount
            return ()
        assert subject is not None
        match entry.operation:
            case "increment":
                subject.incremented += sign * entry.amount
            case "capture":
                subject.captured += sign * entry.amount
                subject.closed = sign > 0 and subject.several_captures and entry.final
            case "refund":
                subject.refunded += sign * entry.amount
            case _ if subject.captured:
                subject.closed = sign > 0
            case _:
                subject.voided = sign > 0
        return (subject,)


def _bound(entry: Entry, subject: Entry | None) -> str | None:
    """Return why the provider refuses this capture, void or refund, or None."""
    if subject is None or subject.operation != "authorize":
        return "no_such_authorization"
    if subject.currency != entry.currency:
        return "currency_mismatch"
    if subject.voided:
        return "authorization_voided"
    if entry.operation == "void":
        open_states = (APPROVED, PENDING, ACTION_REQUIRED)
        if subject.state not in open_states:
            return "authorization_not_approved"
        several = subject.several_captures and not subject.closed
        return "already_captured" if subject.captured and not several else None
    if subject.state != APPROVED:
        return "authorization_not_approved"
    if entry.operation == "increment":
        return "already_captured" if subject.captured else None
    if entry.operation == "capture":
        authorized = subject.amount + subject.incremented
        if subject.captured + entry.amount > authorized:
            return "capture_exceeds_authorization"
        return "already_captured" if subject.closed else None
    if entry.operation == "refund" and subject.refunded + entry.amount > subject.captured:
        return "refund_exceeds_capture"
    return None


def shown(entry: Entry, redirect_base: str) -> dict[str, Any]:
    """Return an operation as the provider's API shows it."""
    view: dict[str, Any] = {
        "id": entry.id,
        "reference": entry.reference,
        "operation": entry.operation,
        "outcome": DECLINED if entry.state == FAILED else entry.state,
        "amount": entry.amount,
        "currency": entry.currency,
    }
    if entry.reason is not None:
        reason = REASONS[entry.reason]
        view["reason"] = entry.reason
        view["network_code"] = reason.network_code
        view["advice_code"] = reason.advice_code
    elif entry.state == APPROVED:
        view["network_code"] = "00"
        view["authorization_code"] = entry.id[-6:]
    elif entry.state == ACTION_REQUIRED:
        view["redirect_url"] = f"{redirect_base}/authentication/{entry.id}"
    return view
