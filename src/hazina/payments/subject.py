"""What an outcome is about, what came of it, and the steps that several outcomes share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hazina.clock import unix
from hazina.commands.command import Command, State, change, settled
from hazina.ledger import shapes
from hazina.payment_methods.method import PaymentMethod
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import Intent, IntentStatus
from hazina.payments.refund import Refund
from hazina.payments.view import intent_view
from hazina.rails.outcome import (
    Declined,
    NotFound,
    NotSent,
    Pending,
    Unknown,
)
from hazina.rails.outcome import evidence as evidence
from hazina.refusals import Refusal
from hazina.values import replace, value

_S = IntentStatus
NO = (Declined, NotSent, NotFound)
"""The outcomes that mean that what was asked for did not happen."""


@value
class Subject:
    """A command and the objects that its outcome changes, as they were read.

    `method` is the stored one that is paid with. It is there where the customer is to keep it, and
    where a no is to show it.
    """

    command: Command
    intent: Intent
    charge: Charge
    refund: Refund | None = None
    method: PaymentMethod | None = None


@value
class Effect:
    """What became of the objects, and the refusal that the caller reads if it is a no."""

    subject: Subject
    refusal: Refusal | None = None


def processing(draft: Draft, subject: Subject, outcome: Pending | Unknown, next_ms: int) -> Effect:
    """Show that nobody knows yet, once; later inquiries change only the command."""
    intent = subject.intent
    if intent.status is _S.PROCESSING:
        return Effect(subject)
    known = {
        "outcome": "pending" if isinstance(outcome, Pending) else "unknown",
        "operation": subject.command.operation.value, "reason": evidence(outcome),
        "since": unix(draft.now),
        "next_inquiry_at": unix(draft.now + timedelta(milliseconds=next_ms)),
    }  # fmt: skip
    intent_now = replace(
        intent, status=_S.PROCESSING, unknown=known, next_action=None,
        latest_charge=subject.charge.id if subject.charge.revision else intent.latest_charge,
        revision=intent.revision + 1,
    )  # fmt: skip
    draft.put(intent, intent_now)
    draft.event("payment_intent.processing", intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now))


def ended(draft: Draft, command: Command, effect: Effect) -> Effect:
    """Mark the command done with what came of it; a refusal is kept for who asks later."""
    draft.settle(settled(command, effect.refusal))
    return effect


def let_go(subject: Subject) -> Intent:
    """Return the intent without the command's operation; one that another holds stays open."""
    if subject.intent.operation != subject.command.id:
        return subject.intent
    return replace(subject.intent, operation=None, operation_kind=None)


def reworded(intent: Intent, command: Command) -> Intent:
    """Return the intent with the words that were sent along with an operation, now that it took."""
    words = command.request.get("words")
    if not words:
        return intent
    return replace(
        intent, details=words.get("details", intent.details),
        metadata=words.get("metadata", intent.metadata),
    )  # fmt: skip


def never_happened() -> Declined:
    """Return the no that a proof of nothing done amounts to."""
    return Declined(
        "processing_error",
        "The payment could not be processed and nothing was charged. Try again.",
        code="processing_error",
    )


def void_authorization(draft: Draft, charge: Charge) -> None:
    """Release in the ledger what is left of the authorization."""
    merchant = draft.merchant
    draft.transfers.extend(
        shapes.void(
            attempt_id=charge.id, merchant_id=merchant.merchant_id, provider=charge.provider,
            currency=charge.currency, livemode=merchant.livemode,
            clearing_slot=charge.clearing_slot, hold=charge.hold,
        )
    )  # fmt: skip


def owed(command: Command, next_ms: int, outcome: NotSent | NotFound, *, anew: bool = False) -> Any:
    """An obligation that provably did not happen is sent again, under the same reference.

    `anew` has the schedule of inquiries begin from its start: somebody waits for this one.
    """
    begun = {"inquiries": 0} if anew else {}
    return change(
        command, state=State.RESEND.value, lease_until=None, next_at=next_ms,
        evidence=evidence(outcome), **begun,
    )  # fmt: skip
