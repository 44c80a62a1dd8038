"""The tables of webhooks: endpoints, deliveries, attempts, replays, and how far is fanned out."""

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
        "old_secret": "text", "old_secret_until": "timestamptz", "paused": "boolean",
        "failing_since": "timestamptz", "disabled_reason": "text",
    },
)  # fmt: skip
WEBHOOK_DELIVERY = Table(
    "webhook_delivery",
    72,
    ("merchant_id", "endpoint", "event_id"),
    {
        "merchant_id": "text", "endpoint": "text", "event_id": "text", "position": "bigint",
        "state": "text", "attempts": "bigint", "next_at": "from_now", "last_status": "text",
        "created": "timestamptz", "event_merchant": "text", "sending": "boolean",
        "schedule_from": "bigint",
    },
)  # fmt: skip
WEBHOOK_ATTEMPT = Table(
    "webhook_attempt",
    73,
    ("merchant_id", "endpoint", "event_id", "id"),
    {
        "merchant_id": "text", "endpoint": "text", "event_id": "text", "id": "text",
        "number": "bigint", "status": "integer", "problem": "text", "latency_ms": "integer",
        "answer": "text", "created": "timestamptz",
    },
    versioned=False,
)  # fmt: skip
WEBHOOK_CURSOR = Table(
    "webhook_cursor",
    74,
    ("name",),
    {"name": "text", "xid": "numeric", "position": "bigint"},
    tenant=False,
)
WEBHOOK_REPLAY = Table(
    "webhook_replay",
    75,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "endpoint": "text", "what": "text", "low": "text",
        "high": "text", "reached": "text", "state": "text", "replayed": "bigint",
        "created": "timestamptz",
    },
)  # fmt: skip
TABLES = (WEBHOOK_ENDPOINT, WEBHOOK_DELIVERY, WEBHOOK_ATTEMPT, WEBHOOK_CURSOR, WEBHOOK_REPLAY)
