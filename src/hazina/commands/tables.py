"""The table of commands."""

from __future__ import annotations

from hazina.db.table import Table

COMMAND = Table(
    "command",
    50,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "operation": "text", "provider": "text",
        "payment_intent": "text", "charge": "text", "refund": "text", "request": "jsonb",
        "state": "text", "fence": "bigint", "lease_until": "from_now", "sent_at": "from_now",
        "next_at": "from_now", "inquiries": "bigint", "evidence": "text",
        "refusal": "jsonb", "history": "jsonb", "created": "timestamptz",
    },
)  # fmt: skip
TABLES = (COMMAND,)
