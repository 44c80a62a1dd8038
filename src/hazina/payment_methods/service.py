"""One door to payment methods: find one, show it, tell how its money behaves."""

from __future__ import annotations

from functools import cache
from typing import Any

from hazina.payment_methods.test_methods import TestMethod, find
from hazina.refusals import Code, Refusal, shown_id


def resolve(given: str) -> str:
    """Return the id of a test method named by `pm_card_...` or `tok_...`.

    Refuses `resource_missing`.
    """
    return _method(given).id


def bypasses_pending(method_id: str) -> bool:
    """Tell whether captured money is available at once."""
    return _method(method_id).bypass_pending


@cache
def card_details(method_id: str) -> dict[str, Any]:
    """Return what is shown of the card: brand, last4, expiry, funding, country, fingerprint."""
    method = _method(method_id)
    return {
        "brand": method.brand, "country": method.country, "exp_month": method.exp_month,
        "exp_year": method.exp_year, "fingerprint": method.fingerprint,
        "funding": method.funding, "last4": method.last4,
    }  # fmt: skip


def view(given: str, created_unix: int, livemode: bool) -> dict[str, Any]:
    """Render a PaymentMethod (docs.stripe.com/api/payment_methods/object)."""
    method = _method(given)
    card = card_details(method.id) | {
        "checks": {
            "address_line1_check": None, "address_postal_code_check": None, "cvc_check": None,
        },
        "display_brand": method.brand, "generated_from": None,
        "networks": {"available": [method.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": method.three_d_secure}, "wallet": None,
    }  # fmt: skip
    return {
        "id": method.id, "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": {
            "address": None, "email": None, "name": None, "phone": None, "tax_id": None,
        },
        "card": card, "created": created_unix, "customer": None, "customer_account": None,
        "livemode": livemode, "metadata": {}, "type": "card",
    }  # fmt: skip


def _method(given: str) -> TestMethod:
    found = find(given)
    if found is None:
        raise Refusal(
            Code.RESOURCE_MISSING,
            f"No such PaymentMethod: '{shown_id(given)}'. Use one of the test payment "
            "methods, such as pm_card_visa.",
            param="payment_method",
        )
    return found
