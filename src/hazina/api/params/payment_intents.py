"""Parameters of payment intents."""

from __future__ import annotations

from hazina.api.params.kinds import Boolean, Choice, Currency, Fields, Items, Param, Text
from hazina.api.params.parts import (
    AMOUNT,
    CREATED,
    DESCRIPTION,
    EMAIL,
    ID,
    LIST_PARAMS,
    METADATA,
    NO_BILLING,
    NO_CONNECT,
    SHIPPING,
    STATEMENT,
    URL,
)

_USE_PAYMENT_METHOD = (
    "pass payment_method with the id of a payment method, such as pm_card_visa in test mode"
)
UNSUPPORTED = {
    "allowed_payment_method_types": "use payment_method_types",
    "amount_details": "put line items into metadata",
    "application_fee_amount": NO_CONNECT,
    "confirmation_token": _USE_PAYMENT_METHOD,
    "customer_account": "use customer",
    "excluded_payment_method_types": "use payment_method_types",
    "hooks": NO_BILLING,
    "mandate": "mandates are not kept here, so leave it out",
    "mandate_data": "mandates are not kept here, so leave it out",
    "on_behalf_of": NO_CONNECT,
    "payment_details": "put references into metadata",
    "payment_method_configuration": "use payment_method_types",
    "payment_method_data": _USE_PAYMENT_METHOD,
    "payment_method_options": "capture_method is a parameter of its own, and 3-D Secure is asked "
    "for when the card needs it, so leave it out",
    "radar_options": "leave it out",
    "error_on_requires_action": "look at next_action and cancel the payment intent instead",
    "off_session": "leave it out, and cancel the payment intent if it requires action",
    "transfer_data": NO_CONNECT,
    "amount_to_confirm": "the whole amount is confirmed; update the amount first",
}
_AUTOMATIC = Fields(
    {
        "enabled": Param(Boolean(), required=True),
        "allow_redirects": Param(Choice(("always", "never"))),
    }
)
_CAPTURE = Param(Choice(("automatic", "automatic_async", "manual")))
_FUTURE = Param(Choice(("off_session", "on_session")), unsettable=True)

_CONFIRM_ONLY = {
    "return_url": Param(URL),
    "use_stripe_sdk": Param(Boolean(), about="Accepted; the next action is always a redirect."),
}
_CHANGEABLE = {
    "customer": Param(ID, unsettable=True),
    "description": DESCRIPTION,
    "metadata": METADATA,
    "payment_method": Param(ID, unsettable=True),
    "payment_method_types": Param(Items(Choice(("card",)), count_max=20, count_min=1)),
    "receipt_email": Param(EMAIL, unsettable=True),
    "setup_future_usage": _FUTURE,
    "shipping": Param(SHIPPING, unsettable=True),
    "statement_descriptor": Param(STATEMENT, unsettable=True),
    "statement_descriptor_suffix": Param(STATEMENT, unsettable=True),
    "transfer_group": Param(Text(length_max=255), unsettable=True),
}

CREATE = Fields(
    {
        "amount": Param(AMOUNT, required=True, about="In the currency's minor unit."),
        "currency": Param(Currency(), required=True),
        "automatic_payment_methods": Param(_AUTOMATIC),
        "capture_method": _CAPTURE,
        "confirm": Param(Boolean()),
        "confirmation_method": Param(Choice(("automatic", "manual"))),
        **_CHANGEABLE,
        **_CONFIRM_ONLY,
    },
    UNSUPPORTED,
)
UPDATE = Fields(
    {
        "amount": Param(AMOUNT),
        "currency": Param(Currency()),
        "capture_method": _CAPTURE,
        **_CHANGEABLE,
    },
    UNSUPPORTED,
)
CONFIRM = Fields(
    {
        "client_secret": Param(Text()),
        "capture_method": _CAPTURE,
        "payment_method": Param(ID),
        "payment_method_types": _CHANGEABLE["payment_method_types"],
        "receipt_email": Param(EMAIL, unsettable=True),
        "setup_future_usage": _FUTURE,
        "shipping": Param(SHIPPING, unsettable=True),
        **_CONFIRM_ONLY,
    },
    UNSUPPORTED,
)
CAPTURE = Fields(
    {"amount_to_capture": Param(AMOUNT)},
    UNSUPPORTED
    | dict.fromkeys(
        ("metadata", "statement_descriptor", "statement_descriptor_suffix"),
        "update the payment intent first",
    )
    | {"final_capture": "one capture is made, and what is left is released, so leave it out"},
)
CANCEL = Fields(
    {
        "cancellation_reason": Param(
            Choice(("abandoned", "duplicate", "fraudulent", "requested_by_customer"))
        )
    }
)
RETRIEVE = Fields({"client_secret": Param(Text())})
LIST = Fields(
    {"customer": Param(ID), **CREATED, **LIST_PARAMS}, {"customer_account": "use customer"}
)
