"""What is wrong with an account or a transfer by itself, in the order of TigerBeetle's reference.

The first part is asked before an id is looked up, the second after it: an event that exists is
compared with what exists, however it is formed.
"""

from __future__ import annotations

from uuid import UUID

from hazina.ledger.types import NO_ID, Account, AccountFlag, Asked, Status, Transfer, TransferFlag

# Whole numbers, since operators of flag types cost a microsecond each.
IMPORTED_ACCOUNT = AccountFlag.IMPORTED + 0
IMPORTED_TRANSFER = TransferFlag.IMPORTED + 0
_PENDING = TransferFlag.PENDING + 0
_POST = TransferFlag.POST_PENDING + 0
_VOID = TransferFlag.VOID_PENDING + 0
_EXPIRE = TransferFlag.EXPIRE + 0
RESOLVE = _POST | _VOID | _EXPIRE
_CLOSING = int(TransferFlag.CLOSING_DEBIT | TransferFlag.CLOSING_CREDIT)
_BALANCING = int(TransferFlag.BALANCING_DEBIT | TransferFlag.BALANCING_CREDIT)
_NOT_WITH_RESOLVE = _PENDING | _CLOSING | _BALANCING
_LIMITS = int(
    AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS
)
_ACCOUNT_FLAGS = 63
_TRANSFER_FLAGS = 511 | _EXPIRE  # Clients send 16 bits, so that only the ledger can expire.
_ID_MAX = UUID(int=2**128 - 1)
_TIMESTAMP_LIMIT = 2**63
_INT_MAX = 2**128 - 1


def malformed_account(account: Account, flags: int, batch_imported: int, now: int) -> Status | None:
    """Say what is wrong before the account's id is looked up."""
    asked = account.asked
    assert asked is not None
    problem = _timing(asked, flags & IMPORTED_ACCOUNT, batch_imported, now)
    if problem is not None:
        return problem
    if asked.reserved:
        return Status.RESERVED_FIELD
    return _naming(asked, flags & ~_ACCOUNT_FLAGS)


def malformed_transfer(
    transfer: Transfer, flags: int, batch_imported: int, now: int
) -> Status | None:
    """Say what is wrong before the transfer's id is looked up."""
    asked = transfer.asked
    assert asked is not None
    problem = _timing(asked, flags & IMPORTED_TRANSFER, batch_imported, now)
    if problem is not None:
        return problem
    return _naming(asked, flags & ~_TRANSFER_FLAGS)


def unsound_account(account: Account, flags: int) -> Status | None:
    """Say what is wrong with an account whose id is new."""
    asked = account.asked
    assert asked is not None
    if flags & _LIMITS == _LIMITS:
        return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if any(asked.balances):
        return _NONZERO[[value != 0 for value in asked.balances].index(True)]
    if account.ledger == 0:
        return Status.LEDGER_MUST_NOT_BE_ZERO
    if account.code == 0:
        return Status.CODE_MUST_NOT_BE_ZERO
    return None


def unsound_resolution(transfer: Transfer, flags: int) -> Status | None:
    """Say what is wrong with a transfer that posts or voids, whatever the pending one is."""
    resolve = flags & RESOLVE
    if resolve & (resolve - 1) or flags & _NOT_WITH_RESOLVE:
        return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if transfer.pending_id is None:
        return Status.PENDING_ID_MUST_NOT_BE_ZERO
    if transfer.asked is not None and transfer.pending_id == _ID_MAX:
        return Status.PENDING_ID_MUST_NOT_BE_INT_MAX
    if transfer.pending_id == transfer.id:
        return Status.PENDING_ID_MUST_BE_DIFFERENT
    if transfer.timeout_seconds:
        return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    return None


def unsound_transfer(transfer: Transfer, flags: int) -> Status | None:
    """Say what is wrong with any other transfer, before its accounts are looked up.

    Amounts of zero are a client's right (TigerBeetle allows them) and no payment's.
    """
    debit_id, credit_id = transfer.debit_account_id.int, transfer.credit_account_id.int
    if transfer.asked is not None and not (0 < debit_id < _INT_MAX and 0 < credit_id < _INT_MAX):
        return _unsound_account_ids(transfer)
    if debit_id == credit_id:
        return Status.ACCOUNTS_MUST_BE_DIFFERENT
    if transfer.pending_id is not None:
        return Status.PENDING_ID_MUST_BE_ZERO
    if not flags & _PENDING:
        if transfer.timeout_seconds:
            return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
        if flags & _CLOSING:
            return Status.CLOSING_TRANSFER_MUST_BE_PENDING
    amount = transfer.amount_minor
    if amount is None or amount < 0 or (amount == 0 and transfer.asked is None):
        return Status.AMOUNT_MUST_NOT_BE_ZERO
    if transfer.ledger <= 0:
        return Status.LEDGER_MUST_NOT_BE_ZERO
    if transfer.code <= 0:
        return Status.CODE_MUST_NOT_BE_ZERO
    return None


def _unsound_account_ids(transfer: Transfer) -> Status:
    if transfer.debit_account_id == NO_ID:
        return Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if transfer.debit_account_id == _ID_MAX:
        return Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if transfer.credit_account_id == NO_ID:
        return Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    return Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX


def _timing(asked: Asked, imported: int, batch_imported: int, now: int) -> Status | None:
    """Say what is wrong with the event's timestamp; the first event decides for the batch."""
    if bool(imported) != bool(batch_imported):
        if imported:
            return Status.IMPORTED_EVENT_NOT_EXPECTED
        return Status.IMPORTED_EVENT_EXPECTED
    if not imported:
        return Status.TIMESTAMP_MUST_BE_ZERO if asked.timestamp else None
    if not 0 < asked.timestamp < _TIMESTAMP_LIMIT:
        return Status.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE
    if asked.timestamp >= now:
        return Status.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE
    return None


def _naming(asked: Asked, flags_unknown: int) -> Status | None:
    if flags_unknown:
        return Status.RESERVED_FLAG
    if asked.client_id == 0:
        return Status.ID_MUST_NOT_BE_ZERO
    if asked.client_id == _INT_MAX:
        return Status.ID_MUST_NOT_BE_INT_MAX
    return None


_NONZERO = (
    Status.DEBITS_PENDING_MUST_BE_ZERO,
    Status.DEBITS_POSTED_MUST_BE_ZERO,
    Status.CREDITS_PENDING_MUST_BE_ZERO,
    Status.CREDITS_POSTED_MUST_BE_ZERO,
)
