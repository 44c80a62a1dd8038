"""Parameters of setup intents and their attempts."""

from __future__ import annotations

from hazina.api.params.kinds import Boolean, Choice, Fields, Items, Param, Text
from hazina.api.params.parts import CREATED, DESCRIPTION, ID, LIST_PARAMS, METADATA, URL
from hazina.api.params.payment_methods import METHOD_DATA

_AUTOMATIC = Fields(
    {
        "enabled": Param(Boolean(), required=True),
        "allow_redirects": Param(Choice(("always", "never"))),
    }
)
_OPTIONS = Fields(
    {"card": Param(Fields({"request_three_d_secure": Param(Choice(("automatic",)))}))}
)
_METHOD = {
    "payment_method": Param(ID, about="Of the customer, or of nobody; pm_card_visa is cloned."),
    "payment_method_data": Param(METHOD_DATA),
    "payment_method_options": Param(_OPTIONS),
}
_CHANGEABLE = {
    "customer": Param(ID, unsettable=True),
    "description": DESCRIPTION,
    "metadata": METADATA,
    "payment_method_types": Param(Items(Choice(("card",)), count_max=20, count_min=1)),
    **_METHOD,
}
_CONFIRM_ONLY = {
    "return_url": Param(URL),
    "use_stripe_sdk": Param(Boolean(), about="Accepted; the next action is always a redirect."),
}
_UNSUPPORTED = {
    "attach_to_self": "name the customer",
    "customer_account": "use customer",
    "mandate_data": "mandates are not kept here, so leave it out",
    "single_use": "create a payment intent instead",
}
CREATE = Fields(
    {
        "automatic_payment_methods": Param(_AUTOMATIC),
        "confirm": Param(Boolean()),
        "usage": Param(Choice(("off_session", "on_session"))),
        **_CHANGEABLE,
        **_CONFIRM_ONLY,
    },
    _UNSUPPORTED,
)
UPDATE = Fields(_CHANGEABLE, _UNSUPPORTED)
CONFIRM = Fields({"client_secret": Param(Text()), **_METHOD, **_CONFIRM_ONLY}, _UNSUPPORTED)
CANCEL = Fields(
    {"cancellation_reason": Param(Choice(("abandoned", "duplicate", "requested_by_customer")))}
)
RETRIEVE = Fields({"client_secret": Param(Text())})
LIST = Fields(
    {"customer": Param(ID), "payment_method": Param(ID), **CREATED, **LIST_PARAMS}, _UNSUPPORTED
)
ATTEMPT_LIST = Fields({"setup_intent": Param(ID, required=True), **CREATED, **LIST_PARAMS})
