"""What clients of the ledger send and read: TigerBeetle's fields, as whole numbers and flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from hazina.db.table import Row
from hazina.ledger.existing import shown_64
from hazina.ledger.types import (
    AMOUNT_MAX,
    Account,
    AccountFlag,
    Asked,
    ImportFloor,
    Transfer,
    TransferFlag,
)
from hazina.values import quick_uuid, value

ID_MAX = 2**128 - 1
FLAGS_MAX = 2**16 - 1
BATCH_MAX = 8189
"""How many events or results one request holds, as in TigerBeetle's own messages."""

_RESERVED_IDS = {0: UUID(int=0), ID_MAX: UUID(int=ID_MAX)}
_POST = TransferFlag.POST_PENDING + 0
_VOID = TransferFlag.VOID_PENDING + 0
_FILLED_IN = int(
    TransferFlag.POST_PENDING | TransferFlag.VOID_PENDING
    | TransferFlag.BALANCING_DEBIT | TransferFlag.BALANCING_CREDIT
)  # fmt: skip
_NONE = TransferFlag.NONE
_CLOSED = AccountFlag.CLOSED + 0


@value
class AccountEvent:
    """An account to open. The four balances and `reserved` must be zero; they are ours to set.

    `overdraft` is ours: how far past its limit a limited account may go. So is `metadata`.
    """

    id: int = 0
    ledger: int = 0
    code: int = 0
    flags: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    timestamp: int = 0
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0
    reserved: int = 0
    overdraft: int = 0
    metadata: Mapping[str, str] | None = None


@value
class TransferEvent:
    """A transfer to book. `reference` and `metadata` are ours."""

    id: int = 0
    debit_account_id: int = 0
    credit_account_id: int = 0
    amount: int = 0
    pending_id: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    timeout: int = 0
    ledger: int = 0
    code: int = 0
    flags: int = 0
    timestamp: int = 0
    reference: str = ""
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account as it stands, `flags` with `closed` as of now."""

    id: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    user_data_128: int
    user_data_64: int
    user_data_32: int
    ledger: int
    code: int
    flags: int
    timestamp: int
    overdraft: int
    metadata: Mapping[str, str]


@value
class TransferRecord:
    """A transfer as it was booked; what it left out is filled in."""

    id: int
    debit_account_id: int
    credit_account_id: int
    amount: int
    pending_id: int
    user_data_128: int
    user_data_64: int
    user_data_32: int
    timeout: int
    ledger: int
    code: int
    flags: int
    timestamp: int
    reference: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BalanceRecord:
    """An account's balances right after the transfer of this timestamp."""

    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    timestamp: int


class FilterFlag(IntFlag):
    """What a filter includes, and in which order; `debits` and `credits` are for one account."""

    DEBITS = 1
    CREDITS = 2
    REVERSED = 4


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which transfers or balances of one account; zero is no condition.

    A filter that breaks a constraint finds nothing, as TigerBeetle's reference has it.
    """

    account_id: int
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    code: int = 0
    timestamp_min: int = 0
    timestamp_max: int = 0
    limit: int = BATCH_MAX
    flags: int = FilterFlag.DEBITS | FilterFlag.CREDITS
    reserved: int = 0
    metadata: Mapping[str, str] | None = None

    def valid(self) -> bool:
        """Tell whether every constraint is kept."""
        return (
            self.account_id not in _RESERVED_IDS
            and bool(self.flags & 3)
            and not self.flags & ~7
            and not self.reserved
            and _bounds_hold(self.timestamp_min, self.timestamp_max, self.limit)
        )


@dataclass(frozen=True, slots=True)
class QueryFilter:
    """Which accounts or transfers of a space; zero is no condition. Breaking one finds nothing."""

    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    ledger: int = 0
    code: int = 0
    timestamp_min: int = 0
    timestamp_max: int = 0
    limit: int = BATCH_MAX
    flags: int = 0
    reserved: int = 0
    metadata: Mapping[str, str] | None = None

    def valid(self) -> bool:
        """Tell whether every constraint is kept."""
        return (
            not self.flags & ~1
            and not self.reserved
            and _bounds_hold(self.timestamp_min, self.timestamp_max, self.limit)
        )


def _bounds_hold(timestamp_min: int, timestamp_max: int, limit: int) -> bool:
    return (
        0 <= timestamp_min < 2**63
        and 0 <= timestamp_max < 2**63
        and (not timestamp_max or timestamp_min <= timestamp_max)
        and limit > 0
    )


def _stored_id(space: str, client_id: int) -> UUID:
    """Return the id under which a client's id is stored.

    It starts as the client's does, so that ids that grow with time stay together in the index, and
    ends in a hash of space and id: no client can name another's account.
    """
    reserved = _RESERVED_IDS.get(client_id)
    if reserved is not None:
        return reserved
    raw = client_id.to_bytes(16, "big")
    rest = blake2b(raw + space.encode(), digest_size=10, person=b"hazina-ledger").digest()
    return quick_uuid(int.from_bytes(raw[:6] + rest, "big"))


stored_id = lru_cache(maxsize=65536)(_stored_id)
"""Returns the id under which a client's id is stored, and remembers it: accounts come again."""


def to_account(space: str, event: AccountEvent, floor: ImportFloor | None) -> Account:
    """Return what the engine judges."""
    balances = (
        event.debits_pending, event.debits_posted, event.credits_pending, event.credits_posted,
    )  # fmt: skip
    asked = Asked(
        space, event.id, event.user_data_128, event.user_data_64, event.user_data_32,
        event.metadata or None, event.timestamp, floor, bool(event.reserved), balances,
    )  # fmt: skip
    return Account(
        stored_id(space, event.id), event.ledger, event.code, AccountFlag(event.flags),
        overdraft_minor=event.overdraft, asked=asked,
    )  # fmt: skip


def to_transfer(
    space: str,
    event: TransferEvent,
    pending_accounts: tuple[UUID, ...] = (),
    floor: ImportFloor | None = None,
) -> Transfer:
    """Return what the engine judges; see `Asked` for `pending_accounts` and `floor`."""
    flags = event.flags
    assert 0 <= flags <= FLAGS_MAX, "a client's flags have 16 bits"
    debit = stored_id(space, event.debit_account_id)
    credit = stored_id(space, event.credit_account_id)
    amount: int | None = event.amount
    if (flags & _POST and amount == AMOUNT_MAX) or (flags & _VOID and amount == 0):
        amount = None
    asked = Asked(
        space, event.id, event.user_data_128, event.user_data_64, event.user_data_32,
        event.metadata or None, event.timestamp, floor, pending_accounts=pending_accounts,
    )  # fmt: skip
    return Transfer(
        _stored_id(space, event.id), debit, credit, amount, event.ledger, event.code,
        TransferFlag(flags) if flags else _NONE,
        stored_id(space, event.pending_id) if event.pending_id else None,
        event.timeout, event.reference, "", (), asked,
    )  # fmt: skip


def account_record(row: Row) -> AccountRecord:
    """Read an account back."""
    return AccountRecord(
        row["client_id"].int, int(row["debits_pending"]), int(row["debits_posted"]),
        int(row["credits_pending"]), int(row["credits_posted"]), _shown_128(row["user_data_128"]),
        shown_64(row["user_data_64"]), row["user_data_32"] or 0, row["ledger"], row["code"],
        flags_now(row), row["timestamp"],
        int(row["overdraft"]), row["metadata"] or {},
    )  # fmt: skip


def flags_now(account: Row) -> int:
    """Return the flags of a stored account with `closed` as it is today."""
    flags: int = account["flags"]
    return flags | _CLOSED if account["closed_by"] is not None else flags


def transfer_record(row: Row) -> TransferRecord:
    """Read a transfer back; its row also holds the clients' ids of what it names."""
    return TransferRecord(
        row["client_id"].int, row["debit_client_id"].int, row["credit_client_id"].int,
        int(row["amount"]), _shown_128(row["pending_client_id"]), _shown_128(row["user_data_128"]),
        shown_64(row["user_data_64"]), row["user_data_32"] or 0, row["timeout_seconds"],
        row["ledger"], row["code"], row["flags"], row["timestamp"], row["reference"],
        row["metadata"] or {},
    )  # fmt: skip


def as_booked(event: TransferEvent, timestamp: int) -> TransferRecord | None:
    """Return what a new transfer reads back as, or None where something may have been filled in."""
    if event.flags & _FILLED_IN:
        return None
    return TransferRecord(
        event.id, event.debit_account_id, event.credit_account_id, event.amount, event.pending_id,
        event.user_data_128, event.user_data_64, event.user_data_32, event.timeout, event.ledger,
        event.code, event.flags, timestamp, event.reference, event.metadata or {},
    )  # fmt: skip


def balance_record(row: Row) -> BalanceRecord:
    """Read a line of history back."""
    return BalanceRecord(
        int(row["debits_pending"]), int(row["debits_posted"]), int(row["credits_pending"]),
        int(row["credits_posted"]), row["timestamp"],
    )  # fmt: skip


def _shown_128(stored: UUID | None) -> int:
    return 0 if stored is None else stored.int
