"""Routes of the calling merchant's account, and of payment methods."""

from __future__ import annotations

from typing import Any

from hazina.api.params.others import NOTHING
from hazina.api.payment_methods import payment_method_view
from hazina.api.route import Call, Result, Route
from hazina.clock import unix
from hazina.merchants.merchant import Merchant
from hazina.refusals import Code, Refusal, shown_id


async def own(call: Call) -> Result:
    """Return the account that the key belongs to."""
    return view(call.caller.merchant)


async def retrieve(call: Call) -> Result:
    """Return the account by its id, if it is the key's."""
    merchant = call.caller.merchant
    if call.ids[0] != merchant.account_id:
        raise Refusal(
            Code.RESOURCE_MISSING,
            f"No such account: '{shown_id(call.ids[0])}'. A key sees only its own.",
            param="account",
        )
    return view(merchant)


async def payment_method(call: Call) -> Result:
    """Return one payment method."""
    return payment_method_view(call.caller, call.ids[0])


def view(merchant: Merchant) -> dict[str, Any]:
    """Render a merchant as Stripe's Account."""
    return {
        "id": merchant.account_id,
        "object": "account",
        "business_type": None,
        "capabilities": {"card_payments": "active"},
        "charges_enabled": True,
        "country": merchant.country,
        "created": unix(merchant.created),
        "default_currency": merchant.default_currency,
        "details_submitted": True,
        "email": merchant.email,
        "metadata": {},
        "payouts_enabled": False,
        "type": "standard",
    }


ROUTES = (
    Route("GET", "/v1/account", own, NOTHING, "account", "Retrieve your account"),
    Route("GET", "/v1/accounts/{id}", retrieve, NOTHING, "account", "Retrieve your account by id"),
    Route(
        "GET", "/v1/payment_methods/{id}", payment_method, NOTHING, "payment_method",
        "Retrieve a payment method",
    ),
)  # fmt: skip
