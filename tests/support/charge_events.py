"""Records about charges, as the relay would have sent them, for tests of consumers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hazina.consuming.record import Consumed, consumed

_DAY = 86_400
FIRST_DAY = 1_767_225_600
"""2026-01-01, as a Unix time."""


def charge_event(
    number: int,
    *,
    merchant: str = "acct_duka_test",
    charge: str = "ch_1",
    sequence: int = 1,
    captured: int = 1000,
    refunded: int = 0,
    currency: str = "kes",
    day: int = 0,
    type: str = "charge.succeeded",
    **odd: Any,
) -> Consumed:
    """Return one record; `odd` replaces fields of the charge."""
    view = {
        "id": charge, "object": "charge", "amount_captured": captured,
        "amount_refunded": refunded, "currency": currency,
    } | odd  # fmt: skip
    event_id = f"evt_{number:026d}"
    body = {
        "id": event_id, "object": "event", "type": type, "created": FIRST_DAY + day * _DAY,
        "data": {"object": view},
    }  # fmt: skip
    headers = {
        "ce_id": event_id, "ce_type": type, "ce_merchantid": merchant, "ce_subject": charge,
        "ce_sequence": str(sequence),
    }  # fmt: skip
    return consumed(headers, json.dumps(body).encode(), f"t/0/{number}")


def log_row(record: Consumed) -> tuple[Any, ...]:
    """Return the values of the event that a record is of, for `event_log.INSERT_EVENT`."""
    moment = datetime.fromtimestamp(record.event()["created"], UTC)
    return (
        record.merchant_id, record.id, record.type, record.object_id, record.sequence, moment,
        record.body,
    )  # fmt: skip
