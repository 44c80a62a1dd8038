"""The rules of transfers: what each one checks, in TigerBeetle's order, and what it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from hazina.db.table import Key, Row
from hazina.db.unit import Insert, Update
from hazina.ledger.rules import Balance, Pending, closed, mismatch, past_limits
from hazina.ledger.types import AccountFlag, Status, Transfer, TransferFlag

# Whole numbers, since operators of flag types cost a microsecond each.
_PENDING = TransferFlag.PENDING + 0
_POST = TransferFlag.POST_PENDING + 0
_VOID = TransferFlag.VOID_PENDING + 0
_RESOLVE = _POST | _VOID
_HISTORY = AccountFlag.HISTORY + 0
_CREATED = Status.CREATED


class Mark(NamedTuple):
    """How far the batch had come when a unit began."""

    transfers: int
    lines: int


class Book:
    """Accounts, transfers and pending transfers of one batch, changed as units are judged."""

    def __init__(self, rows: dict[tuple[str, Key], Row]) -> None:
        self._accounts: dict[UUID, Balance] = {}
        self._transfers: dict[UUID, Row] = {}
        self._pending: dict[UUID, Pending] = {}
        self._failed: set[UUID] = set()
        self._resolved: dict[UUID, Pending] = {}
        self._undo: list[tuple[Balance, int, int, int, int, int]] = []
        self._undo_pending: list[UUID] = []
        self.transfers_new: list[dict[str, Any]] = []
        self.lines_new: list[dict[str, Any]] = []
        self.failed_new: list[dict[str, Any]] = []
        for (table, key), row in rows.items():
            if table == "account":
                self._accounts[key[0]] = Balance(row)
            elif table == "transfer":
                self._transfers[key[0]] = row
            elif table == "pending":
                pending = self._pending[key[0]] = Pending(row, 0, row["version"])
                pending.state = row["state"]
            else:
                assert table == "seen", table
                self._failed.add(key[0])

    def mark(self) -> Mark:
        """Begin a unit: what follows can be undone."""
        self._undo.clear()
        self._undo_pending.clear()
        return Mark(len(self.transfers_new), len(self.lines_new))

    def undo(self, mark: Mark) -> None:
        """Take back everything since the mark."""
        for balance, *before in reversed(self._undo):
            (
                balance.debits_pending,
                balance.debits_posted,
                balance.credits_pending,
                balance.credits_posted,
                balance.lines,
            ) = before
        for pending_id in self._undo_pending:
            self._pending[pending_id].state = "pending"
            self._resolved.pop(pending_id, None)
        for row in self.transfers_new[mark.transfers :]:
            del self._transfers[row["id"]]
            self._pending.pop(row["id"], None)
        del self.transfers_new[mark.transfers :]
        del self.lines_new[mark.lines :]
        self._undo.clear()
        self._undo_pending.clear()

    def remember_failure(self, transfer: Transfer, status: Status) -> None:
        """Keep an id that failed for a reason that may pass."""
        self._failed.add(transfer.id)
        # Nothing of a failed transfer is checked, so its words are hashed as they are.
        words = repr(
            (
                transfer.id.hex,
                transfer.debit_account_id.hex,
                transfer.credit_account_id.hex,
                transfer.amount_minor,
                transfer.ledger,
                transfer.code,
                transfer.flags + 0,
                transfer.pending_id,
                transfer.timeout_seconds,
                transfer.reference,
                transfer.entry,
            )
        )
        digest = hashlib.sha256(words.encode("ascii", "backslashreplace")).digest()
        self.failed_new.append({"id": transfer.id, "digest": digest, "status": status.value})

    def post(self, transfer: Transfer, flags: int) -> Status:
        """Book one transfer, or say why not and change nothing."""
        existing = self._transfers.get(transfer.id)
        if existing is not None:
            return self._compare(transfer, flags, existing)
        if transfer.id in self._failed:
            return Status.ID_ALREADY_FAILED
        if flags & _RESOLVE:
            return self._resolve(transfer, flags)
        return self._move(transfer, flags)

    def pending_writes(self) -> Iterator[Insert | Update]:
        """Return the pending transfers made or resolved, one write each."""
        for row in self.transfers_new:
            if row["flags"] & _PENDING:
                pending = self._pending[row["id"]]
                yield Insert("pending", _pending_row(row["id"], pending))
        for pending_id, pending in self._resolved.items():
            if pending.version:
                changes = {"state": pending.state}
                yield Update("pending", (pending_id,), pending.version, changes)

    def account_updates(self) -> Iterator[Update]:
        """Return one update for each account that an accepted transfer touched."""
        booked = dict.fromkeys(row["debit_account_id"] for row in self.transfers_new)
        booked.update(dict.fromkeys(row["credit_account_id"] for row in self.transfers_new))
        for account_id in booked:
            balance = self._accounts[account_id]
            yield Update(
                "account",
                (account_id,),
                balance.version,
                {
                    "debits_pending": balance.debits_pending,
                    "debits_posted": balance.debits_posted,
                    "credits_pending": balance.credits_pending,
                    "credits_posted": balance.credits_posted,
                    "lines": balance.lines,
                },
            )

    def _compare(self, transfer: Transfer, flags: int, found: Row) -> Status:
        """Say whether a transfer with a known id is the same one."""
        if flags != found["flags"]:
            return Status.EXISTS_WITH_DIFFERENT_FLAGS
        if transfer.pending_id != found["pending_id"]:
            return Status.EXISTS_WITH_DIFFERENT_PENDING_ID
        if transfer.timeout_seconds != found["timeout_seconds"]:
            return Status.EXISTS_WITH_DIFFERENT_TIMEOUT
        if transfer.debit_account_id != found["debit_account_id"]:
            return Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
        if transfer.credit_account_id != found["credit_account_id"]:
            return Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
        amount = transfer.amount_minor
        resolves = flags & _RESOLVE
        if amount is None and resolves and transfer.pending_id is not None:
            amount = self._pending[transfer.pending_id].amount
        if amount != found["amount"]:
            return Status.EXISTS_WITH_DIFFERENT_AMOUNT
        if transfer.reference != found["reference"] or transfer.entry != found["entry"]:
            return Status.EXISTS_WITH_DIFFERENT_REFERENCE
        if transfer.ledger != found["ledger"] and not (resolves and transfer.ledger == 0):
            return Status.EXISTS_WITH_DIFFERENT_LEDGER
        if transfer.code != found["code"] and not (resolves and transfer.code == 0):
            return Status.EXISTS_WITH_DIFFERENT_CODE
        return Status.EXISTS

    def _move(self, transfer: Transfer, flags: int) -> Status:
        """Book a transfer that is not the second phase of another."""
        amount = transfer.amount_minor
        pending = flags & _PENDING
        if transfer.debit_account_id == transfer.credit_account_id:
            return Status.ACCOUNTS_MUST_BE_DIFFERENT
        if transfer.pending_id is not None:
            return Status.PENDING_ID_MUST_BE_ZERO
        if transfer.timeout_seconds and not pending:
            return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
        if amount is None or amount <= 0:
            return Status.AMOUNT_MUST_NOT_BE_ZERO
        if transfer.ledger <= 0:
            return Status.LEDGER_MUST_NOT_BE_ZERO
        if transfer.code <= 0:
            return Status.CODE_MUST_NOT_BE_ZERO
        debit = self._accounts.get(transfer.debit_account_id)
        if debit is None:
            return Status.DEBIT_ACCOUNT_NOT_FOUND
        credit = self._accounts.get(transfer.credit_account_id)
        if credit is None:
            return Status.CREDIT_ACCOUNT_NOT_FOUND
        if debit.ledger != credit.ledger:
            return Status.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
        if transfer.ledger != debit.ledger:
            return Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
        problem = closed(debit, credit) or past_limits(debit, credit, amount, pending)
        if problem is not None:
            return problem
        self._keep(debit, credit)
        row = _row(transfer, flags, amount, transfer.ledger, transfer.code, len(self.transfers_new))
        if pending:
            debit.debits_pending += amount
            credit.credits_pending += amount
            self._pending[transfer.id] = Pending(row, transfer.timeout_seconds, 0)
        else:
            debit.debits_posted += amount
            credit.credits_posted += amount
        self._append(row, debit, credit)
        return _CREATED

    def _resolve(self, transfer: Transfer, flags: int) -> Status:
        """Post or void a pending transfer.

        No limit is checked: what was pending counted against it already.
        """
        if flags & _PENDING or flags & _RESOLVE == _RESOLVE:
            return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
        if transfer.pending_id is None:
            return Status.PENDING_ID_MUST_NOT_BE_ZERO
        if transfer.pending_id == transfer.id:
            return Status.PENDING_ID_MUST_BE_DIFFERENT
        if transfer.timeout_seconds:
            return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
        pending = self._pending.get(transfer.pending_id)
        if pending is None:
            if transfer.pending_id in self._transfers:
                return Status.PENDING_TRANSFER_NOT_PENDING
            return Status.PENDING_TRANSFER_NOT_FOUND
        amount = pending.amount if transfer.amount_minor is None else transfer.amount_minor
        if transfer.debit_account_id != pending.debit_account_id:
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
        if transfer.credit_account_id != pending.credit_account_id:
            return Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
        debit = self._accounts[pending.debit_account_id]
        credit = self._accounts[pending.credit_account_id]
        problem = mismatch(transfer, pending, amount, flags) or closed(debit, credit)
        if problem is not None:
            return problem
        self._keep(debit, credit)
        debit.debits_pending -= pending.amount
        credit.credits_pending -= pending.amount
        if flags & _POST:
            debit.debits_posted += amount
            credit.credits_posted += amount
        assert debit.debits_pending >= 0, transfer.pending_id
        assert credit.credits_pending >= 0, transfer.pending_id
        pending.state = "posted" if flags & _POST else "voided"
        self._resolved[transfer.pending_id] = pending
        self._undo_pending.append(transfer.pending_id)
        row = _row(transfer, flags, amount, pending.ledger, pending.code, len(self.transfers_new))
        self._append(row, debit, credit)
        return _CREATED

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
                )
            )

    def _append(self, row: dict[str, Any], debit: Balance, credit: Balance) -> None:
        self._transfers[row["id"]] = row
        self.transfers_new.append(row)
        for balance in (debit, credit):
            if balance.flags & _HISTORY:
                balance.lines += 1
                self.lines_new.append(
                    {
                        "account_id": balance.id,
                        "line": balance.lines,
                        "transfer_id": row["id"],
                        "amount": row["amount"],
                        "debits_pending": balance.debits_pending,
                        "debits_posted": balance.debits_posted,
                        "credits_pending": balance.credits_pending,
                        "credits_posted": balance.credits_posted,
                    }
                )


def _row(
    transfer: Transfer, flags: int, amount: int, ledger: int, code: int, position: int
) -> dict[str, Any]:
    return {
        "id": transfer.id,
        "debit_account_id": transfer.debit_account_id,
        "credit_account_id": transfer.credit_account_id,
        "amount": amount,
        "ledger": ledger,
        "code": code,
        "flags": flags,
        "pending_id": transfer.pending_id,
        "timeout_seconds": transfer.timeout_seconds,
        "reference": transfer.reference,
        "entry": transfer.entry,
        "position": position,
    }


def _pending_row(transfer_id: UUID, pending: Pending) -> dict[str, Any]:
    return {
        "transfer_id": transfer_id,
        "state": pending.state,
        "amount": pending.amount,
        "debit_account_id": pending.debit_account_id,
        "credit_account_id": pending.credit_account_id,
        "ledger": pending.ledger,
        "code": pending.code,
        "expires_at": pending.timeout_seconds * 1000 or None,
    }
