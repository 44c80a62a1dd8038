"""Parameters of checkout sessions and payment links."""

from __future__ import annotations

import re

from hazina.api.params.catalog import AMOUNTS, AMOUNTS_UNSUPPORTED, PRODUCT_CREATE
from hazina.api.params.kinds import Boolean, Choice, Fields, Integer, Items, Metadata, Param, Text
from hazina.api.params.parts import (
    CREATED,
    EMAIL,
    ID,
    LIST_PARAMS,
    METADATA,
    NO_BILLING,
    NO_CONNECT,
    SHIPPING,
    STATEMENT,
)

_WEB = Text(
    length_max=2048,
    pattern=re.compile(r"https?://\S+"),
    expected="send an absolute http or https URL",
)
_ONCE = "payments are taken once here, so use mode=payment with one-off prices"
_NOT_ASKED = "the page asks for a card, a name and an e-mail address only, so leave it out"
_NO_DISCOUNT = "lower the price instead"
_NO_SHIPPING = "add the cost of shipping as a line item, and send the address in "
_NO_SHIPPING += "payment_intent_data[shipping]"
_OFF = Fields({"enabled": Param(Choice(("false",)), required=True)})

_PRICE_DATA = Fields(
    {
        **AMOUNTS,
        "product": Param(ID),
        "product_data": Param(
            Fields(
                {
                    "name": Param(Text(length_max=250), required=True),
                    "description": Param(Text()),
                    "images": PRODUCT_CREATE.params["images"],
                    "metadata": Param(Metadata()),
                    "unit_label": Param(Text(length_max=12)),
                },
                {"tax_code": NO_BILLING, "tax_details": NO_BILLING},
            )
        ),
    },
    AMOUNTS_UNSUPPORTED | {"recurring": _ONCE},
)
_LINE_ITEM = Fields(
    {
        "price": Param(ID),
        "price_data": Param(_PRICE_DATA),
        "quantity": Param(Integer(minimum=1, maximum=999_999), required=True),
        "adjustable_quantity": Param(
            _OFF, about="The quantity cannot be changed on the page: only enabled=false."
        ),
    },
    {
        "dynamic_tax_rates": NO_BILLING,
        "tax_rates": NO_BILLING,
        "metadata": "put metadata on the price or the session",
    },
)
_LINE_ITEMS = Param(Items(_LINE_ITEM, count_max=100, count_min=1), required=True)
_INTENT = {
    "capture_method": Param(Choice(("automatic", "automatic_async", "manual"))),
    "description": Param(Text()),
    "metadata": Param(Metadata()),
    "setup_future_usage": Param(Choice(("off_session", "on_session"))),
    "statement_descriptor": Param(STATEMENT),
    "statement_descriptor_suffix": Param(STATEMENT),
    "transfer_group": Param(Text(length_max=255)),
}
_INTENT_UNSUPPORTED = {
    "application_fee_amount": NO_CONNECT,
    "on_behalf_of": NO_CONNECT,
    "transfer_data": NO_CONNECT,
}
_SHARED = {
    "allow_promotion_codes": Param(
        Boolean(), about="Accepted; there are no promotion codes, so the page asks for none."
    ),
    "billing_address_collection": Param(Choice(("auto",))),
    "customer_creation": Param(Choice(("always", "if_required"))),
    "metadata": METADATA,
    "payment_method_types": Param(Items(Choice(("card",)), count_max=20, count_min=1)),
    "submit_type": Param(Choice(("auto", "book", "donate", "pay"))),
}
_SHARED_UNSUPPORTED = {
    "automatic_tax": NO_BILLING,
    "consent_collection": _NOT_ASKED,
    "custom_fields": _NOT_ASKED,
    "custom_text": "put what is to be read into the products' descriptions",
    "invoice_creation": NO_BILLING,
    "name_collection": _NOT_ASKED,
    "optional_items": "make a session with the items that were chosen",
    "payment_method_options": "3-D Secure is asked for when the card needs it, so leave it out",
    "phone_number_collection": _NOT_ASKED,
    "shipping_address_collection": _NO_SHIPPING,
    "shipping_options": _NO_SHIPPING,
    "subscription_data": _ONCE,
    "tax_id_collection": NO_BILLING,
}

SESSION_CREATE = Fields(
    {
        "line_items": _LINE_ITEMS,
        "mode": Param(Choice(("payment", "setup", "subscription")), about="Only payment."),
        "success_url": Param(_WEB, about="May hold {CHECKOUT_SESSION_ID}."),
        "cancel_url": Param(_WEB),
        "client_reference_id": Param(Text(length_max=200)),
        "customer": Param(ID),
        "customer_email": Param(EMAIL),
        "expires_at": Param(Integer(maximum=253_402_300_799), about="30 minutes to 24 hours."),
        "locale": Param(Choice(("auto", "en"))),
        "payment_intent_data": Param(
            Fields(
                {**_INTENT, "receipt_email": Param(EMAIL), "shipping": Param(SHIPPING)},
                _INTENT_UNSUPPORTED,
            )
        ),
        "ui_mode": Param(Choice(("hosted_page",))),
        **_SHARED,
    },
    _SHARED_UNSUPPORTED
    | {
        "after_expiration": "make a new session when one has expired",
        "customer_account": "use customer",
        "customer_update": "update the customer when the session is complete",
        "discounts": _NO_DISCOUNT,
        "excluded_payment_method_types": "cards are the only type",
        "payment_method_collection": _ONCE,
        "payment_method_configuration": "use payment_method_types",
        "payment_method_data": "the page asks for the card",
        "redirect_on_completion": "the hosted page always returns to success_url",
        "return_url": "use success_url",
        "saved_payment_method_options": "the page asks for a card each time",
        "setup_intent_data": "make a setup intent instead",
    },
)
SESSION_UPDATE = Fields({"metadata": METADATA})
SESSION_LIST = Fields(
    {
        "customer": Param(ID),
        "payment_intent": Param(ID),
        "payment_link": Param(ID),
        "status": Param(Choice(("complete", "expired", "open"))),
        **CREATED,
        **LIST_PARAMS,
    },
    {
        "customer_account": "use customer",
        "customer_details": "filter by customer",
        "subscription": NO_BILLING,
    },
)

_AFTER = Fields(
    {
        "type": Param(Choice(("hosted_confirmation", "redirect")), required=True),
        "hosted_confirmation": Param(
            Fields({"custom_message": Param(Text(length_max=500), unsettable=True)})
        ),
        "redirect": Param(Fields({"url": Param(_WEB, required=True)})),
    }
)
_LINK = {
    "after_completion": Param(_AFTER),
    "inactive_message": Param(Text(length_max=500), unsettable=True),
    "payment_intent_data": Param(Fields(_INTENT, _INTENT_UNSUPPORTED)),
    **_SHARED,
}
_LINK_UNSUPPORTED = _SHARED_UNSUPPORTED | {
    "application_fee_amount": NO_CONNECT,
    "application_fee_percent": NO_CONNECT,
    "on_behalf_of": NO_CONNECT,
    "payment_method_collection": _ONCE,
    "restrictions": "set active=false when enough was sold",
    "transfer_data": NO_CONNECT,
}
LINK_CREATE = Fields({"line_items": _LINE_ITEMS, **_LINK}, _LINK_UNSUPPORTED)
LINK_UPDATE = Fields(
    {"active": Param(Boolean()), **_LINK},
    _LINK_UNSUPPORTED | {"line_items": "make another link"},
)
LINK_LIST = Fields({"active": Param(Boolean()), **LIST_PARAMS})
