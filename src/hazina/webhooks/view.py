"""The public shapes of webhook endpoints, deliveries, attempts and replays."""

from __future__ import annotations

from typing import Any

from hazina.clock import unix
from hazina.db.table import Row


def endpoint_view(row: Row, *, livemode: bool, secret: str | None = None) -> dict[str, Any]:
    """Render an endpoint. A secret is shown once, in the answer that makes it."""
    view: dict[str, Any] = {
        "id": row["id"], "object": "webhook_endpoint", "api_version": row["api_version"],
        "application": None, "created": unix(row["created"]), "description": row["description"],
        "enabled_events": row["enabled_events"], "livemode": livemode, "metadata": row["metadata"],
        "status": row["status"], "url": row["url"],
    }  # fmt: skip
    if secret is not None:
        view["secret"] = secret
    more = _more(row)
    if more:
        view["hazina"] = more
    return view


def _more(row: Row) -> dict[str, Any]:
    """Return what Stripe has no field for, and only where there is something to say."""
    more: dict[str, Any] = {}
    if row.get("paused"):
        more["paused"] = True
    if row.get("failing_since") is not None:
        more["failing_since"] = unix(row["failing_since"])
    if row["status"] == "disabled" and row.get("disabled_reason"):
        more["disabled_reason"] = row["disabled_reason"]
    if row.get("old_secret_until") is not None:
        more["old_secret_expires_at"] = unix(row["old_secret_until"])
    return more


def delivery_view(row: Row, *, livemode: bool) -> dict[str, Any]:
    """Render a delivery: what becomes of one event at one endpoint."""
    next_at = row["next_at"] if row["state"] == "pending" else None
    return {
        "id": row["event_id"], "object": "hazina.webhook_delivery",
        "attempts": row["attempts"], "created": unix(row["created"]),
        "endpoint": row["endpoint"], "event": row["event_id"],
        "last_answer": row["last_status"], "livemode": livemode,
        "next_attempt_at": None if next_at is None else unix(next_at), "status": row["state"],
    }  # fmt: skip


def attempt_view(row: Row, *, livemode: bool) -> dict[str, Any]:
    """Render an attempt: one request to a receiver and its answer."""
    status = row["status"]
    return {
        "id": row["id"], "object": "hazina.webhook_attempt", "answer": row["answer"],
        "created": unix(row["created"]), "delivered": status is not None and 200 <= status < 300,
        "endpoint": row["endpoint"], "event": row["event_id"], "latency_ms": row["latency_ms"],
        "livemode": livemode, "number": row["number"], "problem": row["problem"],
        "response_status": status,
    }  # fmt: skip


def replay_view(row: Row, *, livemode: bool) -> dict[str, Any]:
    """Render a replay of many events."""
    return {
        "id": row["id"], "object": "hazina.webhook_replay", "created": unix(row["created"]),
        "endpoint": row["endpoint"], "livemode": livemode, "replayed": row["replayed"],
        "status": row["state"], "what": row["what"],
    }  # fmt: skip
