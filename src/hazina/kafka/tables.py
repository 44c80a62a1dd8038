"""The tables of the relay: its place in the event log, and the events that no broker takes."""

from __future__ import annotations

from hazina.db.table import Table

RELAY = Table(
    "relay",
    150,
    ("name",),
    {
        "name": "text", "xid": "numeric", "position": "bigint", "holder": "text",
        "lease_until": "from_now",
    },
    tenant=False,
)  # fmt: skip
RELAY_QUARANTINE = Table(
    "relay_quarantine",
    152,
    ("merchant_id", "event_id"),
    {"merchant_id": "text", "event_id": "text", "reason": "text", "created": "timestamptz"},
)
TABLES = (RELAY, RELAY_QUARANTINE)
