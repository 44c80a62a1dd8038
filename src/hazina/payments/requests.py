"""Deciding what a request does to a payment; what it does to a hold stands in `holds.py`."""

from __future__ import annotations

from typing import Any

from hazina.commands.command import issue
from hazina.ledger import shapes
from hazina.money.currency import check_charge, check_last_digit
from hazina.payment_methods.method import PaymentMethod
from hazina.payments import bank_transfer
from hazina.payments.accepting import (
    CUSTOMER_BALANCE,
    check_accepted,
    check_demands,
    check_transfer_options,
)
from hazina.payments.authorizing import authorize, command_for, details_of, merged, new_intent
from hazina.payments.charge import Charge, check_refund
from hazina.payments.draft import Draft
from hazina.payments.intent import (
    CONFIRMABLE,
    UPDATABLE,
    Intent,
    IntentStatus,
    check_owner,
    check_state,
)
from hazina.payments.paying import Paying
from hazina.payments.refund import Refund
from hazina.payments.subject import Subject
from hazina.payments.view import charge_view, intent_view, refund_view
from hazina.rails.contract import Operation
from hazina.refusals import Code, Refusal
from hazina.values import replace

_S = IntentStatus


def checked(params: dict[str, Any], paying: Paying | None = None) -> dict[str, Any]:
    """Return params with the payment method that was found and an amount that can be charged."""
    if paying is not None:
        params = params | {"payment_method": paying.chosen.id}
    automatic = params.get("automatic_payment_methods")
    if automatic is not None and automatic["enabled"] and "payment_method_types" in params:
        raise Refusal(
            Code.PARAMETER_INVALID,
            "You may only specify one of these parameters: automatic_payment_methods, "
            "payment_method_types. Leave one of them out.",
            param="automatic_payment_methods",
        )
    if "amount" in params and "currency" in params:
        check_charge(params["amount"], params["currency"])
    return params


def create(
    draft: Draft, params: dict[str, Any], lease_ms: int, paying: Paying | None = None
) -> Intent | Subject:
    """Make an intent and, with `confirm`, ask for its authorization in the same unit."""
    if paying is not None:
        paying.written_to(draft)
    intent = new_intent(draft, params)
    check_transfer_options(intent)
    draft.event("payment_intent.created", intent, intent_view)
    if not params.get("confirm"):
        _check_unconfirmed(intent, params, paying)
        draft.add(intent)
        return replace(intent, version=1)
    _need_method(intent)
    if paying is not None:
        check_demands(intent, paying.chosen, params)
        if paying.chosen.type == CUSTOMER_BALANCE:
            waiting = bank_transfer.awaited(draft, intent)
            draft.add(waiting)
            return replace(waiting, version=1)
    opened, charge, command = authorize(
        draft, intent, customer_absent=_absent(params), paying=paying
    )
    draft.add(opened)
    draft.writes.append(issue(command, lease_ms, draft.now))
    return Subject(command, replace(opened, version=1), charge, method=_paid_with(paying))


def create_charge(draft: Draft, params: dict[str, Any], lease_ms: int, paying: Paying) -> Subject:
    """Charge as older clients do, without an intent that they can see."""
    paying.written_to(draft)
    wanted = params | {
        "payment_method": paying.chosen.id,
        "capture_method": "automatic" if params.get("capture", True) else "manual",
    }
    intent = new_intent(draft, wanted, hidden=True)
    opened, charge, command = authorize(draft, intent, legacy=True, paying=paying)
    draft.add(opened)
    draft.writes.append(issue(command, lease_ms, draft.now))
    return Subject(command, replace(opened, version=1), charge)


def update(
    draft: Draft, intent: Intent, params: dict[str, Any], paying: Paying | None = None
) -> Intent:
    """Change what the client sent. Refuses `payment_intent_unexpected_state`."""
    if paying is not None:
        paying.written_to(draft)
    changed = _with_params(draft, intent, params)
    _check_unconfirmed(changed, params, paying)
    if changed == intent:
        draft.put(intent, intent)
        return intent
    changed = replace(changed, revision=intent.revision + 1)
    draft.put(intent, changed)
    return replace(changed, version=intent.version + 1)


_DECISIVE = {
    "amount", "capture_method", "currency", "customer", "payment_method", "payment_method_options",
    "payment_method_types", "setup_future_usage",
}  # fmt: skip
"""What an attempt is made from: once one has begun, it stays as the attempt found it."""


def _with_params(draft: Draft, intent: Intent, params: dict[str, Any]) -> Intent:
    if _DECISIVE & params.keys():
        check_state(intent, UPDATABLE, "update")
        check_owner(intent, params, "update")
    _check_customer_stays(intent, params)
    amount = params.get("amount", intent.amount)
    currency = params.get("currency", intent.currency)
    check_charge(amount, currency)
    changed = replace(
        intent, amount=amount, currency=currency,
        customer=params.get("customer", intent.customer),
        details=details_of(params, intent.details), metadata=merged(params, intent.metadata),
    )  # fmt: skip
    check_transfer_options(changed)
    if params.get("capture_method"):
        changed = replace(changed, capture_method=params["capture_method"])
    if "payment_method" in params:
        method = params["payment_method"]
        status = _S.REQUIRES_CONFIRMATION if method else _S.REQUIRES_PAYMENT_METHOD
        changed = replace(changed, payment_method=method, status=status)
    return changed


def _check_customer_stays(intent: Intent, params: dict[str, Any]) -> None:
    """Refuse another customer: method, test clock and what is kept were chosen for the first."""
    if intent.customer is None or params.get("customer", intent.customer) == intent.customer:
        return
    raise Refusal(
        Code.PARAMETER_INVALID,
        f"You cannot modify customer on {intent.id} once it has been set. To take a payment of a "
        "different customer, cancel this PaymentIntent and create a new one.",
        param="customer",
    )


def confirm(
    draft: Draft,
    intent: Intent,
    params: dict[str, Any],
    lease_ms: int,
    paying: Paying | None = None,
) -> Intent | Subject:
    """Ask for the authorization of an intent that exists, or for the customer's bank transfer."""
    check_state(intent, CONFIRMABLE, "confirm")
    check_owner(intent, params, "confirm")
    if paying is not None:
        paying.written_to(draft)
    changed = _with_params(draft, intent, params)
    _need_method(changed)
    if paying is not None:
        check_demands(changed, paying.chosen, params)
        if paying.chosen.type == CUSTOMER_BALANCE:
            waiting = bank_transfer.awaited(draft, changed)
            draft.put(intent, waiting)
            return replace(waiting, version=intent.version + 1)
    opened, charge, command = authorize(
        draft, changed, customer_absent=_absent(params), paying=paying
    )
    # Nothing is visible until the outcome: the status stays what it was.
    draft.put(intent, replace(opened, status=intent.status))
    draft.writes.append(issue(command, lease_ms, draft.now))
    current = replace(opened, status=intent.status, version=intent.version + 1)
    return Subject(command, current, charge, method=_paid_with(paying))


def refund(
    draft: Draft, intent: Intent, charge: Charge, params: dict[str, Any], lease_ms: int
) -> Subject:
    """Reserve the amount on the charge and in the ledger, and ask for the refund."""
    amount = check_refund(charge, params.get("amount"))
    if "amount" in params:
        check_last_digit(amount, charge.currency, "amount")
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
    """Change a charge's or a refund's metadata and, on a charge, what else is only kept."""
    changed: Charge | Refund = replace(old, metadata=merged(params, old.metadata))
    if isinstance(changed, Charge):
        changed = replace(changed, details=details_of(params, changed.details))
    if changed == old:
        draft.put(old, old)
        return old
    changed = replace(changed, revision=old.revision + 1)
    draft.put(old, changed)
    if isinstance(changed, Charge):
        draft.event("charge.updated", changed, charge_view, old)
    else:
        draft.event("refund.updated", changed, refund_view, old)
        draft.event("charge.refund.updated", changed, refund_view, old)
    return changed


def _paid_with(paying: Paying | None) -> PaymentMethod | None:
    """Return the method as the unit leaves it; None for a well-known test method."""
    method = None if paying is None else paying.chosen.method
    return replace(method, version=1) if method is not None and not method.version else method


def _check_unconfirmed(intent: Intent, params: dict[str, Any], paying: Paying | None) -> None:
    """Refuse what comes too early, and a payment method of a type that is not accepted."""
    if "mandate_data" in params:
        raise Refusal(
            Code.PARAMETER_INVALID,
            "Invalid value for mandate_data: send it with the confirmation.",
            param="mandate_data",
        )
    for name in ("error_on_requires_action", "off_session"):
        if params.get(name):
            raise Refusal(
                Code.PARAMETER_INVALID,
                f"Invalid value for {name}: it says how to confirm, so send it with confirm=true, "
                "or with the confirmation.",
                param=name,
            )
    if paying is not None:
        check_accepted(intent, paying.chosen)


def _absent(params: dict[str, Any]) -> bool:
    """Tell whether a card that wants authentication is to be declined: nobody is there for it."""
    return bool(params.get("off_session") or params.get("error_on_requires_action"))


def _need_method(intent: Intent) -> None:
    if intent.payment_method is None:
        raise Refusal(
            Code.PAYMENT_INTENT_UNEXPECTED_STATE,
            "You cannot confirm this PaymentIntent because it's missing a payment method. Update "
            "the PaymentIntent with a payment method and then confirm it again.",
        )
