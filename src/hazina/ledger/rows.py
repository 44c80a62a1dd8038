"""The rows that a batch leaves, made from what it booked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hazina.db.table import Row
from hazina.db.unit import Insert, InsertRows, Update, UpdateRows
from hazina.ledger.existing import stored_64, stored_128
from hazina.ledger.rules import Balance, Pending
from hazina.ledger.tables import ACCOUNT_HISTORY
from hazina.ledger.types import Account, Asked, Status, Transfer, TransferFlag
from hazina.values import quick_uuid

if TYPE_CHECKING:
    from hazina.ledger.book import Book

_PENDING = TransferFlag.PENDING + 0
_MOVED = (
    "id", "debit_account_id", "credit_account_id", "amount", "ledger", "code", "flags",
    "pending_id", "timeout_seconds", "reference", "entry", "position", "timestamp",
)  # fmt: skip
_TAKEN_OVER = ("debit_account_id", "credit_account_id", "ledger", "code")
_ASKED = (
    "space", "client_id", "user_data_128", "user_data_64", "user_data_32", "metadata",
)  # fmt: skip
_BALANCES: dict[str, Callable[[Balance], int]] = {
    name: attrgetter(name)
    for name in (
        "debits_pending", "debits_posted", "credits_pending", "credits_posted", "lines",
        "timestamp_last",
    )
}  # fmt: skip
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
        "ledger": booked.ledger,
        "code": booked.code,
        "flags": flags,
        "pending_id": booked.pending_id,
        "timeout_seconds": booked.timeout_seconds,
        "reference": booked.reference,
        "entry": booked.entry,
        "position": position,
        "timestamp": timestamp,
    }
    if pending is not None:
        row.update((name, pending[name]) for name in _TAKEN_OVER)
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
            yield Insert("pending", _pending(row["id"], book.pending[row["id"].int]))
    for number, pending in book.resolved.items():
        if pending.version:
            key = (quick_uuid(number),)
            yield Update("pending", key, pending.version, {"state": pending.state})


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


def appended(book: Book, slot: int, sequence: int) -> Iterator[InsertRows]:
    """Return the transfers and lines of history, column by column.

    Transfers go in the order of their ids, so that two writers that insert the same ones at once do
    not wait for each other in a circle.
    """
    made = sorted(book.transfers_new, key=_id_of)
    if made:
        columns: dict[str, list[Any]] = {name: [row[name] for row in made] for name in _MOVED}
        if any("space" in row for row in made):
            columns.update({name: [row.get(name) for row in made] for name in _ASKED})
        columns["slot"] = [slot] * len(made)
        columns["sequence"] = [sequence] * len(made)
        yield InsertRows("transfer", columns)
    if book.lines_new:
        lines = zip(*book.lines_new, strict=True)
        yield InsertRows("account_history", dict(zip(ACCOUNT_HISTORY.columns, lines, strict=True)))


def account_updates(book: Book, opened: Iterable[Row]) -> Iterator[Update | UpdateRows]:
    """Return how accounts change that a transfer touched or that are recorded as opened.

    The usual ones go in the order of their ids, in which writers lock them.
    """
    touched: dict[int, None] = {}
    for moved in book.transfers_new:
        touched[moved["debit_account_id"].int] = None
        touched[moved["credit_account_id"].int] = None
    usual = dict(touched)
    for row in opened:
        number = row["id"].int
        balance = book.accounts[number]
        usual.pop(number, None)
        changes: dict[str, Any] = {}
        if balance.timestamp is None:
            changes = {name: row[name] for name in _OPENING}
        if number in touched:
            changes |= _balances(balance)
        if changes:
            yield Update("account", (balance.id,), balance.version, changes)
    changed: list[Balance] = []
    for number in sorted(usual):
        balance = book.accounts[number]
        if balance.closed_by is not balance.closed_before:
            yield Update("account", (balance.id,), balance.version, _balances(balance))
        else:
            changed.append(balance)
    if changed:
        yield UpdateRows(
            "account",
            [(balance.id,) for balance in changed],
            [balance.version for balance in changed],
            {name: list(map(read, changed)) for name, read in _BALANCES.items()},
        )


def _id_of(row: Row) -> int:
    number: int = row["id"].int
    return number


def _balances(balance: Balance) -> dict[str, Any]:
    changes: dict[str, Any] = {name: read(balance) for name, read in _BALANCES.items()}
    if balance.closed_by != balance.closed_before:
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
    row["client_id"] = quick_uuid(asked.client_id)
    row["user_data_128"] = stored_128(asked.user_data_128) if asked.user_data_128 else None
    row["user_data_64"] = stored_64(asked.user_data_64) if asked.user_data_64 else None
    row["user_data_32"] = asked.user_data_32 or None
    row["metadata"] = None if asked.metadata is None else dict(asked.metadata)
