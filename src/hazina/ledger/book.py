"""The rules of transfers: what each one checks, in TigerBeetle's order, and what it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from hazina.db.table import Key, Row
from hazina.ledger import rows
from hazina.ledger.existing import compare_account, compare_transfer
from hazina.ledger.forms import (
    IMPORTED_ACCOUNT,
    IMPORTED_TRANSFER,
    unsound_account,
    unsound_resolution,
    unsound_transfer,
)
from hazina.ledger.rules import (
    Balance,
    Pending,
    balanced,
    closed,
    expiry,
    mismatch,
    out_of_time,
    past_limits,
)
from hazina.ledger.stamps import Stamps
from hazina.ledger.types import Account, Status, Transfer, TransferFlag

# Whole numbers, since operators of flag types cost a microsecond each.
_PENDING = TransferFlag.PENDING + 0
_POST = TransferFlag.POST_PENDING + 0
_EXPIRE = TransferFlag.EXPIRE + 0
_RESOLVE = int(TransferFlag.POST_PENDING | TransferFlag.VOID_PENDING | TransferFlag.EXPIRE)
_BALANCING = int(TransferFlag.BALANCING_DEBIT | TransferFlag.BALANCING_CREDIT)
_CLOSING_DEBIT = TransferFlag.CLOSING_DEBIT + 0
_CLOSING_CREDIT = TransferFlag.CLOSING_CREDIT + 0
_CLOSING = _CLOSING_DEBIT | _CLOSING_CREDIT
_CREATED = Status.CREATED


Line = tuple[UUID, int, UUID, int, int, int, int, int, int]
"""The values of a line of history, in the order of its table's columns."""


class Mark(NamedTuple):
    """How far the batch had come when a unit, or an event of a client, began."""

    transfers: int
    lines: int
    accounts: int


class Book:
    """Accounts, transfers and pending transfers of one batch, changed as units are judged.

    All are found by the number of their id: UUIDs hash and compare in Python, numbers do not.
    """

    def __init__(
        self,
        found: dict[tuple[str, Key], Row],
        stamps: Stamps,
        lasting: Mapping[int, Row],
    ) -> None:
        """`lasting` is what never changes of accounts whose rows are not whole, by id."""
        self.accounts: dict[int, Balance] = {}
        self.transfers: dict[int, Row] = {}
        self.pending: dict[int, Pending] = {}
        self.failed: set[int] = set()
        self.resolved: dict[int, Pending] = {}
        self.stamps = stamps
        self._undo: list[tuple[Balance, int, int, int, int, int, int, UUID | None]] = []
        self._undo_pending: list[int] = []
        self._undoable = False
        self.transfers_new: list[dict[str, Any]] = []
        self.lines_new: list[Line] = []
        self.failed_new: list[dict[str, Any]] = []
        self.failures: list[Transfer] = []
        self.accounts_new: list[dict[str, Any]] = []
        for (table, key), row in found.items():
            if table == "account":
                number = key[0].int
                self.accounts[number] = Balance(row, None if "code" in row else lasting[number])
            elif table == "transfer":
                self.transfers[key[0].int] = row
            elif table == "pending":
                pending = self.pending[key[0].int] = Pending(row, row["expires_ns"], row["version"])
                pending.state = row["state"]
            else:
                assert table == "seen", table
                self.failed.add(key[0].int)

    def mark(self) -> Mark:
        """Begin what can be undone as a whole."""
        self.settle()
        self._undoable = True
        return Mark(len(self.transfers_new), len(self.lines_new), len(self.accounts_new))

    def settle(self) -> None:
        """Keep what was done: from here on there is nothing to undo, until the next mark."""
        self._undo.clear()
        self._undo_pending.clear()
        self._undoable = False

    def undo(self, mark: Mark) -> None:
        """Take back everything since the mark."""
        for balance, *before, closed_by in reversed(self._undo):
            (
                balance.debits_pending,
                balance.debits_posted,
                balance.credits_pending,
                balance.credits_posted,
                balance.lines,
                balance.timestamp_last,
            ) = before
            balance.closed_by = closed_by
        for pending_id in self._undo_pending:
            self.pending[pending_id].state = "pending"
            self.resolved.pop(pending_id, None)
        for row in self.transfers_new[mark.transfers :]:
            del self.transfers[row["id"].int]
            self.pending.pop(row["id"].int, None)
        for row in self.accounts_new[mark.accounts :]:
            del self.accounts[row["id"].int]
        del self.transfers_new[mark.transfers :]
        del self.lines_new[mark.lines :]
        del self.accounts_new[mark.accounts :]
        self._undo.clear()
        self._undo_pending.clear()

    def remember_failure(self, transfer: Transfer, status: Status) -> None:
        """Keep an id that failed for a reason that may pass."""
        self.failed.add(transfer.id.int)
        self.failed_new.append(rows.failed(transfer, status))
        self.failures.append(transfer)

    def open(self, account: Account, flags: int) -> Status:
        """Open a client's account, or say why not and change nothing."""
        existing = self.accounts.get(account.id.int)
        if existing is not None:
            found = {**existing.row, "flags": existing.flags_now}
            return compare_account(account, flags, found)
        problem = unsound_account(account, flags)
        if problem is not None:
            return problem
        asked = account.asked
        assert asked is not None
        timestamp = asked.timestamp if flags & IMPORTED_ACCOUNT else self.stamps.peek()
        if flags & IMPORTED_ACCOUNT:
            assert asked.floor is not None
            newest = _newest(self.accounts_new, asked.space, asked.floor.newest)
            if timestamp <= newest or _taken(
                self.transfers_new, asked.space, timestamp, asked.floor.taken
            ):
                return Status.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
        if timestamp > self.stamps.next():
            self.stamps.pass_by(timestamp)
        row = rows.account(account, flags, timestamp, len(self.accounts_new))
        self.accounts_new.append(row)
        self.accounts[account.id.int] = Balance({**row, "version": 1})
        return _CREATED

    def post(self, transfer: Transfer, flags: int) -> Status:
        """Book one transfer, or say why not and change nothing."""
        transfer_id = transfer.id.int
        existing = self.transfers.get(transfer_id)
        if existing is not None:
            pending_id = transfer.pending_id
            named = None if pending_id is None else self.transfers.get(pending_id.int)
            return compare_transfer(transfer, flags, existing, named)
        if transfer_id in self.failed:
            return Status.ID_ALREADY_FAILED
        if flags & _RESOLVE:
            return self._resolve(transfer, flags)
        return self._move(transfer, flags)

    def _move(self, transfer: Transfer, flags: int) -> Status:
        """Book a transfer that is not the second phase of another."""
        problem = unsound_transfer(transfer, flags)
        if problem is not None:
            return problem
        space = None if transfer.asked is None else transfer.asked.space
        debit = self.accounts.get(transfer.debit_account_id.int)
        if debit is None or debit.space != space:
            return Status.DEBIT_ACCOUNT_NOT_FOUND
        credit = self.accounts.get(transfer.credit_account_id.int)
        if credit is None or credit.space != space:
            return Status.CREDIT_ACCOUNT_NOT_FOUND
        if debit.ledger != credit.ledger:
            return Status.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
        if transfer.ledger != debit.ledger:
            return Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
        problem = self._import_problem(transfer, flags, debit, credit) or closed(debit, credit)
        if problem is not None:
            return problem
        amount = transfer.amount_minor
        assert amount is not None
        if flags & _BALANCING:
            amount = balanced(debit, credit, amount, flags)
        timestamp = self._timestamp(transfer, flags)
        expires_ns = expiry(timestamp, transfer.timeout_seconds)
        problem = past_limits(debit, credit, amount, flags & _PENDING, expires_ns)
        if problem is not None:
            return problem
        if self._undoable:
            self._keep(debit, credit)
        row = rows.transfer(transfer, flags, amount, timestamp, len(self.transfers_new))
        if flags & _PENDING:
            debit.debits_pending += amount
            credit.credits_pending += amount
            self.pending[transfer.id.int] = Pending(row, expires_ns, 0)
            if flags & _CLOSING_DEBIT:
                debit.closed_by = transfer.id
            if flags & _CLOSING_CREDIT:
                credit.closed_by = transfer.id
        else:
            debit.debits_posted += amount
            credit.credits_posted += amount
        self._append(row, debit, credit)
        return _CREATED

    def _resolve(self, transfer: Transfer, flags: int) -> Status:
        """Post or void a pending transfer, or release it because it ran out.

        No limit is checked: what was pending counted against it already.
        """
        problem = unsound_resolution(transfer, flags)
        if problem is not None:
            return problem
        assert transfer.pending_id is not None
        pending_id = transfer.pending_id.int
        named = self.transfers.get(pending_id)
        space = None if transfer.asked is None else transfer.asked.space
        if named is None or named.get("space") != space:
            return Status.PENDING_TRANSFER_NOT_FOUND
        pending = self.pending.get(pending_id)
        if pending is None:
            return Status.PENDING_TRANSFER_NOT_PENDING
        amount = pending.amount if transfer.amount_minor is None else transfer.amount_minor
        problem = mismatch(transfer, pending, amount, flags) or out_of_time(
            pending, self.stamps.now, flags & _EXPIRE
        )
        if problem is not None:
            return problem
        debit = self.accounts[pending.debit_account_id.int]
        credit = self.accounts[pending.credit_account_id.int]
        problem = self._import_problem(transfer, flags, debit, credit)
        if problem is None and flags & _POST:
            problem = closed(debit, credit)
        if problem is not None:
            return problem
        if self._undoable:
            self._keep(debit, credit)
            self._undo_pending.append(pending_id)
        debit.debits_pending -= pending.amount
        credit.credits_pending -= pending.amount
        if flags & _POST:
            debit.debits_posted += amount
            credit.credits_posted += amount
        assert debit.debits_pending >= 0, pending_id
        assert credit.credits_pending >= 0, pending_id
        self._reopen(pending_id, debit, credit)
        pending.state = rows.STATES[flags & _RESOLVE]
        self.resolved[pending_id] = pending
        timestamp = self._timestamp(transfer, flags)
        position = len(self.transfers_new)
        row = rows.transfer(transfer, flags, amount, timestamp, position, named)
        self._append(row, debit, credit)
        return _CREATED

    def _reopen(self, pending_id: int, debit: Balance, credit: Balance) -> None:
        """Open accounts again that this pending transfer closed."""
        for balance in (debit, credit):
            if balance.closed_by is not None and balance.closed_by.int == pending_id:
                balance.closed_by = None

    def _timestamp(self, transfer: Transfer, flags: int) -> int:
        if flags & IMPORTED_TRANSFER and transfer.asked is not None:
            return transfer.asked.timestamp
        return self.stamps.peek()

    def _import_problem(
        self, transfer: Transfer, flags: int, debit: Balance, credit: Balance
    ) -> Status | None:
        """Say what is wrong with the time of an imported transfer."""
        asked = transfer.asked
        if asked is None or not flags & IMPORTED_TRANSFER:
            return None
        assert asked.floor is not None
        timestamp = asked.timestamp
        newest = _newest(self.transfers_new, asked.space, asked.floor.newest)
        if timestamp <= max(newest, debit.timestamp_last, credit.timestamp_last) or _taken(
            self.accounts_new, asked.space, timestamp, asked.floor.taken
        ):
            return Status.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
        if timestamp <= (debit.timestamp or 0):
            return Status.IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT
        if timestamp <= (credit.timestamp or 0):
            return Status.IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT
        if transfer.timeout_seconds:
            return Status.IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO
        return None

    def _keep(self, debit: Balance, credit: Balance) -> None:
        for balance in (debit, credit):
            self._undo.append(
                (
                    balance,
                    balance.debits_pending,
                    balance.debits_posted,
                    balance.credits_pending,
                    balance.credits_posted,
                    balance.lines,
                    balance.timestamp_last,
                    balance.closed_by,
                )
            )

    def _append(self, row: dict[str, Any], debit: Balance, credit: Balance) -> None:
        transfer_id, amount, timestamp = row["id"], row["amount"], row["timestamp"]
        if timestamp > self.stamps.next():
            self.stamps.pass_by(timestamp)
        self.transfers[transfer_id.int] = row
        self.transfers_new.append(row)
        for balance in (debit, credit):
            balance.timestamp_last = timestamp
            if balance.keeps_lines:
                balance.lines += 1
                self.lines_new.append(
                    (
                        balance.id, balance.lines, transfer_id, amount, balance.debits_pending,
                        balance.debits_posted, balance.credits_pending, balance.credits_posted,
                        timestamp,
                    )
                )  # fmt: skip


def _newest(made: list[dict[str, Any]], space: str, floor: int) -> int:
    """Return the newest timestamp of a space; within a batch they grow."""
    for row in reversed(made):
        if row.get("space") == space:
            return max(floor, int(row["timestamp"]))
    return floor


def _taken(made: list[dict[str, Any]], space: str, timestamp: int, before: frozenset[int]) -> bool:
    """Tell whether an event of the other kind has this timestamp."""
    return timestamp in before or any(
        row["timestamp"] == timestamp and row.get("space") == space for row in made
    )
