"""The table of idempotency keys."""

from __future__ import annotations

from hazina.db.table import Table

IDEMPOTENCY_KEY = Table(
    "idempotency_key",
    10,
    ("merchant_id", "route", "key"),
    {
        "merchant_id": "text", "route": "text", "key": "text", "digest": "bytea",
        "operation": "text", "lease_until": "from_now", "fence": "bigint", "answered": "boolean",
        "code": "text", "body": "bytea", "created": "timestamptz", "request_id": "text",
    },
)  # fmt: skip
TABLES = (IDEMPOTENCY_KEY,)
