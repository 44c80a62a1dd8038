"""The tables of payments."""

from __future__ import annotations

from hazina.db.table import Table

PAYMENT_INTENT = Table(
    "payment_intent",
    20,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "amount": "bigint", "currency": "text",
        "status": "text", "capture_method": "text", "amount_received": "bigint",
        "amount_capturable": "bigint", "customer": "text", "payment_method": "text",
        "latest_charge": "text", "client_secret": "text", "cancellation_reason": "text",
        "canceled_at": "timestamptz", "next_action": "jsonb", "last_payment_error": "jsonb",
        "unknown": "jsonb", "operation": "text", "operation_kind": "text", "hidden": "boolean",
        "details": "jsonb", "metadata": "jsonb", "revision": "bigint", "created": "timestamptz",
    },
)  # fmt: skip
CHARGE = Table(
    "charge",
    30,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "payment_intent": "text", "authorize_command": "text",
        "amount": "bigint", "currency": "text", "status": "text", "captured": "boolean",
        "amount_captured": "bigint", "amount_refunded": "bigint",
        "amount_refund_reserved": "bigint", "fee": "bigint", "funds": "text",
        "available_on": "timestamptz", "payment_method": "text", "customer": "text",
        "balance_transaction": "text", "provider": "text", "provider_reference": "text",
        "clearing_slot": "bigint", "failure": "jsonb", "network": "jsonb", "details": "jsonb",
        "metadata": "jsonb", "hold": "text", "capture_before": "timestamptz",
        "revision": "bigint", "created": "timestamptz",
    },
)  # fmt: skip
REFUND = Table(
    "refund",
    40,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "charge": "text", "payment_intent": "text",
        "amount": "bigint", "currency": "text", "status": "text", "reason": "text",
        "failure_reason": "text", "balance_transaction": "text",
        "failure_balance_transaction": "text", "from_available": "boolean",
        "clearing_slot": "bigint", "hidden_intent": "boolean", "metadata": "jsonb",
        "revision": "bigint", "created": "timestamptz",
    },
)  # fmt: skip
TABLES = (PAYMENT_INTENT, CHARGE, REFUND)
