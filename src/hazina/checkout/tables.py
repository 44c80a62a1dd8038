"""The tables of checkout: sessions, payment links, and how far the event log has been read."""

from __future__ import annotations

from hazina.db.table import Table

SESSION = Table(
    "checkout_session",
    56,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "created": "timestamptz",
        "expires_at": "timestamptz", "look_at": "timestamptz", "currency": "text",
        "amount": "bigint", "line_items": "jsonb", "status": "text", "payment_status": "text",
        "details": "jsonb", "metadata": "jsonb", "customer": "text", "payment_intent": "text",
        "payment_link": "text", "revision": "bigint",
    },
)  # fmt: skip
LINK = Table(
    "payment_link",
    57,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "created": "timestamptz", "currency": "text",
        "line_items": "jsonb", "active": "boolean", "details": "jsonb", "metadata": "jsonb",
        "revision": "bigint",
    },
)  # fmt: skip
CURSOR = Table(
    "checkout_cursor",
    83,
    ("name",),
    {"name": "text", "xid": "numeric", "position": "bigint"},
    tenant=False,
)
TABLES = (SESSION, LINK, CURSOR)
