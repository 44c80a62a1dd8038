"""What the outcome of a refund changes, early or late."""

from __future__ import annotations

from typing import assert_never

from hazina.balances.line import Line
from hazina.commands.command import change, waiting
from hazina.ledger import shapes
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.refund import Refund
from hazina.payments.subject import Effect, Subject, ended, evidence, owed
from hazina.payments.view import charge_view, refund_view
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
from hazina.values import replace


def apply_refund(
    draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int
) -> Effect:
    """Write what the outcome of a refund means."""
    refund, command = subject.refund, subject.command
    assert refund is not None
    match outcome:
        case Approved():
            return ended(draft, command, _refunded(draft, subject, refund))
        case Declined():
            return ended(draft, command, _refund_failed(draft, subject, refund, outcome))
        case NotSent() | NotFound():
            draft.settle(owed(command, next_ms, outcome))
            return _refund_pending(draft, subject, refund)
        case Pending() | Unknown() | ActionRequired():
            draft.settle(waiting(command, next_ms, evidence(outcome)))
            return _refund_pending(draft, subject, refund)
        case _ as never:
            assert_never(never)


def _refunded(draft: Draft, subject: Subject, refund: Refund) -> Effect:
    charge, merchant = subject.charge, draft.merchant
    line_id = refund.balance_transaction or _line(draft, charge, refund, "refund", -refund.amount)
    draft.transfers.extend(
        shapes.refund_posted(
            refund_id=refund.id, merchant_id=merchant.merchant_id, provider=charge.provider,
            currency=refund.currency, livemode=merchant.livemode,
            from_available=refund.from_available, clearing_slot=refund.clearing_slot,
        )
    )  # fmt: skip
    charge_now = replace(
        charge, amount_refunded=charge.amount_refunded + refund.amount,
        amount_refund_reserved=charge.amount_refund_reserved - refund.amount,
        revision=charge.revision + 1,
    )  # fmt: skip
    refund_now = replace(
        refund, status="succeeded", balance_transaction=line_id, revision=refund.revision + 1
    )
    draft.put(charge, charge_now)
    draft.put(refund, refund_now)
    _refund_event(draft, refund, refund_now)
    draft.event("charge.refunded", charge_now, charge_view, charge)
    return Effect(replace(subject, charge=charge_now, refund=refund_now))


def _line(draft: Draft, charge: Charge, refund: Refund, type: str, amount: int) -> str:
    """Add a line to the merchant's balance; return its id."""
    line_id = draft.ids.new("txn")
    draft.line(
        Line(
            draft.merchant.merchant_id, line_id, type, amount, 0, refund.currency, refund.id,
            charge.id, charge.available_on or draft.now, draft.now,
        )
    )  # fmt: skip
    return line_id


def _refund_event(draft: Draft, old: Refund, new: Refund) -> None:
    """A refund is created where it is first seen, and updated afterwards."""
    if old.revision == 0:
        draft.event("refund.created", new, refund_view)
    else:
        draft.event("refund.updated", new, refund_view, old)
        draft.event("charge.refund.updated", new, refund_view, old)
    if new.status == "failed":
        draft.event("refund.failed", new, refund_view)


def _refund_failed(draft: Draft, subject: Subject, refund: Refund, outcome: Declined) -> Effect:
    charge, merchant = subject.charge, draft.merchant
    draft.transfers.extend(
        shapes.refund_voided(
            refund_id=refund.id, merchant_id=merchant.merchant_id, provider=charge.provider,
            currency=refund.currency, livemode=merchant.livemode,
            from_available=refund.from_available, clearing_slot=refund.clearing_slot,
        )
    )  # fmt: skip
    charge_now = replace(
        charge, amount_refund_reserved=charge.amount_refund_reserved - refund.amount
    )
    # A refund that was seen while it was pending has its line; what was never taken needs none.
    given_back = None
    if refund.balance_transaction is not None:
        given_back = _line(draft, charge, refund, "refund_failure", refund.amount)
    refund_now = replace(
        refund, status="failed", failure_reason=_failure_reason(outcome),
        failure_balance_transaction=given_back, revision=refund.revision + 1,
    )  # fmt: skip
    draft.put(charge, charge_now)
    draft.put(refund, refund_now)
    _refund_event(draft, refund, refund_now)
    return Effect(replace(subject, charge=charge_now, refund=refund_now))


def _refund_pending(draft: Draft, subject: Subject, refund: Refund) -> Effect:
    if refund.revision > 0:
        return Effect(subject)
    # The amount is reserved in the ledger, and so is already gone from the balance.
    line_id = _line(draft, subject.charge, refund, "refund", -refund.amount)
    refund_now = replace(refund, balance_transaction=line_id, revision=1)
    draft.put(refund, refund_now)
    draft.event("refund.created", refund_now, refund_view)
    return Effect(replace(subject, refund=refund_now))


def apply_late(draft: Draft, subject: Subject, outcome: Outcome | NotFound) -> Effect:
    """A refund that had succeeded may still fail at the customer's bank; nothing else changes."""
    refund = subject.refund
    late_failure = (
        refund is not None and isinstance(outcome, Declined) and refund.status == "succeeded"
    )
    if not late_failure:
        return Effect(subject)
    assert refund is not None
    assert isinstance(outcome, Declined)
    charge, merchant = subject.charge, draft.merchant
    available = charge.funds == "available"
    line_id = _line(draft, charge, refund, "refund_failure", refund.amount)
    draft.transfers.extend(
        shapes.refund_failure(
            refund_id=refund.id, merchant_id=merchant.merchant_id, provider=charge.provider,
            currency=refund.currency, livemode=merchant.livemode, amount_minor=refund.amount,
            from_available=available, slot=draft.slot, overdraft_minor=merchant.overdraft_minor,
        )
    )  # fmt: skip
    charge_now = replace(
        charge, amount_refunded=charge.amount_refunded - refund.amount,
        revision=charge.revision + 1,
    )  # fmt: skip
    refund_now = replace(
        refund, status="failed", failure_reason=_failure_reason(outcome),
        failure_balance_transaction=line_id, revision=refund.revision + 1,
    )  # fmt: skip
    draft.put(charge, charge_now)
    draft.put(refund, refund_now)
    if subject.command.history is not None:
        draft.settle(change(subject.command))
    draft.event("charge.updated", charge_now, charge_view, charge)
    _refund_event(draft, refund, refund_now)
    return Effect(replace(subject, charge=charge_now, refund=refund_now))


def _failure_reason(outcome: Declined) -> str:
    known = {"lost_or_stolen_card", "expired_or_canceled_card", "declined", "insufficient_funds"}
    return outcome.decline_code if outcome.decline_code in known else "unknown"
