"""Routes of payment intents."""

from __future__ import annotations

from hazina.api.client_secret import Shown
from hazina.api.lists import listing, split
from hazina.api.params import payment_intents as params
from hazina.api.route import Call, Result, Route
from hazina.api.searches import search_route
from hazina.refusals import Code, Refusal

_KIND = "payment_intent"

_SHOWN = Shown(
    _KIND,
    "last_payment_error",
    frozenset(
        {
            "amount", "canceled_at", "capture_method", "confirmation_method", "currency",
            "processing", "receipt_email", "setup_future_usage", "shipping",
        }
    ),
    frozenset(
        {
            "capture_method", "error_on_requires_action", "off_session", "payment_method_options",
            "payment_method_types",
        }
    ),
)  # fmt: skip


async def create(call: Call) -> Result:
    """Make a payment intent, and confirm it when `confirm` is true."""
    return await call.core.payments.create_intent(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one payment intent; with a publishable key only to a holder of its secret."""
    return await _SHOWN.retrieve(
        call, call.core.payments.retrieve, call.params.get("client_secret")
    )


async def update(call: Call) -> Result:
    """Change a payment intent that is not under way."""
    return await call.core.payments.update_intent(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def confirm(call: Call) -> Result:
    """Try to take the payment; with a publishable key only for a holder of the secret."""
    await _SHOWN.check_confirmation(call, call.core.payments.retrieve)
    if call.caller.publishable:
        await _need_automatic(call)
    return await call.core.payments.confirm_intent(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def capture(call: Call) -> Result:
    """Capture an authorized payment intent, wholly or in part."""
    return await call.core.payments.capture_intent(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def increment(call: Call) -> Result:
    """Raise the amount that is authorized and not captured."""
    return await call.core.payments.increment_intent(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def cancel(call: Call) -> Result:
    """Cancel a payment intent and release what it holds."""
    return await call.core.payments.cancel_intent(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def list_all(call: Call) -> Result:
    """Return payment intents, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.payments.list(call.caller, _KIND, filters, page))


async def _need_automatic(call: Call) -> None:
    view = await call.core.payments.retrieve(call.caller, _KIND, call.ids[0])
    if view["confirmation_method"] == "manual":
        raise Refusal(
            Code.SECRET_KEY_REQUIRED,
            "This PaymentIntent's confirmation_method is manual, so it is confirmed with a secret "
            "key, by your server.",
        )


_ONE = "/v1/payment_intents/{id}"
ROUTES = (
    Route(
        "POST", "/v1/payment_intents", create, params.CREATE, _KIND, "Create a payment intent"
    ),
    Route(
        "GET", "/v1/payment_intents", list_all, params.LIST, _KIND, "List payment intents",
        listed=True,
    ),
    Route(
        "GET", _ONE, retrieve, params.RETRIEVE, _KIND, "Retrieve a payment intent",
        publishable=True, public=_SHOWN.public,
    ),
    search_route("/v1/payment_intents", _KIND, "Search payment intents"),
    Route("POST", _ONE, update, params.UPDATE, _KIND, "Update a payment intent"),
    Route(
        "POST", f"{_ONE}/confirm", confirm, params.CONFIRM, _KIND, "Confirm a payment intent",
        publishable=True, public=_SHOWN.public,
    ),
    Route(
        "POST", f"{_ONE}/capture", capture, params.CAPTURE, _KIND, "Capture a payment intent"
    ),
    Route(
        "POST", f"{_ONE}/increment_authorization", increment, params.INCREMENT, _KIND,
        "Increment an authorization",
    ),
    Route("POST", f"{_ONE}/cancel", cancel, params.CANCEL, _KIND, "Cancel a payment intent"),
)  # fmt: skip
