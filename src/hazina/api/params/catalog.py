"""Parameters of products and prices."""

from __future__ import annotations

import re

from hazina.api.params.kinds import (
    Boolean,
    Choice,
    Currency,
    Fields,
    Integer,
    Items,
    Metadata,
    Param,
    Text,
)
from hazina.api.params.parts import (
    CREATED,
    DESCRIPTION,
    ID,
    LIST_PARAMS,
    METADATA,
    NO_BILLING,
    STATEMENT,
    URL,
)

_NAME = Param(Text(length_max=250))
_BEHAVIOR = Param(Choice(("exclusive", "inclusive", "unspecified")))
_DECIMAL = Text(
    length_max=25,
    pattern=re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?"),
    expected="send decimal digits, such as 1500 or 1500.00",
)
_FLAT = "send unit_amount with one fixed amount instead"
AMOUNTS = {
    "currency": Param(Currency(), required=True),
    "unit_amount": Param(Integer(), about="In the currency's minor unit."),
    "unit_amount_decimal": Param(_DECIMAL, about="Whole minor units only."),
    "tax_behavior": _BEHAVIOR,
}
AMOUNTS_UNSUPPORTED = {
    "currency_options": "make one price per currency",
    "custom_unit_amount": _FLAT,
}
RECURRING = Fields(
    {
        "interval": Param(Choice(("day", "week", "month", "year")), required=True),
        "interval_count": Param(Integer(minimum=1, maximum=1095)),
        "trial_period_days": Param(Integer(maximum=730)),
        "usage_type": Param(Choice(("licensed",))),
    },
    {"meter": NO_BILLING, "aggregate_usage": NO_BILLING},
)
_RECURRING_KEPT = Param(
    RECURRING, about="Kept and shown; nothing here sells or charges a recurring price."
)

_SIZE = Param(Integer(), required=True)
_DIMENSIONS = Fields(
    {"height": _SIZE, "length": _SIZE, "weight": _SIZE, "width": _SIZE},
)
_FEATURE = Fields({"name": Param(Text(length_max=80), required=True)})
_PRODUCT = {
    "active": Param(Boolean()),
    "description": DESCRIPTION,
    "images": Param(Items(URL, count_max=8), unsettable=True),
    "marketing_features": Param(Items(_FEATURE, count_max=15), unsettable=True),
    "metadata": METADATA,
    "package_dimensions": Param(_DIMENSIONS, unsettable=True),
    "shippable": Param(Boolean()),
    "statement_descriptor": Param(STATEMENT),
    "unit_label": Param(Text(length_max=12), unsettable=True),
    "url": Param(URL, unsettable=True),
}
_PRODUCT_UNSUPPORTED = {"tax_code": NO_BILLING, "tax_details": NO_BILLING}

PRODUCT_CREATE = Fields(
    {
        "name": Param(Text(length_max=250), required=True),
        "id": Param(
            Text(
                length_max=255,
                pattern=re.compile(r"[A-Za-z0-9_]+"),
                expected="use letters, digits and underscores",
            )
        ),
        "default_price_data": Param(
            Fields(
                {**AMOUNTS, "metadata": Param(Metadata()), "recurring": _RECURRING_KEPT},
                AMOUNTS_UNSUPPORTED,
            )
        ),
        "type": Param(Choice(("good", "service"))),
        **_PRODUCT,
    },
    _PRODUCT_UNSUPPORTED,
)
PRODUCT_UPDATE = Fields(
    {"name": _NAME, "default_price": Param(ID), **_PRODUCT}, _PRODUCT_UNSUPPORTED
)
PRODUCT_LIST = Fields(
    {
        "active": Param(Boolean()),
        "ids": Param(Items(ID, count_max=100, count_min=1)),
        "shippable": Param(Boolean()),
        "url": Param(URL),
        **CREATED,
        **LIST_PARAMS,
    },
    {"type": "all products are alike here, so leave it out"},
)

PRODUCT_DATA = Fields(
    {
        "name": Param(Text(length_max=250), required=True),
        "active": Param(Boolean()),
        "id": PRODUCT_CREATE.params["id"],
        "metadata": Param(Metadata()),
        "statement_descriptor": Param(STATEMENT),
        "unit_label": Param(Text(length_max=12)),
    },
    _PRODUCT_UNSUPPORTED,
)
_LOOKUP_KEY = Text(length_max=200)
_SAID = {
    "active": Param(Boolean()),
    "lookup_key": Param(_LOOKUP_KEY, unsettable=True),
    "metadata": METADATA,
    "nickname": Param(Text(), unsettable=True),
    "tax_behavior": _BEHAVIOR,
    "transfer_lookup_key": Param(
        Boolean(), about="Take the lookup key from the price that has it."
    ),
}
PRICE_CREATE = Fields(
    {
        **AMOUNTS,
        **_SAID,
        "billing_scheme": Param(Choice(("per_unit",))),
        "product": Param(ID),
        "product_data": Param(PRODUCT_DATA),
        "recurring": _RECURRING_KEPT,
    },
    AMOUNTS_UNSUPPORTED | dict.fromkeys(("tiers", "tiers_mode", "transform_quantity"), _FLAT),
)
PRICE_UPDATE = Fields(_SAID, {"currency_options": "make one price per currency"})
PRICE_LIST = Fields(
    {
        "active": Param(Boolean()),
        "currency": Param(Currency()),
        "lookup_keys": Param(Items(_LOOKUP_KEY, count_max=10, count_min=1)),
        "product": Param(ID),
        "type": Param(Choice(("one_time", "recurring"))),
        **CREATED,
        **LIST_PARAMS,
    },
    {"recurring": "filter by type=recurring"},
)

__all__ = [
    "AMOUNTS", "AMOUNTS_UNSUPPORTED", "PRICE_CREATE", "PRICE_LIST", "PRICE_UPDATE",
    "PRODUCT_CREATE", "PRODUCT_DATA", "PRODUCT_LIST", "PRODUCT_UPDATE", "RECURRING",
]  # fmt: skip
