"""A command: one instruction for a provider, leased to whoever may send it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from hazina.db.table import Row
from hazina.db.unit import Insert, RowVersion, Update
from hazina.rails.contract import Operation, OperationRequest
from hazina.refusals import Code, Refusal
from hazina.values import value

_OBJECTS = ("payment_intent", "setup_intent")


class State(StrEnum):
    """Where a command stands.

    leased: its holder may send until the lease runs out; afterwards nobody knows whether it did.
    waiting: sent, or perhaps sent; it is asked about at `next_at`.
    resend: proved not to have happened and still owed; it is sent again, same reference.
    done: its outcome is applied.
    """

    LEASED = "leased"
    WAITING = "waiting"
    RESEND = "resend"
    DONE = "done"


@value
class Command:
    """What must be done at a provider. The reference that travels is the command's id."""

    merchant_id: str
    id: str
    operation: Operation
    provider: str
    payment_intent: str
    charge: str
    refund: str | None
    request: dict[str, Any]
    state: State
    fence: int
    inquiries: int
    evidence: str | None
    """What the last word about it was, while it has no outcome; None before there is any."""
    version: int
    refusal: dict[str, Any] | None = None
    """What a client is told whose operation came to a no."""
    history: Sequence[dict[str, Any]] | None = None
    """What happened to it since it was issued (`history.py`); None if its first reply settled it,
    or if nothing did yet."""

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.id)

    def to_request(self) -> OperationRequest:
        """Return what the connector is given."""
        request = self.request
        return OperationRequest(
            operation=self.operation,
            reference=self.id,
            amount_minor=request["amount_minor"],
            currency=request["currency"],
            subject_reference=request.get("subject_reference"),
            payment_method=request.get("payment_method"),
            capture=request.get("capture", False),
            several_captures=request.get("several_captures", False),
            final=request.get("final", True),
            customer_absent=request.get("customer_absent", False),
            return_url=request.get("return_url"),
            metadata=request.get("metadata") or {},
        )


def from_row(row: Row) -> Command:
    """Read a command back."""
    return Command(
        row["merchant_id"], row["id"], Operation(row["operation"]), row["provider"],
        row["payment_intent"], row["charge"], row["refund"], row["request"], State(row["state"]),
        row["fence"], row["inquiries"], row["evidence"], row["version"], row["refusal"],
        row["history"],
    )  # fmt: skip


def issue(command: Command, lease_ms: int, created: Any) -> Insert:
    """Record a command that is already leased to us."""
    return Insert(
        "command",
        {
            "merchant_id": command.merchant_id, "id": command.id,
            "operation": command.operation.value, "provider": command.provider,
            "payment_intent": command.payment_intent, "charge": command.charge,
            "refund": command.refund, "request": command.request, "state": command.state.value,
            "fence": command.fence, "lease_until": lease_ms, "sent_at": 0, "next_at": None,
            "inquiries": 0, "evidence": None, "created": created,
        },
    )  # fmt: skip


def change(command: Command, **changes: Any) -> tuple[RowVersion, Update]:
    """Change a command under its version; `*_ms` durations count from the database's now().

    What the command tells of itself goes along, if it tells anything.
    """
    if command.history is not None:
        changes["history"] = command.history
    return (
        RowVersion("command", command.key, command.version),
        Update("command", command.key, command.version, changes),
    )


def settled(command: Command, refusal: Refusal | None = None) -> tuple[RowVersion, Update]:
    """Mark a command done: its outcome is applied in the same unit of work.

    A refusal is kept for whoever asks later; of the objects that it shows only the names are, for
    they change.
    """
    changes: dict[str, Any] = {"state": State.DONE.value, "lease_until": None, "next_at": None}
    if refusal is not None:
        details = {
            name: None if name in _OBJECTS else told for name, told in refusal.details.items()
        }
        changes["refusal"] = {
            "code": refusal.code.value, "message": refusal.message, "details": details,
        }  # fmt: skip
    return change(command, **changes)


def refused(command: Command, shown: Mapping[str, Any]) -> Refusal | None:
    """Return the refusal that a command came to, None if it came to none.

    `shown` holds the objects that it shows, as they are now.
    """
    if command.refusal is None:
        return None
    kept = command.refusal
    details = {name: shown.get(name, told) for name, told in kept["details"].items()}
    return Refusal(Code(kept["code"]), kept["message"], details=details)


def waiting(command: Command, next_ms: int, evidence: str) -> tuple[RowVersion, Update]:
    """Ask about it later."""
    return change(
        command, state=State.WAITING.value, lease_until=None, next_at=next_ms, evidence=evidence
    )
