"""A checkout session: what is sold, to whom, until when; it ends complete or expired, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from hazina.db.table import Row

TABLE = "checkout_session"


class Status(StrEnum):
    """Where a session stands; `complete` and `expired` never change."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Session:
    """One row of `checkout_session`. `amount` is the total in minor units of `currency`.

    `payment_intent` is set once, before the first attempt to pay, and never changes: one session
    never takes two payments. `look_at` is when a worker must look at the session next, at first
    when it expires. `revision` counts visible versions and numbers the events.
    """

    merchant_id: str
    id: str
    created: datetime
    expires_at: datetime
    look_at: datetime
    currency: str
    amount: int
    line_items: list[dict[str, Any]]
    status: Status = Status.OPEN
    payment_status: str = "unpaid"
    details: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    customer: str | None = None
    payment_intent: str | None = None
    payment_link: str | None = None
    revision: int = 1
    version: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.id)

    def begun(self, payment_intent: str, customer: str | None, payer: Mapping[str, Any]) -> Session:
        """Return the open session with its one payment and the person who tries to pay."""
        assert self.status is Status.OPEN
        assert self.payment_intent in (None, payment_intent), f"{self.id} has its payment already"
        details = dict(self.details) | {"payer": dict(payer)}
        return replace(
            self, payment_intent=payment_intent, customer=customer, details=details,
            revision=self.revision + 1,
        )  # fmt: skip

    def completed(self, paid: bool) -> Session:
        """Return the session after its payment was authorized, and taken if `paid`."""
        assert self.status is not Status.EXPIRED, f"{self.id} expired and cannot be completed"
        return replace(
            self, status=Status.COMPLETE, payment_status="paid" if paid else "unpaid",
            revision=self.revision + 1,
        )  # fmt: skip

    def expired(self) -> Session:
        """Return the session after its end without a payment."""
        assert self.status is Status.OPEN
        return replace(self, status=Status.EXPIRED, revision=self.revision + 1)


class Next(Enum):
    """What must be done with a session, now that its payment stands where it stands."""

    NOTHING = "nothing"
    COMPLETE_PAID = "complete_paid"
    COMPLETE_UNPAID = "complete_unpaid"
    EXPIRE = "expire"
    CANCEL_PAYMENT = "cancel_payment"
    WAIT = "wait"


def next_step(session: Session, intent_status: str | None, now: datetime, end: bool) -> Next:
    """Decide what follows from the status of the session's payment, None if there is none.

    A session expires only when its payment can no longer succeed: where one was begun, it is
    canceled first, and the session follows the payment's own last state. `end` asks for expiry
    before its time.
    """
    match session.status, intent_status:
        case Status.EXPIRED, _:
            return Next.NOTHING
        case Status.COMPLETE, "succeeded" if session.payment_status == "unpaid":
            return Next.COMPLETE_PAID
        case Status.COMPLETE, _:
            return Next.NOTHING
        case _, "succeeded":
            return Next.COMPLETE_PAID
        case _, "requires_capture":
            return Next.COMPLETE_UNPAID
        case _, "canceled":
            return Next.EXPIRE
    if not end and now < session.expires_at:
        return Next.NOTHING
    if intent_status is None:
        return Next.EXPIRE
    return Next.WAIT if intent_status == "processing" else Next.CANCEL_PAYMENT


_COLUMNS = tuple(f.name for f in fields(Session) if f.name != "version")


def from_row(row: Row) -> Session:
    """Read a stored row."""
    values = {name: row[name] for name in (*_COLUMNS, "version")}
    values["status"] = Status(values["status"])
    return Session(**values)


def to_row(session: Session) -> dict[str, Any]:
    """Return the row to insert."""
    row = {name: getattr(session, name) for name in _COLUMNS}
    return row | {"status": session.status.value, "details": dict(session.details)}


def changes(before: Session, after: Session) -> dict[str, Any]:
    """Return the columns that differ."""
    old, new = to_row(before), to_row(after)
    return {name: value for name, value in new.items() if old[name] != value}
