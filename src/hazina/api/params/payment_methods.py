"""Parameters of payment methods, tokens and the cards of customers."""

from __future__ import annotations

from hazina.api.params.cards import MONTH, YEAR, CardNumber, Cvc, Iban, IdOrCard
from hazina.api.params.kinds import Choice, Currency, Fields, Param, Text
from hazina.api.params.parts import ADDRESS, EMAIL, ID, LIST_PARAMS, METADATA, SHORT

_TYPE = Choice(("card",))
_EXPIRY = {"exp_month": Param(MONTH), "exp_year": Param(YEAR)}
_NETWORKS = {"networks": "one network is used per card, so leave it out"}
_NUMBER = {
    "number": Param(CardNumber(), about="One of the public test numbers; in test mode only."),
    "cvc": Param(Cvc(), about="Checked for its length, then forgotten."),
    **_EXPIRY,
}
CARD = Fields({**_NUMBER, "token": Param(ID, about="A token, such as tok_visa.")}, _NETWORKS)
BILLING = Fields(
    {
        "address": Param(ADDRESS, unsettable=True),
        "email": Param(EMAIL, unsettable=True),
        "name": SHORT,
        "phone": SHORT,
        "tax_id": SHORT,
    }
)
_REDISPLAY = Param(Choice(("always", "limited", "unspecified")))
METHOD_DATA = Fields(
    {
        "type": Param(_TYPE, required=True),
        "card": Param(CARD),
        "billing_details": Param(BILLING),
        "allow_redisplay": _REDISPLAY,
        "metadata": METADATA,
    }
)
"""A card inline, as `payment_method_data` of what takes cards only carries it too."""

_IBAN = Param(
    Iban(), required=True, about="One of the public test IBANs; in test mode only, never kept."
)
ANY_METHOD_DATA = Fields(
    {
        **METHOD_DATA.params,
        "type": Param(Choice(("card", "customer_balance", "sepa_debit")), required=True),
        "sepa_debit": Param(Fields({"iban": _IBAN})),
        "customer_balance": Param(Fields({})),
    }
)
"""A payment method of any type inline."""

CREATE = ANY_METHOD_DATA
UPDATE = Fields(
    {
        "card": Param(Fields(_EXPIRY, _NETWORKS)),
        "billing_details": Param(BILLING),
        "allow_redisplay": _REDISPLAY,
        "metadata": METADATA,
    }
)
ATTACH = Fields({"customer": Param(ID, required=True)}, {"customer_account": "use customer"})
_OF_CUSTOMER = {
    "type": Param(Text(length_max=64)),
    "allow_redisplay": _REDISPLAY,
    **LIST_PARAMS,
}
LIST_OF_CUSTOMER = Fields(_OF_CUSTOMER)
LIST = Fields({"customer": Param(ID), **_OF_CUSTOMER}, {"customer_account": "use customer"})

_LEGACY = {
    "name": SHORT,
    **dict.fromkeys(
        ("address_city", "address_country", "address_line1", "address_line2", "address_state",
         "address_zip"),
        SHORT,
    ),
}  # fmt: skip
_LEGACY_CARD = Fields({"object": Param(_TYPE), **_NUMBER, **_LEGACY})
SOURCE = Param(
    IdOrCard(ID, _LEGACY_CARD), about="A token such as tok_visa, or a test card in its place."
)
TOKEN_CREATE = Fields(
    {"card": Param(Fields({**_NUMBER, **_LEGACY, "currency": Param(Currency())}), required=True)},
    {"customer": "make the token from a card"},
)
SOURCE_CREATE = Fields(
    {"source": Param(SOURCE.kind, required=True, about=SOURCE.about), "metadata": METADATA},
    {"validate": "leave it out"},
)
SOURCE_UPDATE = Fields({**_LEGACY, **_EXPIRY, "metadata": METADATA})
SOURCE_LIST = Fields({"object": Param(Text(length_max=64)), **LIST_PARAMS})
