"""Parameters of customers, webhook endpoints, events and balance transactions."""

from __future__ import annotations

from hazina.api.params.kinds import Boolean, Choice, Currency, Fields, Integer, Items, Param, Text
from hazina.api.params.parts import (
    ADDRESS,
    CREATED,
    DESCRIPTION,
    EMAIL,
    ID,
    LIST_PARAMS,
    METADATA,
    NO_BILLING,
    SHIPPING,
    SHORT,
    URL,
)
from hazina.api.params.payment_methods import SOURCE

NOTHING = Fields({})

_LOCALES = Items(Text(length_max=35), count_max=20)
_CUSTOMER = {
    "address": Param(ADDRESS, unsettable=True),
    "business_name": Param(Text(length_max=150), unsettable=True),
    "description": DESCRIPTION,
    "email": Param(EMAIL, unsettable=True),
    "individual_name": Param(Text(length_max=150), unsettable=True),
    "metadata": METADATA,
    "name": SHORT,
    "phone": Param(Text(length_max=64), unsettable=True),
    "preferred_locales": Param(_LOCALES),
    "shipping": Param(SHIPPING, unsettable=True),
    "tax_exempt": Param(Choice(("exempt", "none", "reverse")), unsettable=True),
    "invoice_settings": Param(
        Fields(
            {"default_payment_method": Param(ID, unsettable=True)},
            dict.fromkeys(("custom_fields", "footer", "rendering_options"), NO_BILLING),
        )
    ),
    "source": SOURCE,
}
_CUSTOMER_UNSUPPORTED = {
    "balance": NO_BILLING,
    "cash_balance": "Hazina keeps no money for a merchant's customers, so there is no cash balance",
    "invoice_prefix": NO_BILLING,
    "next_invoice_sequence": NO_BILLING,
    "tax": NO_BILLING,
    "tax_id_data": NO_BILLING,
    "validate": "leave it out",
}
CUSTOMER_CREATE = Fields(
    {
        **_CUSTOMER,
        "payment_method": Param(ID, about="Attached to the new customer; pm_card_visa is cloned."),
        "test_clock": Param(ID, about="Whose time the customer follows."),
    },
    _CUSTOMER_UNSUPPORTED | {"default_source": "pass source"},
)
CUSTOMER_UPDATE = Fields(
    {**_CUSTOMER, "default_source": Param(ID)},
    _CUSTOMER_UNSUPPORTED
    | {
        "payment_method": "attach it to the customer",
        "test_clock": "a customer keeps the clock that it was made with",
    },
)
CUSTOMER_LIST = Fields(
    {"email": Param(Text(length_max=512)), "test_clock": Param(ID), **CREATED, **LIST_PARAMS}
)

_EVENT_TYPE = Text(length_max=100)
_ENABLED = Items(_EVENT_TYPE, count_max=500, count_min=1)
_CONNECT = {"connect": "it is chosen when the endpoint is made, so make another one"}
WEBHOOK_CREATE = Fields(
    {
        "url": Param(URL, required=True),
        "enabled_events": Param(_ENABLED, required=True, about="Event types, or * for all."),
        "api_version": Param(Text(length_max=64)),
        "description": DESCRIPTION,
        "metadata": METADATA,
        "connect": Param(Boolean(), about="Hear of your connected accounts instead of your own."),
    }
)
WEBHOOK_UPDATE = Fields(
    {
        "url": Param(URL),
        "enabled_events": Param(_ENABLED),
        "disabled": Param(Boolean()),
        "description": DESCRIPTION,
        "metadata": METADATA,
    },
    _CONNECT,
)
PLAIN_LIST = Fields(LIST_PARAMS)
WEBHOOK_ROTATE = Fields(
    {
        "overlap_seconds": Param(
            Integer(minimum=0, maximum=604_800),
            about="How long webhooks are signed with the old secret too; a day by default.",
        )
    }
)
WEBHOOK_REPLAY = Fields(
    {
        "what": Param(Choice(("all", "failed")), about="All events, or deliveries that failed."),
        **CREATED,
    }
)
WEBHOOK_REPLAY_ONE = Fields({"event": Param(ID, required=True)})
WEBHOOK_DELIVERIES = Fields(
    {"status": Param(Choice(("pending", "delivered", "failed"))), **LIST_PARAMS}
)
WEBHOOK_ATTEMPTS = Fields({"event": Param(ID), **LIST_PARAMS})

EVENT_LIST = Fields(
    {
        "type": Param(_EVENT_TYPE),
        "types": Param(Items(_EVENT_TYPE, count_max=20, count_min=1)),
        **CREATED,
        **LIST_PARAMS,
    },
    {"delivery_success": "look at the webhook endpoint's deliveries"},
)
BALANCE_TRANSACTION_LIST = Fields(
    {
        "currency": Param(Currency()),
        "source": Param(ID),
        "type": Param(Text(length_max=64)),
        **CREATED,
        **LIST_PARAMS,
    },
    {"payout": "filter by source"},
)

_FROZEN = Param(
    Integer(minimum=1, maximum=4_102_444_800), required=True, about="A Unix time, in seconds."
)
_GOVERNS = Choice(("customers", "merchant"))
TEST_CLOCK_CREATE = Fields(
    {
        "frozen_time": _FROZEN,
        "name": Param(Text(length_max=300)),
        "hazina": Param(
            Fields({"governs": Param(_GOVERNS)}),
            about="governs=merchant: the clock is that of everything in the merchant's test mode.",
        ),
    },
    {"customer": "create the customer with test_clock, when the clock is there"},
)
TEST_CLOCK_ADVANCE = Fields({"frozen_time": _FROZEN})
