"""How intents, charges and refunds look in the public API; pure, for answers and events alike."""

from __future__ import annotations

from typing import Any

from hazina.clock import unix
from hazina.payment_methods.card import Card, cvc_check
from hazina.payment_methods.service import card_details
from hazina.payment_methods.view import legacy_card, shipping_view
from hazina.payments.accepting import CARD, CUSTOMER_BALANCE, SEPA_DEBIT, types_of
from hazina.payments.charge import Charge
from hazina.payments.intent import Intent, IntentStatus
from hazina.payments.refund import Refund

_ADVICE = {
    "01": "confirm_card_data", "02": "try_again_later", "03": "do_not_try_again",
    "21": "do_not_try_again",
}  # fmt: skip


def intent_view(intent: Intent, livemode: bool) -> dict[str, Any]:
    """Render a PaymentIntent (docs.stripe.com/api/payment_intents/object)."""
    details = intent.details
    types = types_of(details)
    # Only cards have something to say about it.
    processing = intent.status is IntentStatus.PROCESSING and types == [CARD]
    view: dict[str, Any] = {
        "id": intent.id, "object": "payment_intent", "allowed_payment_method_types": None,
        "amount": intent.amount, "amount_capturable": intent.amount_capturable,
        "amount_received": intent.amount_received, "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": details.get("automatic_payment_methods"),
        "canceled_at": None if intent.canceled_at is None else unix(intent.canceled_at),
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": intent.capture_method, "client_secret": intent.client_secret,
        "confirmation_method": details.get("confirmation_method", "automatic"),
        "created": unix(intent.created), "currency": intent.currency,
        "customer": intent.customer, "customer_account": None,
        "description": details.get("description"), "excluded_payment_method_types": None,
        "last_payment_error": intent.last_payment_error, "latest_charge": intent.latest_charge,
        "livemode": livemode, "managed_payments": None, "metadata": intent.metadata,
        "next_action": intent.next_action, "on_behalf_of": None,
        "payment_method": intent.payment_method, "payment_method_configuration_details": None,
        "payment_method_options": _options(details),
        "payment_method_types": types, "payment_record": None,
        "processing": {"type": "card", "card": {}} if processing else None,
        "receipt_email": details.get("receipt_email"), "review": None,
        "setup_future_usage": details.get("setup_future_usage"),
        "shipping": shipping_view(details.get("shipping")), "source": None,
        "statement_descriptor": details.get("statement_descriptor"),
        "statement_descriptor_suffix": details.get("statement_descriptor_suffix"),
        "status": intent.status.value, "transfer_group": details.get("transfer_group"),
    }  # fmt: skip
    if intent.unknown is not None:
        view["hazina"] = {"outcome": intent.unknown}
    return view


def charge_view(charge: Charge, livemode: bool) -> dict[str, Any]:
    """Render a Charge (docs.stripe.com/api/charges/object)."""
    details = charge.details
    failure = charge.failure or {}
    failed = charge.status == "failed"
    status = "pending" if charge.status == "open" else charge.status
    return {
        "id": charge.id, "object": "charge", "amount": charge.amount,
        "amount_captured": charge.amount_captured, "amount_refunded": charge.amount_refunded,
        "application": None, "application_fee": None, "application_fee_amount": None,
        "balance_transaction": charge.balance_transaction,
        "billing_details": details.get("billing_details", _BILLING),
        "calculated_statement_descriptor": details.get("statement_descriptor"),
        "captured": charge.captured, "created": unix(charge.created), "currency": charge.currency,
        "customer": charge.customer, "description": details.get("description"), "disputed": False,
        "failure_balance_transaction": None, "failure_code": failure.get("code"),
        "failure_message": failure.get("message"), "fraud_details": {}, "livemode": livemode,
        "metadata": charge.metadata, "on_behalf_of": None, "outcome": _outcome(charge),
        "paid": charge.status == "succeeded",
        "payment_intent": None if details.get("legacy") else charge.payment_intent,
        "payment_method": charge.payment_method,
        "payment_method_details": _method_details(charge),
        "receipt_email": details.get("receipt_email"), "receipt_number": None,
        "receipt_url": None,
        "refunded": not failed and 0 < charge.amount_captured == charge.amount_refunded,
        "review": None, "shipping": shipping_view(details.get("shipping")),
        "source": _source(charge) if details.get("legacy") else None, "source_transfer": None,
        "statement_descriptor": details.get("statement_descriptor"),
        "statement_descriptor_suffix": details.get("statement_descriptor_suffix"),
        "status": status, "transfer_data": None,
        "transfer_group": details.get("transfer_group"),
    }  # fmt: skip


def refund_view(refund: Refund, livemode: bool) -> dict[str, Any]:
    """Render a Refund (docs.stripe.com/api/refunds/object)."""
    view: dict[str, Any] = {
        "id": refund.id, "object": "refund", "amount": refund.amount,
        "balance_transaction": refund.balance_transaction, "charge": refund.charge,
        "created": unix(refund.created), "currency": refund.currency, "customer": None,
        "customer_account": None, "metadata": refund.metadata,
        "payment_intent": None if refund.hidden_intent else refund.payment_intent,
        "payment_method": None, "reason": refund.reason, "receipt_number": None,
        "source_transfer_reversal": None, "status": refund.status, "transfer_reversal": None,
    }  # fmt: skip
    if refund.failure_reason is not None:
        view["failure_reason"] = refund.failure_reason
    if refund.failure_balance_transaction is not None:
        view["failure_balance_transaction"] = refund.failure_balance_transaction
    return view


def advice(network: dict[str, Any] | None) -> str | None:
    """Return Stripe's word for the network's retry advice."""
    code = (network or {}).get("advice_code")
    return _ADVICE.get(code) if code else None


def _options(details: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = details.get("payment_method_options") or {}
    shown = {kind: _SHOWN_OPTIONS[kind] | options[kind] for kind in _SHOWN_OPTIONS.keys() & options}
    return options | shown if shown else options


_SHOWN_OPTIONS: dict[str, dict[str, Any]] = {
    CARD: {
        "installments": None, "mandate_options": None, "network": None,
        "request_three_d_secure": "automatic",
    },
    CUSTOMER_BALANCE: {"funding_type": None},
}  # fmt: skip
_BILLING = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}


def _outcome(charge: Charge) -> dict[str, Any] | None:
    network = charge.network or {}
    if charge.status == "succeeded":
        return {
            "advice_code": None, "network_advice_code": None, "network_decline_code": None,
            "network_status": "approved_by_network", "reason": None, "risk_level": "normal",
            "seller_message": "Payment complete.", "type": "authorized",
        }  # fmt: skip
    if charge.status == "failed":
        failure = charge.failure or {}
        return {
            "advice_code": advice(network), "network_advice_code": network.get("advice_code"),
            "network_decline_code": network.get("network_code"),
            "network_status": failure.get("network_status", "declined_by_network"),
            "reason": failure.get("decline_code"), "risk_level": "normal",
            "seller_message": failure.get("message"), "type": "issuer_declined",
        }  # fmt: skip
    return None


def _method_details(charge: Charge) -> dict[str, Any]:
    account = charge.details.get(SEPA_DEBIT)
    if account is None:
        return {"type": CARD, CARD: _card(charge)}
    return {"type": SEPA_DEBIT, SEPA_DEBIT: account | {"mandate": None}}


def _source(charge: Charge) -> dict[str, Any]:
    """Render the card that an older client charged, as it was then.

    That of a well-known test token is nobody's, and has an id for this charge alone.
    """
    card_id = charge.payment_method
    if not card_id.startswith("card_"):
        card_id = "card_" + charge.id.removeprefix("ch_")
    kept = charge.details.get("card") or card_details(charge.payment_method)
    card = Card(behaviour="", cvc_check=_cvc_check(charge), **kept)
    billing = charge.details.get("billing_details") or {}
    return legacy_card(card_id, card, billing, charge.customer, {})


def _cvc_check(charge: Charge) -> str:
    return cvc_check(charge.details.get("behaviour", charge.payment_method))


def _card(charge: Charge) -> dict[str, Any]:
    card = charge.details.get("card") or card_details(charge.payment_method)
    network = charge.network or {}
    shown: dict[str, Any] = {
        "amount_authorized": charge.amount if charge.status == "succeeded" else None,
        "authorization_code": network.get("authorization_code"), "brand": card["brand"],
        "checks": {
            "address_line1_check": None, "address_postal_code_check": None,
            "cvc_check": _cvc_check(charge),
        },
        "country": card["country"], "electronic_commerce_indicator": None,
        "exp_month": card["exp_month"], "exp_year": card["exp_year"],
        "fingerprint": card["fingerprint"], "funding": card["funding"], "installments": None,
        "last4": card["last4"], "mandate": None, "network": card["brand"],
        "network_transaction_id": charge.provider_reference, "regulated_status": "unregulated",
        "three_d_secure": None, "transaction_link_id": None, "wallet": None,
    }  # fmt: skip
    for feature in ("incremental_authorization", "multicapture"):
        if feature in charge.details:
            shown[feature] = {"status": charge.details[feature]}
    if charge.capture_before is not None:
        shown["capture_before"] = unix(charge.capture_before)
    return shown
