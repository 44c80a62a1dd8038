"""The table where callbacks wait."""

from __future__ import annotations

from hazina.db.table import Table

INBOX = Table(
    "inbox",
    76,
    ("connector", "deduplication_key"),
    {
        "connector": "text", "deduplication_key": "text", "reference": "text", "body": "bytea",
        "headers": "jsonb", "state": "text", "tries": "bigint", "next_at": "from_now",
        "reason": "text", "received": "timestamptz",
    },
    tenant=False,
)  # fmt: skip
TABLES = (INBOX,)
