"""The ledger's tables, as the writer must know them."""

from __future__ import annotations

from hazina.db.table import Table

ACCOUNT = Table(
    "account",
    100,
    ("id",),
    {
        "id": "uuid", "ledger": "bigint", "code": "integer", "flags": "integer", "owner": "text",
        "slot": "integer", "overdraft": "numeric", "debits_pending": "numeric",
        "debits_posted": "numeric", "credits_pending": "numeric", "credits_posted": "numeric",
        "lines": "bigint", "space": "text", "client_id": "uuid", "user_data_128": "uuid",
        "user_data_64": "bigint", "user_data_32": "bigint", "metadata": "jsonb",
        "timestamp": "bigint", "timestamp_last": "bigint", "closed_by": "uuid",
        "opened_slot": "integer", "opened_sequence": "bigint", "opened_position": "integer",
    },
    tenant=False,
    changing=(
        "overdraft", "debits_pending", "debits_posted", "credits_pending", "credits_posted",
        "lines", "timestamp", "timestamp_last", "closed_by",
    ),
)  # fmt: skip
"""An account and its balances.

`version` rises by one per batch that touches the account, `lines` by one per history line; they
are different numbers, since a batch may book many transfers on one account. `flags` are those of
the opening; an account that a transfer closed has that transfer in `closed_by`. (opened_slot,
opened_sequence) is the batch whose digest covers the opening, at `timestamp`. `space`, `client_id`
and what follows them belong to clients' own accounts.
"""

TRANSFER = Table(
    "transfer",
    101,
    ("id",),
    {
        "id": "uuid", "debit_account_id": "uuid", "credit_account_id": "uuid", "amount": "numeric",
        "ledger": "bigint", "code": "integer", "flags": "integer", "pending_id": "uuid",
        "timeout_seconds": "bigint", "reference": "text", "entry": "text", "slot": "integer",
        "sequence": "bigint", "position": "integer", "space": "text", "client_id": "uuid",
        "user_data_128": "uuid", "user_data_64": "bigint", "user_data_32": "bigint",
        "metadata": "jsonb", "timestamp": "bigint",
    },
    versioned=False,
    tenant=False,
    defaults={"created_at": "timestamptz"},
)  # fmt: skip
"""What was booked; append-only. (slot, sequence) is its batch, `position` its place in there."""

ACCOUNT_HISTORY = Table(
    "account_history",
    102,
    ("account_id", "timestamp"),
    {
        "account_id": "uuid", "line": "bigint", "transfer_id": "uuid", "amount": "numeric",
        "debits_pending": "numeric", "debits_posted": "numeric", "credits_pending": "numeric",
        "credits_posted": "numeric", "timestamp": "bigint",
    },
    versioned=False,
    tenant=False,
)  # fmt: skip
"""The balances of an account after each transfer, in gapless lines from 1; append-only.

The lines' times grow with their numbers. Its partitions are months (`db/months.py`).
"""

PENDING = Table(
    "pending",
    103,
    ("transfer_id",),
    {
        "transfer_id": "uuid", "state": "text", "amount": "numeric", "debit_account_id": "uuid",
        "credit_account_id": "uuid", "ledger": "bigint", "code": "integer",
        "expires_ns": "bigint",
    },
    tenant=False,
)  # fmt: skip
"""What became of a pending transfer: pending, posted, voided or expired."""

SEEN = Table(
    "seen",
    104,
    ("id",),
    {
        "id": "uuid", "digest": "bytea", "status": "text", "slot": "integer",
        "sequence": "bigint", "position": "integer",
    },
    versioned=False,
    tenant=False,
)  # fmt: skip
"""Transfer ids that failed for a reason that may pass, and therefore never succeed later."""

TABLES = (ACCOUNT, TRANSFER, ACCOUNT_HISTORY, PENDING, SEEN)

APPEND_ONLY = ("transfer", "account_history", "seen", "batch")
"""Tables whose rows stay as they were written; their triggers and the database roles say so too."""

NEVER_REMOVED = ("account", "pending")
"""Tables whose rows change and stay."""
