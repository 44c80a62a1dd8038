"""What the outcome of an increment of an authorization changes."""

from __future__ import annotations

from typing import assert_never

from hazina.commands.command import waiting
from hazina.ledger import shapes
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import IntentStatus
from hazina.payments.subject import (
    Effect,
    Subject,
    ended,
    evidence,
    let_go,
    never_happened,
    processing,
    reworded,
    void_authorization,
)
from hazina.payments.view import charge_view, intent_view
from hazina.rails.outcome import (
    ActionRequired,
    Approved,
    Declined,
    NotFound,
    NotSent,
    Outcome,
    Pending,
    Unknown,
)
from hazina.refusals import Code, Refusal
from hazina.values import replace

_S = IntentStatus


def apply_increment(
    draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int
) -> Effect:
    """Write what the outcome of an increment means; a no leaves what was held before."""
    match outcome:
        case Approved():
            return ended(draft, subject.command, _incremented(draft, subject))
        case Declined():
            return ended(draft, subject.command, _as_it_was(draft, subject, outcome))
        case NotSent() | NotFound():
            # Nobody is owed an increment: the client asks again if it still wants one.
            return ended(draft, subject.command, _as_it_was(draft, subject, never_happened()))
        case Pending() | Unknown() | ActionRequired():
            draft.settle(waiting(subject.command, next_ms, evidence(outcome)))
            return processing(draft, subject, Unknown(evidence(outcome)), next_ms)
        case _ as never:
            assert_never(never)


def _incremented(draft: Draft, subject: Subject) -> Effect:
    intent, charge, command = subject.intent, subject.charge, subject.command
    added = command.request["amount_minor"]
    charge_now = replace(
        charge, amount=charge.amount + added, hold=command.id, revision=charge.revision + 1
    )
    intent_now = replace(
        reworded(let_go(subject), command), status=_S.REQUIRES_CAPTURE,
        amount=intent.amount + added, amount_capturable=intent.amount_capturable + added,
        unknown=None, revision=intent.revision + 1,
    )  # fmt: skip
    void_authorization(draft, charge)
    hold_anew(draft, charge_now, command.id)
    draft.put(charge, charge_now)
    draft.put(intent, intent_now)
    draft.event("charge.updated", charge_now, charge_view, charge)
    draft.event("payment_intent.amount_capturable_updated", intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now, charge=charge_now))


def hold_anew(draft: Draft, charge: Charge, hold: str) -> None:
    """Hold in the ledger what the charge has still to capture; the old hold ends in this unit.

    A pending transfer is resolved once and as a whole, so what it should go on holding is held by
    a new one. It stands in the same accounts, which a capture must find again.
    """
    merchant = draft.merchant
    draft.transfers.extend(
        shapes.authorization(
            attempt_id=charge.id, merchant_id=merchant.merchant_id, provider=charge.provider,
            currency=charge.currency, livemode=merchant.livemode,
            amount_minor=charge.amount - charge.amount_captured, slot=charge.clearing_slot,
            overdraft_minor=merchant.overdraft_minor, hold=hold,
        )
    )  # fmt: skip


def _as_it_was(draft: Draft, subject: Subject, outcome: Declined) -> Effect:
    intent = subject.intent
    intent_now = replace(let_go(subject), unknown=None)
    if intent.status is _S.PROCESSING:
        intent_now = replace(intent_now, status=_S.REQUIRES_CAPTURE, revision=intent.revision + 1)
        draft.event("payment_intent.amount_capturable_updated", intent_now, intent_view)
    draft.put(intent, intent_now)
    refusal = Refusal(
        Code(outcome.code),
        f"{outcome.message} The increment was not made; what was authorized before can still be "
        "captured.",
        details={
            "charge": subject.charge.id, "decline_code": outcome.decline_code,
            "payment_intent": intent_view(intent_now, draft.merchant.livemode),
        },
    )  # fmt: skip
    return Effect(replace(subject, intent=intent_now), refusal)
