"""The canonical bytes of a transfer, over which batches are hashed and verified."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from struct import Struct

from hazina.db.table import Row

_HEAD = Struct(">16s16s16s16sIQI16sqIII").pack
_NO_ID = bytes(16)


def packed(row: Row) -> bytes:
    """Return a transfer's row as bytes that no other row has.

    Batch and time are left out: the chain's row stands for them.
    """
    reference: bytes = row["reference"].encode("utf-8", "surrogatepass")
    entry: bytes = row["entry"].encode("utf-8", "surrogatepass")
    pending_id = row["pending_id"]
    head: bytes = _HEAD(
        row["id"].bytes,
        row["debit_account_id"].bytes,
        row["credit_account_id"].bytes,
        row["amount"].to_bytes(16, "big"),
        row["ledger"],
        row["code"],
        row["flags"],
        _NO_ID if pending_id is None else pending_id.bytes,
        row["timeout_seconds"],
        row["position"],
        len(reference),
        len(entry),
    )
    return head + reference + entry


def digest(rows: Sequence[Row]) -> bytes:
    """Return the SHA-256 of the transfers of one batch, given in order of position."""
    return hashlib.sha256(b"".join([packed(row) for row in rows])).digest()
