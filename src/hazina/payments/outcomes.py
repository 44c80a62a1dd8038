"""What an outcome changes: the one place where replies, callbacks and inquiries all end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, assert_never

from hazina.balances.line import Line
from hazina.clock import unix
from hazina.commands.command import Command, State, change, settled, waiting
from hazina.ledger import shapes
from hazina.money.rounding import basis_points_of
from hazina.payment_methods.service import bypasses_pending
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import Intent, IntentStatus
from hazina.payments.refund import Refund
from hazina.payments.view import advice, charge_view, intent_view, refund_view
from hazina.rails.contract import Operation
from hazina.rails.outcome import (
    ActionRequired,
    Approved,
    Declined,
    NetworkDetails,
    NotFound,
    NotSent,
    Outcome,
    Pending,
    Unknown,
)
from hazina.refusals import Code, Refusal

_S = IntentStatus
FUNDS_DELAY = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Subject:
    """A command and the objects that its outcome changes, as they were read."""

    command: Command
    intent: Intent
    charge: Charge
    refund: Refund | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of the objects, and the refusal that the caller reads if it is a no."""

    subject: Subject
    refusal: Refusal | None = None


def apply(draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int) -> Effect:
    """Write what an outcome means. A command that is done changes nothing but a late failure.

    `NotFound` must be definitive when it comes here. `next_ms` is when to ask again.
    """
    if subject.command.state is State.DONE:
        return _late(draft, subject, outcome)
    match subject.command.operation:
        case Operation.AUTHORIZE:
            return _authorize(draft, subject, outcome, next_ms)
        case Operation.CAPTURE:
            return _capture(draft, subject, outcome, next_ms)
        case Operation.VOID:
            return _void(draft, subject, outcome, next_ms)
        case Operation.REFUND:
            return _refund(draft, subject, outcome, next_ms)
        case _ as never:
            assert_never(never)


def _authorize(draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int) -> Effect:
    if subject.charge.status != "open":
        # The attempt ended otherwise (canceled while the customer was authenticating).
        draft.settle(settled(subject.command))
        return Effect(subject)
    match outcome:
        case Approved():
            draft.settle(settled(subject.command))
            return _authorized(draft, subject, outcome)
        case Declined():
            draft.settle(settled(subject.command))
            return _declined(draft, subject, outcome)
        case NotSent() | NotFound():
            draft.settle(settled(subject.command))
            return _declined(draft, subject, _never_happened())
        case ActionRequired():
            draft.settle(waiting(subject.command, next_ms, "action_required"))
            return _action_required(draft, subject, outcome)
        case Pending() | Unknown():
            draft.settle(waiting(subject.command, next_ms, evidence(outcome)))
            return _processing(draft, subject, outcome, next_ms)
        case _ as never:
            assert_never(never)


def _authorized(draft: Draft, subject: Subject, outcome: Approved) -> Effect:
    intent, charge = subject.intent, subject.charge
    charge_now = replace(
        charge, status="succeeded", provider_reference=outcome.provider_reference,
        network=_network(outcome.network), revision=charge.revision + 1,
    )  # fmt: skip
    intent_now = replace(
        intent, latest_charge=charge.id, operation=None, operation_kind=None, unknown=None,
        next_action=None, last_payment_error=None, revision=intent.revision + 1,
    )  # fmt: skip
    if intent.capture_method == "manual":
        intent_now = replace(
            intent_now, status=_S.REQUIRES_CAPTURE, amount_capturable=intent.amount
        )
        what = "payment_intent.amount_capturable_updated"
    else:
        charge_now = _captured(draft, charge_now, charge.amount, subject.command.id)
        intent_now = replace(intent_now, status=_S.SUCCEEDED, amount_received=charge.amount)
        what = "payment_intent.succeeded"
    draft.put(charge, charge_now)
    draft.put(intent, intent_now)
    draft.event("charge.succeeded", charge_now, charge_view)
    draft.event(what, intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now, charge=charge_now))


def _captured(draft: Draft, charge: Charge, amount: int, operation_id: str) -> Charge:
    merchant = draft.merchant
    fee = basis_points_of(amount, merchant.fee_basis_points)
    at_once = bypasses_pending(charge.payment_method)
    draft.transfers.extend(
        shapes.capture(
            attempt_id=charge.id, operation_id=operation_id, merchant_id=merchant.merchant_id,
            provider=charge.provider, currency=charge.currency, livemode=merchant.livemode,
            amount_minor=amount, fee_minor=fee, to_available=at_once,
            clearing_slot=charge.clearing_slot, slot=draft.slot,
            overdraft_minor=merchant.overdraft_minor,
        )
    )  # fmt: skip
    available_on = draft.now if at_once else draft.now + FUNDS_DELAY
    line_id = draft.ids.new("txn")
    draft.line(
        Line(
            merchant.merchant_id, line_id, "charge", amount, fee, charge.currency, charge.id,
            charge.id, available_on, draft.now,
        )
    )  # fmt: skip
    return replace(
        charge, captured=True, amount_captured=amount, fee=fee,
        funds="available" if at_once else "pending", available_on=available_on,
        balance_transaction=line_id,
    )  # fmt: skip


def _declined(draft: Draft, subject: Subject, outcome: Declined) -> Effect:
    intent, charge = subject.intent, subject.charge
    network = _network(outcome.network)
    failure = {"code": outcome.code, "message": outcome.message}
    if outcome.code == "card_declined":
        failure["decline_code"] = outcome.decline_code
    if outcome.network.network_code is None:
        failure["network_status"] = "not_sent_to_network"
    charge_now = replace(
        charge, status="failed", failure=failure, network=network, revision=charge.revision + 1
    )
    error = payment_error(charge_now)
    intent_now = replace(
        intent, status=_S.REQUIRES_PAYMENT_METHOD, payment_method=None, latest_charge=charge.id,
        operation=None, operation_kind=None, unknown=None, next_action=None,
        last_payment_error=error, revision=intent.revision + 1,
    )  # fmt: skip
    _void_authorization(draft, charge)
    draft.put(charge, charge_now)
    draft.put(intent, intent_now)
    draft.event("charge.failed", charge_now, charge_view)
    draft.event("payment_intent.payment_failed", intent_now, intent_view)
    shown = {k: v for k, v in error.items() if k not in ("type", "code", "message")}
    if not intent.hidden:
        shown["payment_intent"] = intent_view(intent_now, draft.merchant.livemode)
    refusal = Refusal(Code(outcome.code), outcome.message, details=shown)
    return Effect(replace(subject, intent=intent_now, charge=charge_now), refusal)


def payment_error(charge: Charge) -> dict[str, Any]:
    """Return `last_payment_error`: our codes and, apart from them, the network's."""
    failure, network = charge.failure or {}, charge.network or {}
    error = {
        "type": "card_error", "code": failure.get("code"), "message": failure.get("message"),
        "decline_code": failure.get("decline_code"), "charge": charge.id,
        "network_decline_code": network.get("network_code"),
        "network_advice_code": network.get("advice_code"), "advice_code": advice(network),
    }  # fmt: skip
    return {name: value for name, value in error.items() if value is not None}


def _action_required(draft: Draft, subject: Subject, outcome: ActionRequired) -> Effect:
    intent = subject.intent
    if intent.status is _S.REQUIRES_ACTION:
        return Effect(subject)
    action = {
        "type": "redirect_to_url",
        "redirect_to_url": {
            "url": outcome.redirect_url, "return_url": intent.details.get("return_url"),
        },
    }  # fmt: skip
    intent_now = replace(
        intent, status=_S.REQUIRES_ACTION, next_action=action, unknown=None,
        revision=intent.revision + 1,
    )  # fmt: skip
    draft.put(intent, intent_now)
    draft.event("payment_intent.requires_action", intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now))


def _processing(draft: Draft, subject: Subject, outcome: Pending | Unknown, next_ms: int) -> Effect:
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
        revision=intent.revision + 1,
    )  # fmt: skip
    draft.put(intent, intent_now)
    draft.event("payment_intent.processing", intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now))


def _capture(draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int) -> Effect:
    intent, charge, command = subject.intent, subject.charge, subject.command
    match outcome:
        case Approved():
            draft.settle(settled(command))
            amount = command.request["amount_minor"]
            charge_now = _captured(draft, charge, amount, command.id)
            charge_now = replace(charge_now, revision=charge.revision + 1)
            intent_now = replace(
                intent, status=_S.SUCCEEDED, amount_received=amount, amount_capturable=0,
                operation=None, operation_kind=None, unknown=None, revision=intent.revision + 1,
            )  # fmt: skip
            draft.put(charge, charge_now)
            draft.put(intent, intent_now)
            draft.event("charge.captured", charge_now, charge_view)
            draft.event("payment_intent.succeeded", intent_now, intent_view)
            return Effect(replace(subject, intent=intent_now, charge=charge_now))
        case Declined():
            draft.settle(settled(command))
            return _back_to_capturable(draft, subject, outcome)
        case NotSent() | NotFound():
            draft.settle(_owed(command, next_ms, outcome))
            return _processing(draft, subject, Unknown(evidence(outcome)), next_ms)
        case Pending() | Unknown() | ActionRequired():
            draft.settle(waiting(command, next_ms, evidence(outcome)))
            return _processing(draft, subject, Unknown(evidence(outcome)), next_ms)
        case _ as never:
            assert_never(never)


def _back_to_capturable(draft: Draft, subject: Subject, outcome: Declined) -> Effect:
    """A capture or cancel was refused by the provider: the authorization stands as it was."""
    intent = subject.intent
    back = _S.REQUIRES_CAPTURE if subject.charge.status == "succeeded" else intent.status
    intent_now = replace(intent, operation=None, operation_kind=None, unknown=None)
    if intent.status is _S.PROCESSING:
        # Visible again as what it was; only a state that was shown makes an event.
        intent_now = replace(intent_now, status=back, revision=intent.revision + 1)
        draft.event("payment_intent.amount_capturable_updated", intent_now, intent_view)
    draft.put(intent, intent_now)
    refusal = Refusal(
        Code.PROCESSING_ERROR,
        f"The provider refused the {subject.command.operation.value} of {intent.id}: "
        f"{outcome.message} Retrieve the PaymentIntent to see what it still allows.",
    )
    return Effect(replace(subject, intent=intent_now), refusal)


def _void(draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int) -> Effect:
    intent, charge, command = subject.intent, subject.charge, subject.command
    match outcome:
        case Approved():
            draft.settle(settled(command))
            intent_now = replace(
                intent, status=_S.CANCELED, canceled_at=draft.now, amount_capturable=0,
                operation=None, operation_kind=None, unknown=None, next_action=None,
                revision=intent.revision + 1,
                cancellation_reason=command.request.get("cancellation_reason"),
            )  # fmt: skip
            _void_authorization(draft, charge)
            if charge.status == "open":
                # The customer never finished authenticating: the attempt ends unseen.
                draft.put(charge, replace(charge, status="failed"))
            draft.put(intent, intent_now)
            draft.event("payment_intent.canceled", intent_now, intent_view)
            return Effect(replace(subject, intent=intent_now))
        case Declined():
            draft.settle(settled(command))
            return _back_to_capturable(draft, subject, outcome)
        case NotSent() | NotFound():
            draft.settle(_owed(command, next_ms, outcome))
            return _processing(draft, subject, Unknown(evidence(outcome)), next_ms)
        case Pending() | Unknown() | ActionRequired():
            draft.settle(waiting(command, next_ms, evidence(outcome)))
            return _processing(draft, subject, Unknown(evidence(outcome)), next_ms)
        case _ as never:
            assert_never(never)


def _refund(draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int) -> Effect:
    refund, command = subject.refund, subject.command
    assert refund is not None
    match outcome:
        case Approved():
            draft.settle(settled(command))
            return _refunded(draft, subject, refund)
        case Declined():
            draft.settle(settled(command))
            return _refund_failed(draft, subject, refund, outcome)
        case NotSent() | NotFound():
            draft.settle(_owed(command, next_ms, outcome))
            return _refund_pending(draft, subject, refund)
        case Pending() | Unknown() | ActionRequired():
            draft.settle(waiting(command, next_ms, evidence(outcome)))
            return _refund_pending(draft, subject, refund)
        case _ as never:
            assert_never(never)


def _refunded(draft: Draft, subject: Subject, refund: Refund) -> Effect:
    charge, merchant = subject.charge, draft.merchant
    line_id = draft.ids.new("txn")
    available_on = charge.available_on or draft.now
    draft.line(
        Line(
            merchant.merchant_id, line_id, "refund", -refund.amount, 0, refund.currency, refund.id,
            charge.id, available_on, draft.now,
        )
    )  # fmt: skip
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
    draft.event("charge.refunded", charge_now, charge_view)
    return Effect(replace(subject, charge=charge_now, refund=refund_now))


def _refund_event(draft: Draft, old: Refund, new: Refund) -> None:
    """A refund is created where it is first seen, and updated afterwards."""
    draft.event("refund.created" if old.revision == 0 else "refund.updated", new, refund_view)
    if old.revision > 0:
        draft.event("charge.refund.updated", new, refund_view)
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
    refund_now = replace(
        refund, status="failed", failure_reason=_failure_reason(outcome),
        revision=refund.revision + 1,
    )  # fmt: skip
    draft.put(charge, charge_now)
    draft.put(refund, refund_now)
    _refund_event(draft, refund, refund_now)
    return Effect(replace(subject, charge=charge_now, refund=refund_now))


def _refund_pending(draft: Draft, subject: Subject, refund: Refund) -> Effect:
    if refund.revision > 0:
        return Effect(subject)
    refund_now = replace(refund, revision=1)
    draft.put(refund, refund_now)
    draft.event("refund.created", refund_now, refund_view)
    return Effect(replace(subject, refund=refund_now))


def _late(draft: Draft, subject: Subject, outcome: Outcome | NotFound) -> Effect:
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
    line_id = draft.ids.new("txn")
    draft.line(
        Line(
            merchant.merchant_id, line_id, "refund_failure", refund.amount, 0, refund.currency,
            refund.id, charge.id, charge.available_on or draft.now, draft.now,
        )
    )  # fmt: skip
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
    draft.event("charge.updated", charge_now, charge_view)
    _refund_event(draft, refund, refund_now)
    return Effect(replace(subject, charge=charge_now, refund=refund_now))


def _failure_reason(outcome: Declined) -> str:
    known = {"lost_or_stolen_card", "expired_or_canceled_card", "declined", "insufficient_funds"}
    return outcome.decline_code if outcome.decline_code in known else "unknown"


def _void_authorization(draft: Draft, charge: Charge) -> None:
    merchant = draft.merchant
    draft.transfers.extend(
        shapes.void(
            attempt_id=charge.id, merchant_id=merchant.merchant_id, provider=charge.provider,
            currency=charge.currency, livemode=merchant.livemode,
            clearing_slot=charge.clearing_slot,
        )
    )  # fmt: skip


def _owed(command: Command, next_ms: int, outcome: NotSent | NotFound) -> Any:
    """An obligation that provably did not happen is sent again, under the same reference."""
    return change(
        command, state=State.RESEND.value, lease_until=None, next_at=next_ms,
        evidence=evidence(outcome),
    )  # fmt: skip


def _never_happened() -> Declined:
    return Declined(
        "processing_error",
        "The payment could not be processed and nothing was charged. Try again.",
        code="processing_error",
    )


def _network(details: NetworkDetails) -> dict[str, Any] | None:
    found = {
        "network_code": details.network_code, "advice_code": details.advice_code,
        "reason_code": details.reason_code, "authorization_code": details.authorization_code,
    }  # fmt: skip
    return {k: v for k, v in found.items() if v is not None} or None


def evidence(outcome: Outcome | NotFound) -> str:
    """Return what is known, in a few words, to be kept and shown."""
    match outcome:
        case Unknown():
            return (
                f"{outcome.reason} ({outcome.reason_code})"
                if outcome.reason_code
                else (outcome.reason)
            )
        case NotSent():
            return outcome.reason
        case NotFound():
            return "the provider does not know the reference"
        case Pending():
            return "the provider has not decided yet"
        case _:
            return type(outcome).__name__
