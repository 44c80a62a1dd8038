"""The rows that a batch leaves, made from what it booked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hazina.db.table import Row
from hazina.db.unit import Insert, Update
from hazina.ledger.existing import stored_64, stored_128
from hazina.ledger.rules import Balance, Pending
from hazina.ledger.types import Account, Asked, Status, Transfer, TransferFlag

if TYPE_CHECKING:
    from hazina.ledger.book import Book

_PENDING = TransferFlag.PENDING + 0
_OPENING = ("timestamp", "opened_slot", "opened_sequence", "opened_position")

STATES = {
    int(TransferFlag.POST_PENDING): "posted",
    int(TransferFlag.VOID_PENDING): "voided",
    int(TransferFlag.EXPIRE): "expired",
}
"""What becomes of a pending transfer, by the flag of what resolves it."""


def transfer(
    booked: Transfer,
    flags: int,
    amount: int,
    timestamp: int,
    position: int,
    pending: Row | None = None,
) -> dict[str, Any]:
    """Return the row of a transfer; what it leaves out is taken from the pending one."""
    row: dict[str, Any] = {
        "id": booked.id,
        "debit_account_id": booked.debit_account_id,
        "credit_account_id": booked.credit_account_id,
        "amount": amount,
        "ledger": booked.ledger if pending is None else pending["ledger"],
        "code": booked.code if pending is None else pending["code"],
        "flags": flags,
        "pending_id": booked.pending_id,
        "timeout_seconds": booked.timeout_seconds,
        "reference": booked.reference,
        "entry": booked.entry,
        "position": position,
        "timestamp": timestamp,
    }
    if booked.asked is not None:
        _add_asked(row, booked.asked)
        if pending is not None:
            for name in ("user_data_128", "user_data_64", "user_data_32"):
                if row[name] is None:
                    row[name] = pending[name]
    return row


def account(opened: Account, flags: int, timestamp: int, position: int) -> dict[str, Any]:
    """Return the row of an account that a client opens."""
    row: dict[str, Any] = {
        "id": opened.id,
        "ledger": opened.ledger,
        "code": opened.code,
        "flags": flags,
        "owner": opened.owner,
        "slot": opened.slot,
        "overdraft": opened.overdraft_minor,
        "debits_pending": 0,
        "debits_posted": 0,
        "credits_pending": 0,
        "credits_posted": 0,
        "lines": 0,
        "timestamp": timestamp,
        "timestamp_last": 0,
        "closed_by": None,
        "opened_position": position,
    }
    assert opened.asked is not None
    _add_asked(row, opened.asked)
    return row


def failed(refused: Transfer, status: Status) -> dict[str, Any]:
    """Return the row of an id that failed for a reason that may pass.

    Nothing of a failed transfer is checked, so its words are hashed as they are.
    """
    words = repr(
        (
            refused.id.hex,
            refused.debit_account_id.hex,
            refused.credit_account_id.hex,
            refused.amount_minor,
            refused.ledger,
            refused.code,
            refused.flags + 0,
            refused.pending_id,
            refused.timeout_seconds,
            refused.reference,
            refused.entry,
        )
    )
    digest = hashlib.sha256(words.encode("ascii", "backslashreplace")).digest()
    return {"id": refused.id, "digest": digest, "status": status.value}


def pending_writes(book: Book) -> Iterator[Insert | Update]:
    """Return the pending transfers made or resolved, one write each."""
    for row in book.transfers_new:
        if row["flags"] & _PENDING:
            yield Insert("pending", _pending(row["id"], book.pending[row["id"]]))
    for pending_id, pending in book.resolved.items():
        if pending.version:
            yield Update("pending", (pending_id,), pending.version, {"state": pending.state})


def openings(book: Book, slot: int, sequence: int) -> list[dict[str, Any]]:
    """Return the accounts whose opening this batch records, beside those that clients opened.

    Accounts that payments open are inserted before anything is judged, and their opening is
    recorded by the first batch that holds them under its lock, whether or not it books on them.
    """
    unrecorded = [balance for balance in book.accounts.values() if balance.timestamp is None]
    return [
        {
            **balance.row,
            "timestamp": book.stamps.next(),
            "opened_slot": slot,
            "opened_sequence": sequence,
            "opened_position": position,
        }
        for position, balance in enumerate(unrecorded, len(book.accounts_new))
    ]


def account_updates(book: Book, opened: Iterable[Row]) -> Iterator[Update]:
    """Return one update for each account that a transfer touched or that is recorded as opened."""
    changed: dict[UUID, dict[str, Any]] = {}
    for row in opened:
        balance = book.accounts[row["id"]]
        if balance.timestamp is None:
            changed[balance.id] = {name: row[name] for name in _OPENING}
    for row in book.transfers_new:
        for account_id in (row["debit_account_id"], row["credit_account_id"]):
            changed.setdefault(account_id, {})
    booked = {row["debit_account_id"] for row in book.transfers_new}
    booked.update(row["credit_account_id"] for row in book.transfers_new)
    for account_id, changes in changed.items():
        balance = book.accounts[account_id]
        if account_id in booked:
            changes.update(_balances(balance))
        yield Update("account", (account_id,), balance.version, changes)


def _balances(balance: Balance) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "debits_pending": balance.debits_pending,
        "debits_posted": balance.debits_posted,
        "credits_pending": balance.credits_pending,
        "credits_posted": balance.credits_posted,
        "lines": balance.lines,
        "timestamp_last": balance.timestamp_last,
    }
    if balance.closed_by != balance.row["closed_by"]:
        changes["closed_by"] = balance.closed_by
    return changes


def _pending(transfer_id: UUID, pending: Pending) -> dict[str, Any]:
    return {
        "transfer_id": transfer_id,
        "state": pending.state,
        "amount": pending.amount,
        "debit_account_id": pending.debit_account_id,
        "credit_account_id": pending.credit_account_id,
        "ledger": pending.ledger,
        "code": pending.code,
        "expires_ns": pending.expires_ns,
    }


def _add_asked(row: dict[str, Any], asked: Asked) -> None:
    row["space"] = asked.space
    row["client_id"] = UUID(int=asked.client_id)
    row["user_data_128"] = stored_128(asked.user_data_128)
    row["user_data_64"] = stored_64(asked.user_data_64)
    row["user_data_32"] = asked.user_data_32 or None
    row["metadata"] = None if asked.metadata is None else dict(asked.metadata)
