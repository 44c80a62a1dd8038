"""The tables of merchants, their keys and their test clocks."""

from __future__ import annotations

from hazina.db.table import Table

MERCHANT = Table(
    "merchant",
    90,
    ("merchant_id",),
    {
        "merchant_id": "text", "account_id": "text", "livemode": "boolean", "country": "text",
        "default_currency": "text", "business_name": "text", "email": "text",
        "fee_basis_points": "bigint", "overdraft_minor": "bigint", "created": "timestamptz",
        "is_platform": "boolean", "platform": "text", "rejected": "text", "details": "jsonb",
        "metadata": "jsonb", "revision": "bigint",
    },
    # A merchant's own row is made by somebody else: by the operator, or by its platform.
    tenant=False,
)  # fmt: skip
API_KEY = Table(
    "api_key",
    92,
    ("hash",),
    {
        "hash": "bytea", "merchant_id": "text", "publishable": "boolean", "last4": "text",
        "created": "timestamptz", "revoked_at": "timestamptz", "id": "text", "name": "text",
        "scopes": "jsonb",
    },
    tenant=False,
)  # fmt: skip
TEST_CLOCK = Table(
    "test_clock",
    58,
    ("merchant_id", "id"),
    {
        "merchant_id": "text", "id": "text", "name": "text", "frozen_time": "timestamptz",
        "target_frozen_time": "timestamptz", "status": "text", "whole_merchant": "boolean",
        "deletes_after": "timestamptz", "deleted": "boolean", "revision": "bigint",
        "created": "timestamptz",
    },
)  # fmt: skip
TABLES = (MERCHANT, API_KEY, TEST_CLOCK)
