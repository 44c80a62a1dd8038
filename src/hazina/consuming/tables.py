"""The tables of the consumer kit: what was applied, and what could not be."""

from __future__ import annotations

from hazina.db.table import Table

CONSUMED = Table(
    "consumed",
    160,
    ("consumer", "event_id"),
    {"consumer": "text", "event_id": "text", "applied": "timestamptz"},
    versioned=False,
    tenant=False,
)
PARKED = Table(
    "parked_record",
    162,
    ("consumer", "event_id"),
    {
        "consumer": "text", "event_id": "text", "place": "text", "body": "bytea",
        "headers": "jsonb", "state": "text", "tries": "bigint", "next_at": "from_now",
        "reason": "text", "received": "timestamptz",
    },
    tenant=False,
)  # fmt: skip
TABLES = (CONSUMED, PARKED)
