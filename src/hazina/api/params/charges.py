"""Parameters of charges and refunds."""

from __future__ import annotations

from hazina.api.params.kinds import Boolean, Choice, Currency, Fields, Param, Text
from hazina.api.params.parts import (
    AMOUNT,
    CREATED,
    DESCRIPTION,
    EMAIL,
    ID,
    LIST_PARAMS,
    METADATA,
    NO_CONNECT,
    SHIPPING,
    STATEMENT,
)

_UNSUPPORTED = {
    "application_fee": NO_CONNECT,
    "application_fee_amount": NO_CONNECT,
    "card": "pass source with a test token such as tok_visa, or use a payment intent",
    "destination": NO_CONNECT,
    "fraud_details": "put what you know into metadata",
    "on_behalf_of": NO_CONNECT,
    "radar_options": "leave it out",
    "transfer_data": NO_CONNECT,
}
_TRANSFER_GROUP = Param(Text(length_max=255))

CREATE = Fields(
    {
        "amount": Param(AMOUNT, required=True, about="In the currency's minor unit."),
        "currency": Param(Currency(), required=True),
        "capture": Param(Boolean()),
        "customer": Param(ID),
        "description": DESCRIPTION,
        "metadata": METADATA,
        "receipt_email": Param(EMAIL),
        "shipping": Param(SHIPPING),
        "source": Param(
            ID,
            about="A token such as tok_visa, or a card; a customer's default where it is left out.",
        ),
        "statement_descriptor": Param(STATEMENT),
        "statement_descriptor_suffix": Param(STATEMENT),
        "transfer_group": _TRANSFER_GROUP,
    },
    _UNSUPPORTED,
)
UPDATE = Fields(
    {
        "description": DESCRIPTION,
        "metadata": METADATA,
        "receipt_email": Param(EMAIL, unsettable=True),
        "shipping": Param(SHIPPING, unsettable=True),
        "transfer_group": Param(Text(length_max=255), unsettable=True),
    },
    _UNSUPPORTED | {"customer": "it is fixed once the charge is made; put it into metadata"},
)
CAPTURE = Fields(
    {"amount": Param(AMOUNT)},
    _UNSUPPORTED
    | dict.fromkeys(
        ("receipt_email", "statement_descriptor", "statement_descriptor_suffix", "transfer_group"),
        "set it when you create the charge",
    ),
)
LIST = Fields(
    {"customer": Param(ID), "payment_intent": Param(ID), **CREATED, **LIST_PARAMS},
    {"transfer_group": "filter by payment_intent or customer"},
)

_REASON = Param(Choice(("duplicate", "fraudulent", "requested_by_customer")))
_REFUND_UNSUPPORTED = {
    "currency": "a refund is in the charge's currency, so leave it out",
    "customer": "name the charge or payment_intent",
    "instructions_email": "leave it out",
    "origin": "name the charge or payment_intent",
    "refund_application_fee": NO_CONNECT,
    "reverse_transfer": NO_CONNECT,
}
REFUND_OF_CHARGE = Fields(
    {"amount": Param(AMOUNT), "metadata": METADATA, "reason": _REASON}, _REFUND_UNSUPPORTED
)
REFUND_CREATE = Fields(
    {
        "charge": Param(ID),
        "payment_intent": Param(ID),
        **REFUND_OF_CHARGE.params,
    },
    _REFUND_UNSUPPORTED,
)
REFUND_UPDATE = Fields({"metadata": METADATA})
REFUNDS_OF_CHARGE = Fields(LIST_PARAMS)
REFUND_LIST = Fields({"charge": Param(ID), "payment_intent": Param(ID), **CREATED, **LIST_PARAMS})
