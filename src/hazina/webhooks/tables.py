"""The tables of webhooks: endpoints, deliveries, and how far the event log has been fanned out."""

from __future__ import annotations

from hazina.db.table import Table

WEBHOOK_ENDPOINT = Table(
    "webhook_endpoint",
    70,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "url": "text", "secret": "text",
        "enabled_events": "jsonb", "status": "text", "description": "text", "metadata": "jsonb",
        "api_version": "text", "created": "timestamptz", "connect": "boolean",
    },
)  # fmt: skip
WEBHOOK_DELIVERY = Table(
    "webhook_delivery",
    72,
    ("merchant_id", "endpoint", "event_id"),
    {
        "merchant_id": "text", "endpoint": "text", "event_id": "text", "position": "bigint",
        "state": "text", "attempts": "bigint", "next_at": "from_now", "last_status": "text",
        "created": "timestamptz", "event_merchant": "text",
    },
)  # fmt: skip
WEBHOOK_CURSOR = Table(
    "webhook_cursor",
    74,
    ("name",),
    {"name": "text", "xid": "numeric", "position": "bigint"},
    tenant=False,
)
TABLES = (WEBHOOK_ENDPOINT, WEBHOOK_DELIVERY, WEBHOOK_CURSOR)
