"""Judging a client's batch: one result per event, chains of linked events all or nothing.

A payment's entry is one chain and is refused whole (see `engine.py`); here events succeed or fail
each by itself, unless `linked` ties an event to the next one, as TigerBeetle's reference has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hazina.db.table import Row
from hazina.db.unit import Stale
from hazina.ledger.book import Book, Mark
from hazina.ledger.forms import (
    IMPORTED_ACCOUNT,
    IMPORTED_TRANSFER,
    RESOLVE,
    malformed_account,
    malformed_transfer,
)
from hazina.ledger.rules import TRANSIENT
from hazina.ledger.types import Account, Result, Status, Transfer

_LINKED = 1
_CREATED = Status.CREATED
_EXISTS = Status.EXISTS

Judge = Callable[[int, int], Result]
"""Judges the event at an index, with its flags."""


def judge_accounts(book: Book, accounts: Sequence[Account]) -> tuple[Result, ...]:
    """Open accounts; return what became of each."""
    flags = [int(account.flags) for account in accounts]
    imported = flags[0] & IMPORTED_ACCOUNT

    def judge(index: int, own: int) -> Result:
        account = accounts[index]
        status = malformed_account(account, own, imported, book.stamps.now) or book.open(
            account, own
        )
        if status is _CREATED or status is _EXISTS:
            if status is _EXISTS:
                book.stamps.next()
            timestamp = book.accounts[account.id.int].timestamp
            assert timestamp is not None, "a client's account has a timestamp"
            return Result(status, timestamp)
        return Result(status, book.stamps.next())

    return _judge(book, flags, judge, lambda index, status: None)


def judge_transfers(book: Book, transfers: Sequence[Transfer]) -> tuple[Result, ...] | Stale:
    """Book transfers; return what became of each.

    A post or void that leaves out accounts takes those of its pending transfer, which were locked
    if it was stored before. If it has come since, they are not: `Stale`.
    """
    for transfer in transfers:
        pending_id = transfer.pending_id
        if pending_id is None or not _lacks_accounts(transfer):
            continue
        pending = book.transfers.get(pending_id.int)
        if pending is not None and not _locked(book, pending):
            return Stale("transfer", (pending_id,))
    flags = [int(transfer.flags) for transfer in transfers]
    imported = flags[0] & IMPORTED_TRANSFER

    def judge(index: int, own: int) -> Result:
        transfer = transfers[index]
        status = malformed_transfer(transfer, own, imported, book.stamps.now) or book.post(
            transfer, own
        )
        if status is _CREATED or status is _EXISTS:
            if status is _EXISTS:
                book.stamps.next()
            return Result(status, book.transfers[transfer.id.int]["timestamp"])
        return Result(status, book.stamps.next())

    def failed(index: int, status: Status) -> None:
        if status in TRANSIENT:
            book.remember_failure(transfers[index], status)

    return _judge(book, flags, judge, failed)


def _lacks_accounts(transfer: Transfer) -> bool:
    if not transfer.flags & RESOLVE:
        return False
    return not (transfer.debit_account_id.int and transfer.credit_account_id.int)


def _locked(book: Book, transfer: Row) -> bool:
    """Tell whether both accounts of a transfer are locked; only such are among the book's."""
    sides = transfer["debit_account_id"], transfer["credit_account_id"]
    return all(account_id.int in book.accounts for account_id in sides)


def _judge(
    book: Book, flags: Sequence[int], judge: Judge, failed: Callable[[int, Status], None]
) -> tuple[Result, ...]:
    """Walk the events; undo a chain at its first failure, and name that failure alone."""
    results: list[Result] = []
    chain: int | None = None
    broken = False
    mark: Mark | None = None
    last = len(flags) - 1
    book.settle()
    for index, own in enumerate(flags):
        linked = own & _LINKED
        if linked and chain is None:
            # An event by itself leaves nothing behind when it fails: only chains are undone.
            mark = book.mark()
            chain, broken = index, False
        if linked and index == last:
            result = Result(Status.LINKED_EVENT_CHAIN_OPEN, book.stamps.next())
        elif broken:
            result = Result(Status.LINKED_EVENT_FAILED, book.stamps.next())
        else:
            result = judge(index, own)
        results.append(result)
        if result.status is not _CREATED:
            if chain is not None and not broken:
                broken = True
                assert mark is not None
                book.undo(mark)
                results[chain:index] = [
                    Result(Status.LINKED_EVENT_FAILED, undone.timestamp)
                    for undone in results[chain:index]
                ]
            failed(index, result.status)
        if chain is not None and not linked:
            book.settle()
            chain, broken = None, False
    return tuple(results)
