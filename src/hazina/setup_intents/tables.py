"""The tables of setup intents."""

from __future__ import annotations

from hazina.db.table import Table

SETUP_INTENT = Table(
    "setup_intent",
    52,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "status": "text", "usage": "text",
        "customer": "text", "payment_method": "text", "latest_attempt": "text",
        "client_secret": "text", "cancellation_reason": "text", "next_action": "jsonb",
        "last_setup_error": "jsonb", "unknown": "jsonb", "operation": "text",
        "details": "jsonb", "metadata": "jsonb", "revision": "bigint", "created": "timestamptz",
    },
)  # fmt: skip
SETUP_ATTEMPT = Table(
    "setup_attempt",
    54,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "setup_intent": "text", "command": "text",
        "status": "text", "usage": "text", "customer": "text", "payment_method": "text",
        "card": "jsonb", "setup_error": "jsonb", "created": "timestamptz",
    },
)  # fmt: skip
TABLES = (SETUP_INTENT, SETUP_ATTEMPT)
