"""The table of the event log."""

from __future__ import annotations

from hazina.db.table import Table

EVENT = Table(
    "event",
    80,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "type": "text", "object_id": "text",
        "sequence": "bigint", "created": "timestamptz", "body": "bytea",
    },
    versioned=False,
    in_order=True,
)  # fmt: skip
TABLES = (EVENT,)
API_VERSION = "2026-10-28.endive"
"""The one API version that objects are rendered in."""
