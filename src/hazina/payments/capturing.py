"""What the outcome of a capture or a void changes."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

from hazina.balances.line import Line
from hazina.commands.command import waiting
from hazina.ledger import shapes
from hazina.ledger.chart import AccountCode
from hazina.money.rounding import basis_points_of
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.incrementing import hold_anew
from hazina.payments.intent import EXPIRED, TERMINAL, IntentStatus
from hazina.payments.subject import (
    Effect,
    Subject,
    ended,
    evidence,
    let_go,
    owed,
    processing,
    reworded,
    void_authorization,
)
from hazina.payments.view import charge_view, intent_view
from hazina.rails.contract import Operation
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
FUNDS_DELAY = timedelta(days=2)


def captured(
    draft: Draft, charge: Charge, amount: int, operation_id: str, *, final: bool = True
) -> Charge:
    """Return the charge captured for an amount more; adds its entry and its balance line.

    What a capture that is not final leaves over is held on. The money of all captures becomes
    available together, counted from the last; until it came, from the last day on which it may.
    """
    merchant = draft.merchant
    # Of all that is captured, less what was taken of its parts: rounding each would drift.
    of_all = basis_points_of(charge.amount_captured + amount, merchant.fee_basis_points)
    fee = max(of_all - charge.fee, 0)
    at_once = charge.matures_at_once
    draft.transfers.extend(
        shapes.capture(
            attempt_id=charge.id, operation_id=operation_id, merchant_id=merchant.merchant_id,
            provider=charge.provider, currency=charge.currency, livemode=merchant.livemode,
            amount_minor=amount, fee_minor=fee, to_available=at_once,
            clearing_slot=charge.clearing_slot, slot=draft.slot,
            overdraft_minor=merchant.overdraft_minor, hold=charge.hold,
        )
    )  # fmt: skip
    last = draft.now if final else max(charge.capture_before or draft.now, draft.now)
    available_on = draft.now if at_once else last + FUNDS_DELAY
    line_id = draft.ids.new("txn")
    draft.line(
        Line(
            merchant.merchant_id, line_id, "charge", amount, fee, charge.currency, charge.id,
            charge.id, available_on, draft.now,
        )
    )  # fmt: skip
    if at_once:
        draft.balance_available(charge.currency, {AccountCode.MERCHANT_AVAILABLE: amount - fee})
    charge_now = replace(
        charge, captured=final, amount_captured=charge.amount_captured + amount,
        fee=charge.fee + fee, funds="available" if at_once else "pending",
        available_on=available_on, balance_transaction=line_id,
        hold=None if final else operation_id,
    )  # fmt: skip
    if not final:
        hold_anew(draft, charge_now, operation_id)
    return charge_now


def apply_capture(
    draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int
) -> Effect:
    """Write what the outcome of a capture means."""
    command = subject.command
    match outcome:
        case Approved():
            return ended(draft, command, _captured(draft, subject))
        case Declined():
            return ended(draft, command, _back_to_capturable(draft, subject, outcome))
        case NotSent() | NotFound():
            draft.settle(owed(command, next_ms, outcome))
            return processing(draft, subject, Unknown(evidence(outcome)), next_ms)
        case Pending() | Unknown() | ActionRequired():
            draft.settle(waiting(command, next_ms, evidence(outcome)))
            return processing(draft, subject, Unknown(evidence(outcome)), next_ms)
        case _ as never:
            assert_never(never)


def _captured(draft: Draft, subject: Subject) -> Effect:
    intent, charge, command = subject.intent, subject.charge, subject.command
    amount, final = command.request["amount_minor"], command.request.get("final", True)
    charge_now = captured(draft, charge, amount, command.id, final=final)
    charge_now = replace(charge_now, revision=charge.revision + 1)
    intent_now = replace(
        reworded(intent, command), status=_S.SUCCEEDED if final else _S.REQUIRES_CAPTURE,
        amount_received=intent.amount_received + amount,
        amount_capturable=0 if final else intent.amount_capturable - amount,
        operation=None, operation_kind=None, unknown=None, revision=intent.revision + 1,
    )  # fmt: skip
    draft.put(charge, charge_now)
    draft.put(intent, intent_now)
    draft.event("charge.captured", charge_now, charge_view)
    what = "payment_intent.amount_capturable_updated"
    draft.event("payment_intent.succeeded" if final else what, intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now, charge=charge_now))


def _back_to_capturable(draft: Draft, subject: Subject, outcome: Declined) -> Effect:
    """A capture or cancel was refused by the provider: the authorization stands as it was."""
    intent, charge = subject.intent, subject.charge
    intent_now = replace(let_go(subject), unknown=None)
    if charge.status == "open":
        # The customer may still authenticate: the attempt's own command is open again.
        intent_now = replace(
            intent, operation=charge.authorize_command, operation_kind=Operation.AUTHORIZE.value
        )
    elif intent.status is _S.PROCESSING:
        # Visible again as what it was, or as what a failed authentication made of it meanwhile.
        stands = charge.status == "succeeded"
        back = _S.REQUIRES_CAPTURE if stands else _S.REQUIRES_PAYMENT_METHOD
        intent_now = replace(intent_now, status=back, revision=intent.revision + 1)
        still = "payment_intent.amount_capturable_updated"
        what = still if stands else "payment_intent.payment_failed"
        draft.event(what, intent_now, intent_view)
    draft.put(intent, intent_now)
    refusal = Refusal(
        Code.PROCESSING_ERROR,
        f"The provider refused the {subject.command.operation.value} of {intent.id}: "
        f"{outcome.message} Retrieve the PaymentIntent to see what it still allows.",
    )
    return Effect(replace(subject, intent=intent_now), refusal)


def apply_void(draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int) -> Effect:
    """Write what the outcome of a cancellation means."""
    intent, charge, command = subject.intent, subject.charge, subject.command
    if intent.status in TERMINAL:
        return _void_too_late(draft, subject, outcome, next_ms)
    match outcome:
        case Approved():
            over = _rest_released if charge.amount_captured else _canceled
            return ended(draft, command, over(draft, subject))
        case Declined():
            if command.request.get("cancellation_reason") == EXPIRED:
                # The provider holds on to it for a reason of its own: look again tomorrow.
                later = replace(charge, capture_before=draft.now + timedelta(days=1))
                draft.put(charge, later)
            return ended(draft, command, _back_to_capturable(draft, subject, outcome))
        case NotSent() | NotFound():
            draft.settle(owed(command, next_ms, outcome))
            return processing(draft, subject, Unknown(evidence(outcome)), next_ms)
        case Pending() | Unknown() | ActionRequired():
            draft.settle(waiting(command, next_ms, evidence(outcome)))
            return processing(draft, subject, Unknown(evidence(outcome)), next_ms)
        case _ as never:
            assert_never(never)


def _canceled(draft: Draft, subject: Subject) -> Effect:
    intent, charge = subject.intent, subject.charge
    reason = subject.command.request.get("cancellation_reason")
    intent_now = replace(
        intent, status=_S.CANCELED, canceled_at=draft.now, amount_capturable=0, operation=None,
        operation_kind=None, unknown=None, next_action=None, revision=intent.revision + 1,
        cancellation_reason=reason,
    )  # fmt: skip
    charge_now = replace(charge, hold=None)
    if charge.status != "failed":
        void_authorization(draft, charge)
    if charge.status == "open":
        # The customer never finished authenticating: the attempt ends unseen.
        charge_now = replace(charge, status="failed")
    elif reason == EXPIRED:
        charge_now = replace(charge_now, revision=charge.revision + 1)
        draft.event("charge.expired", charge_now, charge_view)
    if charge_now != charge:
        draft.put(charge, charge_now)
    draft.put(intent, intent_now)
    draft.event("payment_intent.canceled", intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now, charge=charge_now))


def _rest_released(draft: Draft, subject: Subject) -> Effect:
    """Part of the money was captured: giving up the rest ends the payment, with that part."""
    intent, charge = subject.intent, subject.charge
    pending = charge.funds == "pending"
    charge_now = replace(
        charge, captured=True, hold=None, revision=charge.revision + 1,
        available_on=draft.now + FUNDS_DELAY if pending else charge.available_on,
    )  # fmt: skip
    intent_now = replace(
        intent, status=_S.SUCCEEDED, amount_capturable=0, operation=None, operation_kind=None,
        unknown=None, revision=intent.revision + 1,
    )  # fmt: skip
    void_authorization(draft, charge)
    draft.put(charge, charge_now)
    draft.put(intent, intent_now)
    draft.event("charge.updated", charge_now, charge_view, charge)
    draft.event("payment_intent.succeeded", intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now, charge=charge_now))


def _void_too_late(
    draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int
) -> Effect:
    """The payment succeeded while its cancellation was under way, and stays so."""
    intent, command = subject.intent, subject.command
    if isinstance(outcome, Pending | Unknown | ActionRequired):
        draft.settle(waiting(command, next_ms, evidence(outcome)))
        return Effect(subject)
    intent_now = let_go(subject)
    draft.put(intent, intent_now)
    refusal = Refusal(
        Code.PAYMENT_INTENT_UNEXPECTED_STATE,
        f"{intent.id} could not be canceled: it is {intent.status.value} already. "
        "Refund it to give the money back.",
    )
    return ended(draft, command, Effect(replace(subject, intent=intent_now), refusal))
