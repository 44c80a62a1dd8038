"""What may stop a transfer: closed accounts, limits, and a pending transfer that differs."""

from __future__ import annotations

from uuid import UUID

from hazina.db.table import Row
from hazina.ledger.types import AMOUNT_MAX, AccountFlag, Status, Transfer, TransferFlag

# Whole numbers, since operators of flag types cost a microsecond each.
_VOID = TransferFlag.VOID_PENDING + 0
_LIMIT_DEBITS = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS + 0
_LIMIT_CREDITS = AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS + 0
_CLOSED = AccountFlag.CLOSED + 0

TRANSIENT = frozenset(
    {
        Status.DEBIT_ACCOUNT_NOT_FOUND,
        Status.CREDIT_ACCOUNT_NOT_FOUND,
        Status.PENDING_TRANSFER_NOT_FOUND,
        Status.DEBIT_ACCOUNT_ALREADY_CLOSED,
        Status.CREDIT_ACCOUNT_ALREADY_CLOSED,
        Status.EXCEEDS_CREDITS,
        Status.EXCEEDS_DEBITS,
    }
)
"""Failures that depend on the moment. Their ids are kept, so that a retry cannot succeed later."""

_RESOLVED = {
    "posted": Status.PENDING_TRANSFER_ALREADY_POSTED,
    "voided": Status.PENDING_TRANSFER_ALREADY_VOIDED,
    "expired": Status.PENDING_TRANSFER_EXPIRED,
}


class Balance:
    """An account as the batch sees it now."""

    __slots__ = (
        "credits_pending", "credits_posted", "debits_pending", "debits_posted", "flags", "id",
        "ledger", "lines", "overdraft", "version",
    )  # fmt: skip

    def __init__(self, row: Row) -> None:
        self.id: UUID = row["id"]
        self.ledger: int = row["ledger"]
        self.flags: int = row["flags"]
        self.overdraft: int = row["overdraft"]
        self.debits_pending: int = row["debits_pending"]
        self.debits_posted: int = row["debits_posted"]
        self.credits_pending: int = row["credits_pending"]
        self.credits_posted: int = row["credits_posted"]
        self.lines: int = row["lines"]
        self.version: int = row["version"]


class Pending:
    """A pending transfer as the batch sees it now; `version` 0 is one that the batch made."""

    __slots__ = (
        "amount", "code", "credit_account_id", "debit_account_id", "ledger", "state",
        "timeout_seconds", "version",
    )  # fmt: skip

    def __init__(self, row: Row, timeout_seconds: int, version: int) -> None:
        self.debit_account_id: UUID = row["debit_account_id"]
        self.credit_account_id: UUID = row["credit_account_id"]
        self.amount: int = row["amount"]
        self.ledger: int = row["ledger"]
        self.code: int = row["code"]
        self.state = "pending"
        self.timeout_seconds = timeout_seconds
        self.version = version


def closed(debit: Balance, credit: Balance) -> Status | None:
    """Say which account is closed, if one is."""
    if debit.flags & _CLOSED:
        return Status.DEBIT_ACCOUNT_ALREADY_CLOSED
    if credit.flags & _CLOSED:
        return Status.CREDIT_ACCOUNT_ALREADY_CLOSED
    return None


def past_limits(debit: Balance, credit: Balance, amount: int, pending: int) -> Status | None:
    """Say which balance would be too large; what is pending counts as if it were posted."""
    debits = debit.debits_pending + debit.debits_posted + amount
    credits = credit.credits_pending + credit.credits_posted + amount
    if debits > AMOUNT_MAX or credits > AMOUNT_MAX:
        return _overflow(debit, credit, amount, pending)
    if debit.flags & _LIMIT_DEBITS and debits > debit.credits_posted + debit.overdraft:
        return Status.EXCEEDS_CREDITS
    if credit.flags & _LIMIT_CREDITS and credits > credit.debits_posted + credit.overdraft:
        return Status.EXCEEDS_DEBITS
    return None


def _overflow(debit: Balance, credit: Balance, amount: int, pending: int) -> Status:
    if pending and debit.debits_pending + amount > AMOUNT_MAX:
        return Status.OVERFLOWS_DEBITS_PENDING
    if pending and credit.credits_pending + amount > AMOUNT_MAX:
        return Status.OVERFLOWS_CREDITS_PENDING
    if debit.debits_posted + amount > AMOUNT_MAX:
        return Status.OVERFLOWS_DEBITS_POSTED
    if credit.credits_posted + amount > AMOUNT_MAX:
        return Status.OVERFLOWS_CREDITS_POSTED
    if debit.debits_pending + debit.debits_posted + amount > AMOUNT_MAX:
        return Status.OVERFLOWS_DEBITS
    return Status.OVERFLOWS_CREDITS


def mismatch(transfer: Transfer, pending: Pending, amount: int, flags: int) -> Status | None:
    """Say what keeps this transfer from resolving that pending one; zero inherits its value."""
    if transfer.ledger not in (0, pending.ledger):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    if transfer.code not in (0, pending.code):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    if amount <= 0:
        return Status.AMOUNT_MUST_NOT_BE_ZERO
    if amount > pending.amount:
        return Status.EXCEEDS_PENDING_TRANSFER_AMOUNT
    if flags & _VOID and amount != pending.amount:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
    return _RESOLVED.get(pending.state)
