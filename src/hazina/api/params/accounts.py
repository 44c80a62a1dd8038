"""Parameters of accounts."""

from __future__ import annotations

import re

from hazina.api.params.kinds import Boolean, Choice, Currency, Fields, Integer, Param, Text
from hazina.api.params.parts import ADDRESS, CREATED, EMAIL, LIST_PARAMS, METADATA, SHORT, URL

_MCC = Text(length_max=4, pattern=re.compile(r"[0-9]{4}"), expected="send four digits")
_COUNTRY = Text(
    length_max=2, pattern=re.compile(r"[A-Z]{2}"), expected="send two capital letters, such as KE"
)
_PROFILE = Fields(
    {
        "mcc": Param(_MCC, unsettable=True),
        "name": SHORT,
        "product_description": SHORT,
        "support_address": Param(ADDRESS, unsettable=True),
        "support_email": Param(EMAIL, unsettable=True),
        "support_phone": SHORT,
        "support_url": Param(URL, unsettable=True),
        "url": Param(URL, unsettable=True),
    }
)
_CAPABILITY = Param(Fields({"requested": Param(Boolean())}))
_CAPABILITIES = Fields(
    {"card_payments": _CAPABILITY, "transfers": _CAPABILITY},
    {},
)
_CONTROLLER = Fields(
    {
        "fees": Param(Fields({"payer": Param(Choice(("account", "application")))})),
        "losses": Param(Fields({"payments": Param(Choice(("application", "stripe")))})),
        "requirement_collection": Param(Choice(("application", "stripe"))),
        "stripe_dashboard": Param(
            Fields({"type": Param(Choice(("express", "full", "none")))}),
        ),
    }
)
_TERMS = Fields(
    {
        "date": Param(Integer()),
        "ip": Param(Text(length_max=45)),
        "service_agreement": Param(Choice(("full", "recipient"))),
        "user_agent": Param(Text(length_max=500)),
    }
)
_KEPT_ELSEWHERE = "identity documents and bank details are not kept here, so leave it out"
_UNSUPPORTED = {
    "account_token": _KEPT_ELSEWHERE,
    "bank_account": _KEPT_ELSEWHERE,
    "company": _KEPT_ELSEWHERE,
    "documents": _KEPT_ELSEWHERE,
    "external_account": _KEPT_ELSEWHERE,
    "groups": "leave it out",
    "individual": _KEPT_ELSEWHERE,
    "settings": "put what you need to remember into metadata",
}
_CHANGEABLE = {
    "business_profile": Param(_PROFILE),
    "business_type": Param(Choice(("company", "government_entity", "individual", "non_profit"))),
    "capabilities": Param(_CAPABILITIES),
    "default_currency": Param(Currency()),
    "email": Param(EMAIL, unsettable=True),
    "metadata": METADATA,
    "tos_acceptance": Param(_TERMS),
}
CREATE = Fields(
    {
        **_CHANGEABLE,
        "controller": Param(_CONTROLLER),
        "country": Param(_COUNTRY),
        "type": Param(Choice(("custom", "express", "standard"))),
    },
    _UNSUPPORTED,
)
UPDATE = Fields(
    _CHANGEABLE,
    _UNSUPPORTED
    | {"controller": "it is chosen when the account is created"}
    | {"country": "make another account for another country"}
    | {"type": "it is chosen when the account is created"},
)
REJECT = Fields(
    {
        "reason": Param(
            Choice(("fraud", "other", "terms_of_service")), required=True,
            about="Why the account is ended.",
        )
    }
)  # fmt: skip
LIST = Fields({**CREATED, **LIST_PARAMS})
