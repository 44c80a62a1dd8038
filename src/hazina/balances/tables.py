"""The table of balance lines that merchants see."""

from __future__ import annotations

from hazina.db.table import Table

BALANCE_TRANSACTION = Table(
    "balance_transaction",
    82,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "type": "text", "amount": "bigint", "fee": "bigint",
        "currency": "text", "source": "text", "charge": "text", "available_on": "timestamptz",
        "created": "timestamptz",
    },
    versioned=False,
)  # fmt: skip
TABLES = (BALANCE_TRANSACTION,)
