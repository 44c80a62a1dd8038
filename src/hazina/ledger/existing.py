"""What a repeated id is answered: `exists`, or the first field in which the two differ."""

from __future__ import annotations

from uuid import UUID

from hazina.db.table import Row
from hazina.ledger.types import AMOUNT_MAX, NO_ID, Account, Asked, Status, Transfer, TransferFlag

_POST = TransferFlag.POST_PENDING + 0
_RESOLVE = int(TransferFlag.POST_PENDING | TransferFlag.VOID_PENDING | TransferFlag.EXPIRE)
_BALANCING = int(TransferFlag.BALANCING_DEBIT | TransferFlag.BALANCING_CREDIT)
_SIGN_64 = 2**63


def stored_128(number: int) -> UUID | None:
    """Return a 128-bit number as it is stored; zero is nothing."""
    return UUID(int=number) if number else None


def stored_64(number: int) -> int | None:
    """Return an unsigned 64-bit number as a signed one of the same bits; zero is nothing."""
    if not number:
        return None
    return number if number < _SIGN_64 else number - 2 * _SIGN_64


def shown_64(stored: int | None) -> int:
    """Return the unsigned number that `stored_64` stored."""
    if stored is None:
        return 0
    return stored if stored >= 0 else stored + 2 * _SIGN_64


def compare_account(account: Account, flags: int, found: Row) -> Status:
    """Say whether an account with a known id is the same one; `found` has its flags of today."""
    asked = account.asked
    assert asked is not None
    if flags != found["flags"]:
        return Status.EXISTS_WITH_DIFFERENT_FLAGS
    problem = _user_data(asked, found, None)
    if problem is not None:
        return problem
    if account.ledger != found["ledger"]:
        return Status.EXISTS_WITH_DIFFERENT_LEDGER
    if account.code != found["code"]:
        return Status.EXISTS_WITH_DIFFERENT_CODE
    if account.overdraft_minor != found["overdraft"]:
        return Status.EXISTS_WITH_DIFFERENT_OVERDRAFT
    if asked.metadata != found["metadata"]:
        return Status.EXISTS_WITH_DIFFERENT_METADATA
    return Status.EXISTS


def compare_transfer(transfer: Transfer, flags: int, found: Row, pending: Row | None) -> Status:
    """Say whether a transfer with a known id is the same one.

    `pending` is the row of the transfer that the new one would post or void: what is left out
    there is taken from it.
    """
    if flags != found["flags"]:
        return Status.EXISTS_WITH_DIFFERENT_FLAGS
    if transfer.pending_id != found["pending_id"]:
        return Status.EXISTS_WITH_DIFFERENT_PENDING_ID
    if transfer.timeout_seconds != found["timeout_seconds"]:
        return Status.EXISTS_WITH_DIFFERENT_TIMEOUT
    resolves = flags & _RESOLVE
    if _account_differs(transfer.debit_account_id, found["debit_account_id"], resolves):
        return Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
    if _account_differs(transfer.credit_account_id, found["credit_account_id"], resolves):
        return Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
    whole = pending["amount"] if resolves and pending is not None else None
    if _amount_differs(transfer.amount_minor, flags, found["amount"], whole):
        return Status.EXISTS_WITH_DIFFERENT_AMOUNT
    asked = transfer.asked
    if asked is not None:
        problem = _user_data(asked, found, pending if resolves else None)
        if problem is not None:
            return problem
    if transfer.reference != found["reference"] or transfer.entry != found["entry"]:
        return Status.EXISTS_WITH_DIFFERENT_REFERENCE
    if transfer.ledger != found["ledger"] and not (resolves and transfer.ledger == 0):
        return Status.EXISTS_WITH_DIFFERENT_LEDGER
    if transfer.code != found["code"] and not (resolves and transfer.code == 0):
        return Status.EXISTS_WITH_DIFFERENT_CODE
    if asked is not None and asked.metadata != found["metadata"]:
        return Status.EXISTS_WITH_DIFFERENT_METADATA
    return Status.EXISTS


def _account_differs(account_id: UUID, booked: UUID, resolves: int) -> bool:
    """Tell whether another account is named; what resolves may leave it to the pending one."""
    return account_id != booked and not (resolves and account_id == NO_ID)


def _amount_differs(amount: int | None, flags: int, booked: int, whole: int | None) -> bool:
    """Tell whether another amount would have been booked; None is all there is.

    `whole` is the amount of the pending transfer that a post or void resolves.
    """
    if flags & _RESOLVE:
        assert whole is not None, "what resolves names a pending transfer"
        if not flags & _POST:
            return amount is not None and amount != booked
        if booked < whole:
            return amount != booked
        return amount is not None and amount < whole
    if flags & _BALANCING:
        return (AMOUNT_MAX if amount is None else amount) < booked
    return amount != booked


def _user_data(asked: Asked, found: Row, pending: Row | None) -> Status | None:
    """Compare the three fields; zero means the pending transfer's, if there is one."""
    for value, name, status in (
        (stored_128(asked.user_data_128), "user_data_128", _STATUS_128),
        (stored_64(asked.user_data_64), "user_data_64", _STATUS_64),
        (asked.user_data_32 or None, "user_data_32", _STATUS_32),
    ):
        wanted = pending.get(name) if value is None and pending is not None else value
        if wanted != found.get(name):
            return status
    return None


_STATUS_128 = Status.EXISTS_WITH_DIFFERENT_USER_DATA_128
_STATUS_64 = Status.EXISTS_WITH_DIFFERENT_USER_DATA_64
_STATUS_32 = Status.EXISTS_WITH_DIFFERENT_USER_DATA_32
