"""How setup intents and their attempts look in the public API; for answers and events alike."""

from __future__ import annotations

from typing import Any

from hazina.clock import unix
from hazina.setup_intents.intent import SetupAttempt, SetupIntent

_OPTIONS = {
    "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
}


def intent_view(intent: SetupIntent, livemode: bool) -> dict[str, Any]:
    """Render a SetupIntent (docs.stripe.com/api/setup_intents/object)."""
    view: dict[str, Any] = {
        "id": intent.id, "object": "setup_intent", "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": intent.details.get("automatic_payment_methods"),
        "cancellation_reason": intent.cancellation_reason,
        "client_secret": intent.client_secret, "created": unix(intent.created),
        "customer": intent.customer, "customer_account": None,
        "description": intent.details.get("description"),
        "excluded_payment_method_types": None, "flow_directions": None,
        "last_setup_error": intent.last_setup_error, "latest_attempt": intent.latest_attempt,
        "livemode": livemode, "managed_payments": None, "mandate": None,
        "metadata": intent.metadata, "next_action": intent.next_action, "on_behalf_of": None,
        "payment_method": intent.payment_method, "payment_method_configuration_details": None,
        "payment_method_options": _OPTIONS, "payment_method_types": ["card"],
        "single_use_mandate": None, "status": intent.status.value, "usage": intent.usage,
    }  # fmt: skip
    if intent.unknown is not None:
        view["hazina"] = {"outcome": intent.unknown}
    return view


def attempt_view(attempt: SetupAttempt, livemode: bool) -> dict[str, Any]:
    """Render a SetupAttempt (docs.stripe.com/api/setup_attempts/object)."""
    card = attempt.card
    shown = {
        "brand": card["brand"],
        "checks": {
            "address_line1_check": None, "address_postal_code_check": None,
            "cvc_check": card.get("cvc_check"),
        },
        "country": card["country"], "exp_month": card["exp_month"],
        "exp_year": card["exp_year"], "fingerprint": card["fingerprint"],
        "funding": card["funding"], "last4": card["last4"], "network": card["brand"],
        "three_d_secure": None, "wallet": None,
    }  # fmt: skip
    return {
        "id": attempt.id, "object": "setup_attempt", "application": None,
        "created": unix(attempt.created), "customer": attempt.customer,
        "customer_account": None, "flow_directions": None, "livemode": livemode,
        "on_behalf_of": None, "payment_method": attempt.payment_method,
        "payment_method_details": {"card": shown, "type": "card"},
        "setup_error": attempt.setup_error, "setup_intent": attempt.setup_intent,
        "status": attempt.status, "usage": attempt.usage,
    }  # fmt: skip
