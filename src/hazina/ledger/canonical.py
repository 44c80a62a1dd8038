"""The canonical bytes of what a batch books and opens, over which batches are hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from struct import Struct

import orjson

from hazina.db.table import Row

_HEAD = Struct(">16s16s16s16sIQI16sqIII").pack
_NO_ID = bytes(16)
_TIMED = 1 << 31
"""In the flags of a transfer that has a timestamp; older ones have none and end at their texts."""
_TIME = Struct(">q").pack
_ASKED = Struct(">16s16sqqII").pack
_ACCOUNT = Struct(">16sIIIIiqqiI").pack
_FAILURE = Struct(">16s32sII").pack
_COUNTS = Struct(">III").pack


def packed(row: Row) -> bytes:
    """Return a transfer's row as bytes that no other row has.

    Batch and the database's own time are left out: the chain's row stands for them.
    """
    reference: bytes = row["reference"].encode("utf-8", "surrogatepass")
    entry: bytes = row["entry"].encode("utf-8", "surrogatepass")
    pending_id = row["pending_id"]
    timestamp = row["timestamp"]
    head: bytes = _HEAD(
        row["id"].int.to_bytes(16, "big"),
        row["debit_account_id"].int.to_bytes(16, "big"),
        row["credit_account_id"].int.to_bytes(16, "big"),
        row["amount"].to_bytes(16, "big"),
        row["ledger"],
        row["code"],
        row["flags"] if timestamp is None else row["flags"] | _TIMED,
        _NO_ID if pending_id is None else pending_id.bytes,
        row["timeout_seconds"],
        row["position"],
        len(reference),
        len(entry),
    )
    if timestamp is None:
        return head + reference + entry
    return b"".join((head, reference, entry, _TIME(timestamp), _asked(row)))


def packed_account(row: Row) -> bytes:
    """Return an account's row, as it was opened, as bytes that no other account has."""
    owner: bytes = row["owner"].encode("utf-8", "surrogatepass")
    head: bytes = _ACCOUNT(
        row["id"].bytes,
        row["ledger"],
        row["code"],
        row["flags"],
        len(owner),
        row["slot"],
        row["timestamp"],
        row["opened_sequence"],
        row["opened_slot"],
        row["opened_position"],
    )
    overdraft: bytes = row["overdraft"].to_bytes(16, "big")
    return b"".join((head, overdraft, owner, _asked(row)))


def packed_failure(row: Row) -> bytes:
    """Return the row of a failed id as bytes that no other row has."""
    status: bytes = row["status"].encode()
    failure: bytes = _FAILURE(row["id"].bytes, bytes(row["digest"]), row["position"], len(status))
    return failure + status


def digest(
    transfers: Sequence[Row], openings: Sequence[Row] = (), failures: Sequence[Row] = ()
) -> bytes:
    """Return the SHA-256 of one batch: its transfers, openings and failed ids, each in order.

    With more than transfers it is made of digests and counts, which are shorter than any transfer.
    """
    moved = hashlib.sha256(b"".join([packed(row) for row in transfers])).digest()
    if not openings and not failures:
        return moved
    opened = hashlib.sha256(b"".join([packed_account(row) for row in openings])).digest()
    failed = hashlib.sha256(b"".join([packed_failure(row) for row in failures])).digest()
    counts = _COUNTS(len(transfers), len(openings), len(failures))
    return hashlib.sha256(counts + moved + opened + failed).digest()


def _asked(row: Row) -> bytes:
    """Return what belongs to clients' rows alone; the first byte tells whether it is there."""
    space = row.get("space")
    if space is None:
        return b"\x00"
    metadata = row["metadata"]
    named = b"" if metadata is None else orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS)
    user_data_128 = row["user_data_128"]
    name: bytes = space.encode()
    head: bytes = _ASKED(
        row["client_id"].int.to_bytes(16, "big"),
        _NO_ID if user_data_128 is None else user_data_128.bytes,
        row["user_data_64"] or 0,
        row["user_data_32"] or 0,
        len(name),
        len(named),
    )
    return b"".join((b"\x01", head, name, named))
