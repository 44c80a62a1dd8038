"""Parameters of payment intents."""

from __future__ import annotations

from hazina.api.params.kinds import (
    Boolean,
    Choice,
    Currency,
    Fields,
    Integer,
    Items,
    OffSession,
    Param,
    Text,
)
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
from hazina.api.params.payment_methods import ANY_METHOD_DATA
from hazina.payments.accepting import CURRENCIES

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
    "on_behalf_of": NO_CONNECT,
    "payment_details": "put references into metadata",
    "payment_method_configuration": "use payment_method_types",
    "radar_options": "leave it out",
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
_IF_AVAILABLE = Param(Choice(("if_available", "never")))
_IN_TIME = "the authorization lasts seven days"
_CARD_OPTIONS = Fields(
    {
        "capture_method": Param(Choice(("manual",)), unsettable=True),
        "request_incremental_authorization": _IF_AVAILABLE,
        "request_multicapture": _IF_AVAILABLE,
        "request_three_d_secure": Param(
            Choice(("automatic",)), about="3-D Secure is asked for when the card needs it."
        ),
        "setup_future_usage": Param(Choice(("none", "off_session", "on_session")), unsettable=True),
    },
    {
        "cvc_token": "leave it out",
        "installments": "leave it out",
        "mandate_options": "mandates are not kept here, so leave it out",
        "moto": "leave it out",
        "network": "the card's own network is used, so leave it out",
        "request_extended_authorization": _IN_TIME,
        "request_overcapture": "use request_incremental_authorization and increment before you "
        "capture",
        "require_cvc_recollection": "leave it out",
        "statement_descriptor_suffix_kana": "use statement_descriptor_suffix",
        "statement_descriptor_suffix_kanji": "use statement_descriptor_suffix",
        "three_d_secure": "3-D Secure is done here when the card needs it, so leave it out",
    },
)
_TRANSFER = Fields(
    {
        "type": Param(Choice(tuple(CURRENCIES)), required=True),
        "eu_bank_transfer": Param(
            Fields({"country": Param(Choice(("BE", "DE", "ES", "FR", "IE", "NL")), required=True)})
        ),
    },
    {"requested_address_types": "all addresses are shown, so leave it out"},
)
_BALANCE_OPTIONS = Fields(
    {
        "funding_type": Param(Choice(("bank_transfer",))),
        "bank_transfer": Param(_TRANSFER),
        "setup_future_usage": Param(Choice(("none",))),
    }
)
_OPTIONS = Param(
    Fields(
        {
            "card": Param(_CARD_OPTIONS, unsettable=True),
            "customer_balance": Param(_BALANCE_OPTIONS, unsettable=True),
        },
        {"sepa_debit": "debits have no options here, so leave it out"},
    ),
    unsettable=True,
)
_MANDATE = Fields(
    {
        "customer_acceptance": Param(
            Fields(
                {
                    "type": Param(Choice(("offline", "online")), required=True),
                    "accepted_at": Param(Integer(maximum=253_402_300_799)),
                    "offline": Param(Fields({}), unsettable=True),
                    "online": Param(
                        Fields(
                            {
                                "ip_address": Param(Text(length_max=45), required=True),
                                "user_agent": Param(Text(), required=True),
                            }
                        )
                    ),
                }
            ),
            required=True,
        )
    }
)
_OFF_SESSION = Param(
    OffSession(),
    about="True where the customer is absent: a card that needs 3-D Secure is declined.",
)
_ON_ACTION = Param(Boolean(), about="True to have the attempt declined instead of 3-D Secure.")
_FUTURE = Param(Choice(("off_session", "on_session")), unsettable=True)

_CONFIRM_ONLY = {
    "error_on_requires_action": _ON_ACTION,
    "mandate_data": Param(
        _MANDATE, about="How the customer accepted the mandate of a SEPA debit; kept as evidence."
    ),
    "off_session": _OFF_SESSION,
    "return_url": Param(URL),
    "use_stripe_sdk": Param(Boolean(), about="Accepted; the next action is always a redirect."),
}
_CHANGEABLE = {
    "customer": Param(ID, unsettable=True),
    "description": DESCRIPTION,
    "metadata": METADATA,
    "payment_method": Param(ID, unsettable=True),
    "payment_method_data": Param(ANY_METHOD_DATA, about="In place of payment_method."),
    "payment_method_options": _OPTIONS,
    "payment_method_types": Param(
        Items(Choice(("card", "customer_balance", "sepa_debit")), count_max=20, count_min=1)
    ),
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
    {**UNSUPPORTED, "mandate_data": "send it with the confirmation"},
)
CONFIRM = Fields(
    {
        "client_secret": Param(Text()),
        "capture_method": _CAPTURE,
        "payment_method": Param(ID),
        "payment_method_data": _CHANGEABLE["payment_method_data"],
        "payment_method_options": _OPTIONS,
        "payment_method_types": _CHANGEABLE["payment_method_types"],
        "receipt_email": Param(EMAIL, unsettable=True),
        "setup_future_usage": _FUTURE,
        "shipping": Param(SHIPPING, unsettable=True),
        **_CONFIRM_ONLY,
    },
    UNSUPPORTED,
)
CAPTURE = Fields(
    {
        "amount_to_capture": Param(
            Integer(minimum=0), about="At most what is capturable; 0 releases what is left."
        ),
        "final_capture": Param(
            Boolean(), about="False keeps the rest for further captures, where these are available."
        ),
        "metadata": METADATA,
        "statement_descriptor": _CHANGEABLE["statement_descriptor"],
        "statement_descriptor_suffix": _CHANGEABLE["statement_descriptor_suffix"],
    },
    UNSUPPORTED,
)
INCREMENT = Fields(
    {
        "amount": Param(AMOUNT, required=True, about="The new total, above what is authorized."),
        "description": DESCRIPTION,
        "metadata": METADATA,
        "statement_descriptor": _CHANGEABLE["statement_descriptor"],
    },
    UNSUPPORTED,
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
