"""Deciding what a request does to a payment: the first unit of work of every operation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hazina.commands.command import Command, issue
from hazina.ledger import shapes
from hazina.money.currency import check_charge
from hazina.payment_methods import service as payment_methods
from hazina.payments.authorizing import authorize, command_for, details_of, merged, new_intent
from hazina.payments.charge import Charge, check_refund
from hazina.payments.draft import Draft
from hazina.payments.intent import (
    CANCELABLE,
    CONFIRMABLE,
    UPDATABLE,
    Intent,
    IntentStatus,
    check_state,
)
from hazina.payments.refund import Refund
from hazina.payments.subject import Subject
from hazina.payments.view import charge_view, intent_view, refund_view
from hazina.rails.contract import Operation
from hazina.refusals import Code, Refusal

_S = IntentStatus
CAPTURABLE = frozenset({_S.REQUIRES_CAPTURE})


def checked(params: dict[str, Any]) -> dict[str, Any]:
    """Return params with a payment method that exists and an amount that can be charged."""
    if params.get("payment_method"):
        params = params | {"payment_method": payment_methods.resolve(params["payment_method"])}
    if "amount" in params and "currency" in params:
        check_charge(params["amount"], params["currency"])
    return params


def create(draft: Draft, params: dict[str, Any], lease_ms: int) -> Intent | Subject:
    """Make an intent and, with `confirm`, ask for its authorization in the same unit."""
    intent = new_intent(draft, params)
    draft.event("payment_intent.created", intent, intent_view)
    if not params.get("confirm"):
        draft.add(intent)
        return replace(intent, version=1)
    _need_method(intent)
    opened, charge, command = authorize(draft, intent)
    draft.add(opened)
    draft.writes.append(issue(command, lease_ms, draft.now))
    return Subject(command, replace(opened, version=1), charge)


def create_charge(draft: Draft, params: dict[str, Any], lease_ms: int) -> Subject:
    """Charge as older clients do, without an intent that they can see."""
    wanted = params | {
        "payment_method": payment_methods.resolve(params["source"]),
        "capture_method": "automatic" if params.get("capture", True) else "manual",
    }
    intent = new_intent(draft, wanted, hidden=True)
    opened, charge, command = authorize(draft, intent, legacy=True)
    draft.add(opened)
    draft.writes.append(issue(command, lease_ms, draft.now))
    return Subject(command, replace(opened, version=1), charge)


def update(draft: Draft, intent: Intent, params: dict[str, Any]) -> Intent:
    """Change what the client sent. Refuses `payment_intent_unexpected_state`."""
    changed = _with_params(draft, intent, params)
    if changed == intent:
        draft.put(intent, intent)
        return intent
    changed = replace(changed, revision=intent.revision + 1)
    draft.put(intent, changed)
    return replace(changed, version=intent.version + 1)


def _with_params(draft: Draft, intent: Intent, params: dict[str, Any]) -> Intent:
    decisive = {"amount", "currency", "payment_method", "capture_method"}
    only_words = not (decisive & params.keys())
    if not only_words:
        check_state(intent, UPDATABLE, "update")
    amount = params.get("amount", intent.amount)
    currency = params.get("currency", intent.currency)
    check_charge(amount, currency)
    changed = replace(
        intent, amount=amount, currency=currency,
        customer=params.get("customer", intent.customer),
        details=details_of(params, intent.details), metadata=merged(params, intent.metadata),
    )  # fmt: skip
    if params.get("capture_method"):
        changed = replace(changed, capture_method=params["capture_method"])
    if params.get("payment_method"):
        changed = replace(changed, payment_method=params["payment_method"])
        if intent.status is _S.REQUIRES_PAYMENT_METHOD:
            changed = replace(changed, status=_S.REQUIRES_CONFIRMATION)
    return changed


def confirm(draft: Draft, intent: Intent, params: dict[str, Any], lease_ms: int) -> Subject:
    """Ask for the authorization of an intent that exists."""
    check_state(intent, CONFIRMABLE, "confirm")
    changed = _with_params(draft, intent, params)
    _need_method(changed)
    opened, charge, command = authorize(draft, changed)
    # Nothing is visible until the outcome: the status stays what it was.
    draft.put(intent, replace(opened, status=intent.status))
    draft.writes.append(issue(command, lease_ms, draft.now))
    current = replace(opened, status=intent.status, version=intent.version + 1)
    return Subject(command, current, charge)


def capture(
    draft: Draft, intent: Intent, charge: Charge, params: dict[str, Any], lease_ms: int
) -> Subject:
    """Ask for the authorized money, or a part; the rest is released."""
    check_state(intent, CAPTURABLE, "capture")
    amount = params.get("amount_to_capture", intent.amount_capturable)
    if amount > intent.amount_capturable:
        raise Refusal(
            Code.CAPTURE_EXCEEDS_AUTHORIZATION,
            f"The requested capture amount ({amount}) is greater than the amount that can be "
            f"captured ({intent.amount_capturable}). Capture that or less.",
            param="amount_to_capture",
        )
    command = command_for(draft, Operation.CAPTURE, charge, amount, intent.metadata)
    return _open(draft, intent, charge, command, lease_ms)


def cancel(
    draft: Draft, intent: Intent, charge: Charge | None, params: dict[str, Any], lease_ms: int
) -> Intent | Subject:
    """End an intent; what is authorized, or being authenticated, is voided at the provider."""
    check_state(intent, CANCELABLE, "cancel")
    reason = params.get("cancellation_reason")
    if charge is None:
        canceled = replace(
            intent, status=_S.CANCELED, canceled_at=draft.now, cancellation_reason=reason,
            revision=intent.revision + 1,
        )  # fmt: skip
        draft.put(intent, canceled)
        draft.event("payment_intent.canceled", canceled, intent_view)
        return replace(canceled, version=intent.version + 1)
    command = command_for(draft, Operation.VOID, charge, charge.amount, intent.metadata)
    command.request["cancellation_reason"] = reason
    return _open(draft, intent, charge, command, lease_ms)


def _open(draft: Draft, intent: Intent, charge: Charge, command: Command, lease_ms: int) -> Subject:
    """Hold the intent's one open operation for a command."""
    opened = replace(intent, operation=command.id, operation_kind=command.operation.value)
    draft.put(intent, opened)
    draft.writes.append(issue(command, lease_ms, draft.now))
    return Subject(command, replace(opened, version=intent.version + 1), charge)


def refund(
    draft: Draft, intent: Intent, charge: Charge, params: dict[str, Any], lease_ms: int
) -> Subject:
    """Reserve the amount on the charge and in the ledger, and ask for the refund."""
    amount = check_refund(charge, params.get("amount"))
    merchant = draft.merchant
    made = Refund(
        merchant_id=merchant.merchant_id, id=draft.ids.new("re"), charge=charge.id,
        payment_intent=charge.payment_intent, amount=amount, currency=charge.currency,
        from_available=charge.funds == "available", clearing_slot=draft.slot, created=draft.now,
        metadata=merged(params, {}), reason=params.get("reason"), hidden_intent=intent.hidden,
    )  # fmt: skip
    reserved = replace(charge, amount_refund_reserved=charge.amount_refund_reserved + amount)
    # Test behaviour may be asked for on the payment or on the refund itself.
    metadata = intent.metadata | made.metadata
    command = command_for(draft, Operation.REFUND, charge, amount, metadata, refund=made.id)
    draft.transfers.extend(
        shapes.refund_reservation(
            refund_id=made.id, merchant_id=merchant.merchant_id, provider=charge.provider,
            currency=charge.currency, livemode=merchant.livemode, amount_minor=amount,
            from_available=made.from_available, slot=draft.slot,
            overdraft_minor=merchant.overdraft_minor,
        )
    )  # fmt: skip
    draft.put(charge, reserved)
    draft.add(made)
    draft.writes.append(issue(command, lease_ms, draft.now))
    return Subject(
        command, intent, replace(reserved, version=charge.version + 1), replace(made, version=1)
    )


def insufficient(charge: Charge) -> Refusal:
    """Return the refusal for a refund that the merchant's balance does not cover."""
    return Refusal(
        Code.BALANCE_INSUFFICIENT,
        f"Your balance in {charge.currency} does not cover this refund of {charge.id}. "
        "Wait for more payments to arrive, or refund a smaller amount.",
        param="amount",
    )


def update_words(draft: Draft, old: Charge | Refund, params: dict[str, Any]) -> Charge | Refund:
    """Change a charge's or a refund's metadata and, on a charge, its description."""
    changed: Charge | Refund = replace(old, metadata=merged(params, old.metadata))
    if isinstance(changed, Charge):
        changed = replace(changed, details=details_of(params, changed.details))
    if changed == old:
        draft.put(old, old)
        return old
    changed = replace(changed, revision=old.revision + 1)
    draft.put(old, changed)
    if isinstance(changed, Charge):
        draft.event("charge.updated", changed, charge_view)
    else:
        draft.event("refund.updated", changed, refund_view)
        draft.event("charge.refund.updated", changed, refund_view)
    return changed


def _need_method(intent: Intent) -> None:
    if intent.payment_method is None:
        raise Refusal(
            Code.PAYMENT_INTENT_UNEXPECTED_STATE,
            "You cannot confirm this PaymentIntent because it's missing a payment method. Update "
            "the PaymentIntent with a payment method and then confirm it again.",
        )
