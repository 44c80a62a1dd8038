"""The table of customers."""

from __future__ import annotations

from hazina.db.table import Table

CUSTOMER = Table(
    "customer",
    60,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "email": "text", "details": "jsonb",
        "metadata": "jsonb", "deleted": "boolean", "default_source": "text", "revision": "bigint",
        "created": "timestamptz", "test_clock": "text",
    },
)  # fmt: skip
TABLES = (CUSTOMER,)
