"""The tables of payment methods and tokens."""

from __future__ import annotations

from hazina.db.table import Table

PAYMENT_METHOD = Table(
    "payment_method",
    66,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "customer": "text", "detached": "boolean",
        "type": "text", "card": "jsonb", "sepa_debit": "jsonb", "billing_details": "jsonb",
        "allow_redisplay": "text", "metadata": "jsonb", "revision": "bigint",
        "created": "timestamptz",
    },
)  # fmt: skip
TOKEN = Table(
    "token",
    68,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "card_id": "text", "card": "jsonb",
        "billing_details": "jsonb", "used": "boolean", "created": "timestamptz",
    },
)  # fmt: skip
TABLES = (PAYMENT_METHOD, TOKEN)
