"""The route that shows a payment method."""

from __future__ import annotations

from hazina.api.params.others import NOTHING
from hazina.api.payment_methods import payment_method_view
from hazina.api.route import Call, Result, Route


async def payment_method(call: Call) -> Result:
    """Return one payment method."""
    return payment_method_view(call.caller, call.ids[0])


ROUTES = (
    Route(
        "GET", "/v1/payment_methods/{id}", payment_method, NOTHING, "payment_method",
        "Retrieve a payment method",
    ),
)  # fmt: skip
