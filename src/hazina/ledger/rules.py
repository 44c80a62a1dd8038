"""What may stop a transfer: closed accounts, limits, and a pending transfer that differs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hazina.db.table import Row
from hazina.ledger.types import AMOUNT_MAX, NO_ID, AccountFlag, Status, Transfer, TransferFlag

# Whole numbers, since operators of flag types cost a microsecond each.
_RELEASE = int(TransferFlag.VOID_PENDING | TransferFlag.EXPIRE)
_BALANCING_DEBIT = TransferFlag.BALANCING_DEBIT + 0
_BALANCING_CREDIT = TransferFlag.BALANCING_CREDIT + 0
_LIMIT_DEBITS = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS + 0
_LIMIT_CREDITS = AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS + 0
_CLOSED = AccountFlag.CLOSED + 0
_HISTORY = AccountFlag.HISTORY + 0
_SECOND = 1_000_000_000
_TIMESTAMP_LIMIT = 2**63
_NO_ROW: Row = {}

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
    """An account as the batch sees it now.

    A `timestamp` of None means that no batch has recorded its opening. Every account of a client
    keeps lines, whether or not it has the flag `history`, so that a balance of any time is there.
    """

    __slots__ = (
        "_changing", "_lasting", "closed_before", "closed_by", "credits_pending",
        "credits_posted", "debits_pending", "debits_posted", "flags", "id",
        "keeps_lines", "ledger", "lines", "overdraft", "space", "timestamp",
        "timestamp_last", "version",
    )  # fmt: skip

    def __init__(self, row: Row, lasting: Row | None = None) -> None:
        """`lasting` is what never changes of the account, unless `row` is whole."""
        if lasting is None:
            lasting = row
        self.id: UUID = row["id"]
        self._changing, self._lasting = row, lasting
        self.ledger: int = lasting["ledger"]
        self.flags: int = lasting["flags"]
        self.space: str | None = lasting["space"]
        self.overdraft: int = row["overdraft"]
        self.debits_pending: int = row["debits_pending"]
        self.debits_posted: int = row["debits_posted"]
        self.credits_pending: int = row["credits_pending"]
        self.credits_posted: int = row["credits_posted"]
        self.lines: int = row["lines"]
        self.keeps_lines = bool(self.flags & _HISTORY) or self.space is not None
        self.timestamp: int | None = row["timestamp"]
        self.timestamp_last: int = row["timestamp_last"]
        self.closed_by: UUID | None = row["closed_by"]
        self.closed_before = self.closed_by
        self.version: int = row["version"]

    def let_go(self) -> None:
        """Keep what judging transfers takes, and not the row that it was read from."""
        self._changing = self._lasting = _NO_ROW

    @property
    def newest(self) -> int:
        """Return the newest timestamp that the account has seen."""
        return max(self.timestamp or 0, self.timestamp_last)

    @property
    def row(self) -> dict[str, Any]:
        """Return the whole row as it was found."""
        return {**self._lasting, **self._changing}

    @property
    def closed(self) -> bool:
        """Tell whether only voids are allowed."""
        return self.closed_by is not None or bool(self.flags & _CLOSED)

    @property
    def flags_now(self) -> int:
        """Return the flags with `closed` as it is today."""
        return self.flags | _CLOSED if self.closed_by is not None else self.flags


class Pending:
    """A pending transfer as the batch sees it now; `version` 0 is one that the batch made.

    `timestamp` is None for one that is older than timestamps; it never runs out.
    """

    __slots__ = (
        "amount", "code", "credit_account_id", "debit_account_id", "expires_ns", "ledger",
        "state", "version",
    )  # fmt: skip

    def __init__(self, row: Row, expires_ns: int | None, version: int) -> None:
        self.debit_account_id: UUID = row["debit_account_id"]
        self.credit_account_id: UUID = row["credit_account_id"]
        self.amount: int = row["amount"]
        self.ledger: int = row["ledger"]
        self.code: int = row["code"]
        self.state = "pending"
        self.expires_ns = expires_ns
        self.version = version


def expiry(timestamp: int, timeout_seconds: int) -> int | None:
    """Return when a pending transfer runs out, in nanoseconds; None is never."""
    return timestamp + timeout_seconds * _SECOND if timeout_seconds else None


def closed(debit: Balance, credit: Balance) -> Status | None:
    """Say which account is closed, if one is."""
    if debit.closed_by is not None or debit.flags & _CLOSED:
        return Status.DEBIT_ACCOUNT_ALREADY_CLOSED
    if credit.closed_by is not None or credit.flags & _CLOSED:
        return Status.CREDIT_ACCOUNT_ALREADY_CLOSED
    return None


def balanced(debit: Balance, credit: Balance, amount: int, flags: int) -> int:
    """Return as much of the amount as the balancing accounts have left.

    An overdraft is no part of what an account has: balancing empties it and never borrows.
    """
    if flags & _BALANCING_DEBIT:
        left = debit.credits_posted - debit.debits_posted - debit.debits_pending
        amount = min(amount, max(left, 0))
    if flags & _BALANCING_CREDIT:
        left = credit.debits_posted - credit.credits_posted - credit.credits_pending
        amount = min(amount, max(left, 0))
    return amount


def past_limits(
    debit: Balance, credit: Balance, amount: int, pending: int, expires_ns: int | None = None
) -> Status | None:
    """Say which balance would be too large; what is pending counts as if it were posted."""
    debits = debit.debits_pending + debit.debits_posted + amount
    credits = credit.credits_pending + credit.credits_posted + amount
    if debits > AMOUNT_MAX or credits > AMOUNT_MAX:
        return _overflow(debit, credit, amount, pending)
    if expires_ns is not None and expires_ns >= _TIMESTAMP_LIMIT:
        return Status.OVERFLOWS_TIMEOUT
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
    if transfer.debit_account_id not in (pending.debit_account_id, NO_ID):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
    if transfer.credit_account_id not in (pending.credit_account_id, NO_ID):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
    if transfer.ledger not in (0, pending.ledger):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    if transfer.code not in (0, pending.code):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    if amount < 0 or (amount == 0 and transfer.asked is None):
        return Status.AMOUNT_MUST_NOT_BE_ZERO
    if amount > pending.amount:
        return Status.EXCEEDS_PENDING_TRANSFER_AMOUNT
    if flags & _RELEASE and amount != pending.amount:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
    return _RESOLVED.get(pending.state)


def out_of_time(pending: Pending, now: int, release: int) -> Status | None:
    """Say whether time keeps this pending transfer from being resolved.

    From its expiry on only the ledger itself may release it, and never before.
    """
    ran_out = pending.expires_ns is not None and now >= pending.expires_ns
    if release:
        return None if ran_out else Status.PENDING_TRANSFER_NOT_EXPIRED
    return Status.PENDING_TRANSFER_EXPIRED if ran_out else None
