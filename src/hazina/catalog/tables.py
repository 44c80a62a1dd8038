"""The tables of the catalog: products, prices, and which price has a lookup key."""

from __future__ import annotations

from hazina.db.table import Table

PRODUCT = Table(
    "product",
    62,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "name": "text", "active": "boolean",
        "default_price": "text", "details": "jsonb", "metadata": "jsonb", "prices": "bigint",
        "deleted": "boolean", "revision": "bigint", "created": "timestamptz",
        "updated": "timestamptz",
    },
)  # fmt: skip
PRICE = Table(
    "price",
    63,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "product": "text", "currency": "text",
        "unit_amount": "bigint", "recurring": "jsonb", "active": "boolean", "inline": "boolean",
        "lookup_key": "text", "nickname": "text", "tax_behavior": "text", "metadata": "jsonb",
        "revision": "bigint", "created": "timestamptz",
    },
)  # fmt: skip
LOOKUP_KEY = Table(
    "price_lookup_key",
    64,
    ("merchant_id", "lookup_key"),
    {"merchant_id": "text", "lookup_key": "text", "price": "text"},
)
TABLES = (PRODUCT, PRICE, LOOKUP_KEY)
