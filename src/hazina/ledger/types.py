"""The ledger's words as values: accounts, transfers, and what became of a transfer."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag, StrEnum
from uuid import UUID

from hazina.values import value

AMOUNT_MAX = 2**128 - 1
NO_ID = UUID(int=0)
"""What a client leaves out: zero, in place of an id."""


class AccountFlag(IntFlag):
    """What an account forbids (docs.tigerbeetle.com/reference/account)."""

    NONE = 0
    LINKED = 1
    DEBITS_MUST_NOT_EXCEED_CREDITS = 2
    CREDITS_MUST_NOT_EXCEED_DEBITS = 4
    HISTORY = 8
    IMPORTED = 16
    CLOSED = 32


class TransferFlag(IntFlag):
    """How a transfer behaves (docs.tigerbeetle.com/reference/transfer).

    EXPIRE is ours and beyond what clients can send: it releases a pending transfer that ran out.
    """

    NONE = 0
    LINKED = 1
    PENDING = 2
    POST_PENDING = 4
    VOID_PENDING = 8
    BALANCING_DEBIT = 16
    BALANCING_CREDIT = 32
    CLOSING_DEBIT = 64
    CLOSING_CREDIT = 128
    IMPORTED = 256
    EXPIRE = 65536


@value
class ImportFloor:
    """What imported timestamps must pass: the newest of their kind, and those taken by the other.

    Read before the batch; what the batch itself adds is known to it.
    """

    newest: int = 0
    taken: frozenset[int] = frozenset()


@value
class Asked:
    """What an account or transfer of a client has beside those of the payments.

    `space` is whose ledger it is (a merchant's); ids are unique within it. `timestamp` is that of
    an imported event, in nanoseconds since 1970. `reserved` and `balances` are what a client sent
    for an account's fields that must be zero. `pending_accounts` are those of the stored transfer
    that a post or void leaves its accounts to: they are locked with its own.
    """

    space: str
    client_id: int
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    metadata: Mapping[str, str] | None = None
    timestamp: int = 0
    floor: ImportFloor | None = None
    reserved: bool = False
    balances: tuple[int, int, int, int] = (0, 0, 0, 0)
    pending_accounts: tuple[UUID, ...] = ()


@value
class Account:
    """An account as it is opened.

    `ledger` is one number per mode and currency; `code` says what the account is for (see
    `chart.py`). `overdraft_minor` is how far a limited account may pass zero. `owner` is the
    merchant, or "" for the house; `slot` tells copies of a house account apart, one per writer.
    `asked` makes it an account of a client's own ledger, which no payment touches.
    """

    id: UUID
    ledger: int
    code: int
    flags: AccountFlag = AccountFlag.HISTORY
    owner: str = ""
    overdraft_minor: int = 0
    slot: int = 0
    asked: Asked | None = None


@value
class Transfer:
    """Move `amount_minor` from the debit to the credit account; immutable once accepted.

    `opens` lists accounts that may have to be opened first (opening one that exists does nothing).
    With POST_PENDING an `amount_minor` of None posts the whole, with VOID_PENDING it must be None.
    A client's post or void may leave out accounts (zero): they are the pending transfer's.
    `reference` is the business reference (a charge, a refund) that an entry's transfers share,
    `entry` its kind from `shapes.py`. `timeout_seconds` 0 means never.
    """

    id: UUID
    debit_account_id: UUID
    credit_account_id: UUID
    amount_minor: int | None
    ledger: int
    code: int
    flags: TransferFlag = TransferFlag.NONE
    pending_id: UUID | None = None
    timeout_seconds: int = 0
    reference: str = ""
    entry: str = ""
    opens: tuple[Account, ...] = ()
    asked: Asked | None = None


class Status(StrEnum):
    """What became of one account or transfer, in TigerBeetle's words.

    `exists_with_different_reference`, `..._metadata` and `..._overdraft` are ours.
    """

    CREATED = "created"
    EXISTS = "exists"
    LINKED_EVENT_FAILED = "linked_event_failed"
    LINKED_EVENT_CHAIN_OPEN = "linked_event_chain_open"
    IMPORTED_EVENT_EXPECTED = "imported_event_expected"
    IMPORTED_EVENT_NOT_EXPECTED = "imported_event_not_expected"
    TIMESTAMP_MUST_BE_ZERO = "timestamp_must_be_zero"
    IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE = "imported_event_timestamp_out_of_range"
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE = "imported_event_timestamp_must_not_advance"
    RESERVED_FIELD = "reserved_field"
    RESERVED_FLAG = "reserved_flag"
    ID_MUST_NOT_BE_ZERO = "id_must_not_be_zero"
    ID_MUST_NOT_BE_INT_MAX = "id_must_not_be_int_max"
    EXISTS_WITH_DIFFERENT_FLAGS = "exists_with_different_flags"
    EXISTS_WITH_DIFFERENT_PENDING_ID = "exists_with_different_pending_id"
    EXISTS_WITH_DIFFERENT_TIMEOUT = "exists_with_different_timeout"
    EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID = "exists_with_different_debit_account_id"
    EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID = "exists_with_different_credit_account_id"
    EXISTS_WITH_DIFFERENT_AMOUNT = "exists_with_different_amount"
    EXISTS_WITH_DIFFERENT_REFERENCE = "exists_with_different_reference"
    EXISTS_WITH_DIFFERENT_USER_DATA_128 = "exists_with_different_user_data_128"
    EXISTS_WITH_DIFFERENT_USER_DATA_64 = "exists_with_different_user_data_64"
    EXISTS_WITH_DIFFERENT_USER_DATA_32 = "exists_with_different_user_data_32"
    EXISTS_WITH_DIFFERENT_LEDGER = "exists_with_different_ledger"
    EXISTS_WITH_DIFFERENT_CODE = "exists_with_different_code"
    EXISTS_WITH_DIFFERENT_METADATA = "exists_with_different_metadata"
    EXISTS_WITH_DIFFERENT_OVERDRAFT = "exists_with_different_overdraft"
    ID_ALREADY_FAILED = "id_already_failed"
    FLAGS_ARE_MUTUALLY_EXCLUSIVE = "flags_are_mutually_exclusive"
    DEBITS_PENDING_MUST_BE_ZERO = "debits_pending_must_be_zero"
    DEBITS_POSTED_MUST_BE_ZERO = "debits_posted_must_be_zero"
    CREDITS_PENDING_MUST_BE_ZERO = "credits_pending_must_be_zero"
    CREDITS_POSTED_MUST_BE_ZERO = "credits_posted_must_be_zero"
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = "debit_account_id_must_not_be_zero"
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = "debit_account_id_must_not_be_int_max"
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = "credit_account_id_must_not_be_zero"
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = "credit_account_id_must_not_be_int_max"
    ACCOUNTS_MUST_BE_DIFFERENT = "accounts_must_be_different"
    PENDING_ID_MUST_BE_ZERO = "pending_id_must_be_zero"
    PENDING_ID_MUST_NOT_BE_ZERO = "pending_id_must_not_be_zero"
    PENDING_ID_MUST_NOT_BE_INT_MAX = "pending_id_must_not_be_int_max"
    PENDING_ID_MUST_BE_DIFFERENT = "pending_id_must_be_different"
    TIMEOUT_RESERVED_FOR_PENDING_TRANSFER = "timeout_reserved_for_pending_transfer"
    CLOSING_TRANSFER_MUST_BE_PENDING = "closing_transfer_must_be_pending"
    AMOUNT_MUST_NOT_BE_ZERO = "amount_must_not_be_zero"
    LEDGER_MUST_NOT_BE_ZERO = "ledger_must_not_be_zero"
    CODE_MUST_NOT_BE_ZERO = "code_must_not_be_zero"
    DEBIT_ACCOUNT_NOT_FOUND = "debit_account_not_found"
    CREDIT_ACCOUNT_NOT_FOUND = "credit_account_not_found"
    ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER = "accounts_must_have_the_same_ledger"
    TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS = (
        "transfer_must_have_the_same_ledger_as_accounts"
    )
    PENDING_TRANSFER_NOT_FOUND = "pending_transfer_not_found"
    PENDING_TRANSFER_NOT_PENDING = "pending_transfer_not_pending"
    PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID = (
        "pending_transfer_has_different_debit_account_id"
    )
    PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID = (
        "pending_transfer_has_different_credit_account_id"
    )
    PENDING_TRANSFER_HAS_DIFFERENT_LEDGER = "pending_transfer_has_different_ledger"
    PENDING_TRANSFER_HAS_DIFFERENT_CODE = "pending_transfer_has_different_code"
    EXCEEDS_PENDING_TRANSFER_AMOUNT = "exceeds_pending_transfer_amount"
    PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT = "pending_transfer_has_different_amount"
    PENDING_TRANSFER_ALREADY_POSTED = "pending_transfer_already_posted"
    PENDING_TRANSFER_ALREADY_VOIDED = "pending_transfer_already_voided"
    PENDING_TRANSFER_EXPIRED = "pending_transfer_expired"
    PENDING_TRANSFER_NOT_EXPIRED = "pending_transfer_not_expired"
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS = "imported_event_timestamp_must_not_regress"
    IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT = (
        "imported_event_timestamp_must_postdate_debit_account"
    )
    IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT = (
        "imported_event_timestamp_must_postdate_credit_account"
    )
    IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO = "imported_event_timeout_must_be_zero"
    DEBIT_ACCOUNT_ALREADY_CLOSED = "debit_account_already_closed"
    CREDIT_ACCOUNT_ALREADY_CLOSED = "credit_account_already_closed"
    OVERFLOWS_DEBITS_PENDING = "overflows_debits_pending"
    OVERFLOWS_CREDITS_PENDING = "overflows_credits_pending"
    OVERFLOWS_DEBITS_POSTED = "overflows_debits_posted"
    OVERFLOWS_CREDITS_POSTED = "overflows_credits_posted"
    OVERFLOWS_DEBITS = "overflows_debits"
    OVERFLOWS_CREDITS = "overflows_credits"
    OVERFLOWS_TIMEOUT = "overflows_timeout"
    EXCEEDS_CREDITS = "exceeds_credits"
    EXCEEDS_DEBITS = "exceeds_debits"


@value
class Result:
    """What became of one event of a client.

    `timestamp` is that of the account or transfer which was made or exists, and otherwise the
    moment when the event was judged, in nanoseconds since 1970.
    """

    status: Status
    timestamp: int
