"""The tables of the daily totals."""

from __future__ import annotations

from hazina.db.table import Table

DAILY_CHARGE = Table(
    "daily_charge",
    164,
    ("merchant_id", "charge"),
    {
        "merchant_id": "text", "charge": "text", "sequence": "bigint", "captured": "bigint",
        "refunded": "bigint",
    },
)  # fmt: skip
DAILY_TOTAL = Table(
    "daily_total",
    166,
    ("merchant_id", "day", "currency"),
    {
        "merchant_id": "text", "day": "text", "currency": "text", "charges": "bigint",
        "captured": "bigint", "refunds": "bigint", "refunded": "bigint",
    },
)  # fmt: skip
TABLES = (DAILY_CHARGE, DAILY_TOTAL)
