"""What can be searched of products and prices."""

from __future__ import annotations

from typing import Any

from hazina.catalog.price import from_row as price_from
from hazina.catalog.product import from_row as product_from
from hazina.catalog.view import price_view, product_view
from hazina.db.table import Row
from hazina.merchants.merchant import Merchant
from hazina.search.engine import Resource
from hazina.search.fields import Flag, MetadataOf, Token, Words

# A merchant has few of these beside its payments: reading them one by one needs no index.
_METADATA = MetadataOf(terms=None)
_ACTIVE = Flag(
    {"true": "t.active", "false": "NOT t.active", None: "false"}, 'the values "true" and "false"'
)


def _product(row: Row, merchant: Merchant) -> dict[str, Any]:
    return product_view(product_from(row, merchant.livemode))


def _price(row: Row, merchant: Merchant) -> dict[str, Any]:
    return price_view(price_from(row, merchant.livemode))


PRODUCTS = Resource(
    "product",
    "prod",
    {
        "active": _ACTIVE,
        "description": Words("(t.details ->> 'description')", "description"),
        "metadata": _METADATA,
        "name": Words("t.name", "name"),
        "shippable": Flag(
            {
                "true": "t.details ->> 'shippable' = 'true'",
                "false": "t.details ->> 'shippable' = 'false'",
                None: "t.details ->> 'shippable' IS NULL",
            }
        ),
        "url": Words("(t.details ->> 'url')", "url"),
    },
    _product,
)
PRICES = Resource(
    "price",
    "price",
    {
        "active": _ACTIVE,
        "currency": Token("t.currency"),
        "lookup_key": Token("t.lookup_key", exact=True),
        "metadata": _METADATA,
        "product": Token("t.product", exact=True),
        "type": Flag(
            {
                "one_time": "t.recurring IS NULL",
                "recurring": "t.recurring IS NOT NULL",
                None: "false",
            },
            'the values "one_time" and "recurring"',
        ),
    },
    _price,
)
