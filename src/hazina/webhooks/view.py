"""The public shape of a webhook endpoint."""

from __future__ import annotations

from typing import Any

from hazina.clock import unix
from hazina.db.table import Row


def endpoint_view(row: Row, *, livemode: bool, secret: str | None = None) -> dict[str, Any]:
    """Render an endpoint. The secret is shown once, in the answer that creates it."""
    view: dict[str, Any] = {
        "id": row["id"], "object": "webhook_endpoint", "api_version": row["api_version"],
        "application": None, "created": unix(row["created"]), "description": row["description"],
        "enabled_events": row["enabled_events"], "livemode": livemode, "metadata": row["metadata"],
        "status": row["status"], "url": row["url"],
    }  # fmt: skip
    if secret is not None:
        view["secret"] = secret
    return view
