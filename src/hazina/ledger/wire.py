"""The ledger's JSON: TigerBeetle's field and flag names, 128-bit numbers as decimal strings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hazina.ledger.client import (
    BATCH_MAX,
    AccountEvent,
    AccountFilter,
    AccountRecord,
    BalanceRecord,
    FilterFlag,
    QueryFilter,
    TransferEvent,
    TransferRecord,
)
from hazina.ledger.types import Result

ACCOUNT_FLAGS = (
    "linked", "debits_must_not_exceed_credits", "credits_must_not_exceed_debits", "history",
    "imported", "closed",
)  # fmt: skip
TRANSFER_FLAGS = (
    "linked", "pending", "post_pending_transfer", "void_pending_transfer", "balancing_debit",
    "balancing_credit", "closing_debit", "closing_credit", "imported",
)  # fmt: skip
_FILTER_FLAGS = ("debits", "credits", "reversed")
_QUERY_FLAGS = ("reversed",)
_RESERVED = 1 << 15
"""Where a flag goes that has no name here: the ledger answers `reserved_flag`."""

_U16, _U32, _U64, _U128 = (2**bits - 1 for bits in (16, 32, 64, 128))
_COMMON = {
    "user_data_128": _U128, "user_data_64": _U64, "user_data_32": _U32, "ledger": _U32,
    "code": _U16, "timestamp": _U64, "flags": _U16,
}  # fmt: skip
_ACCOUNT = {
    "id": _U128, "debits_pending": _U128, "debits_posted": _U128, "credits_pending": _U128,
    "credits_posted": _U128, "reserved": _U32, "overdraft": _U128, **_COMMON,
}  # fmt: skip
_TRANSFER = {
    "id": _U128, "debit_account_id": _U128, "credit_account_id": _U128, "amount": _U128,
    "pending_id": _U128, "timeout": _U32, **_COMMON,
}  # fmt: skip
_RANGE = {
    "timestamp_min": _U64, "timestamp_max": _U64, "limit": _U32, "reserved": _U128, "flags": _U32,
}  # fmt: skip
_BY_DATA = {"user_data_128": _U128, "user_data_64": _U64, "user_data_32": _U32, "code": _U16}
_ACCOUNT_FILTER = {"account_id": _U128, **_BY_DATA, **_RANGE}
_QUERY_FILTER = {"ledger": _U32, **_BY_DATA, **_RANGE}
_WIDE = frozenset(
    [
        "id", "debit_account_id", "credit_account_id", "amount", "pending_id", "user_data_128",
        "debits_pending", "debits_posted", "credits_pending", "credits_posted", "overdraft",
    ]
)  # fmt: skip
_FIELDS = {
    kind: tuple(one.name for one in dataclasses.fields(kind))
    for kind in (AccountRecord, TransferRecord, BalanceRecord)
}
_DIGITS = re.compile(r"[0-9]{1,39}")
_NOT_STORABLE = re.compile(r"[\x00\ud800-\udfff]")
"""What PostgreSQL takes in no text: NUL, and half of a character (a surrogate)."""
_KEY_SHOWN = re.compile(r"[a-z][a-z0-9_]{0,39}")


class WireError(Exception):
    """What was sent cannot be read; the message says where and what to send instead."""


def read_accounts(sent: Any) -> list[AccountEvent]:
    """Read accounts to create."""
    return [
        AccountEvent(**_read(event, _ACCOUNT, ACCOUNT_FLAGS, f"create_accounts[{index}]"))
        for index, event in enumerate(_list(sent, "create_accounts"))
    ]


def read_transfers(sent: Any) -> list[TransferEvent]:
    """Read transfers to create."""
    return [
        TransferEvent(**_read(event, _TRANSFER, TRANSFER_FLAGS, f"create_transfers[{index}]"))
        for index, event in enumerate(_list(sent, "create_transfers"))
    ]


def read_ids(sent: Any) -> list[int]:
    """Read ids to look up."""
    return [
        _number(one, _U128, f"ids[{index}]") for index, one in enumerate(_list(sent, "the ids"))
    ]


def read_account_filter(sent: Any) -> AccountFilter:
    """Read a filter of one account; both sides and the largest limit unless it says otherwise."""
    fields = _read(sent, _ACCOUNT_FILTER, _FILTER_FLAGS, "the filter")
    if "flags" not in sent:
        fields["flags"] = FilterFlag.DEBITS | FilterFlag.CREDITS
    return AccountFilter(**{"account_id": 0, **fields})


def read_query_filter(sent: Any) -> QueryFilter:
    """Read a filter over all accounts or transfers."""
    return QueryFilter(**_read(sent, _QUERY_FILTER, _QUERY_FLAGS, "the filter"))


def read_number(sent: Any, name: str) -> int:
    """Read one whole number of up to 64 bits."""
    return _number(sent, _U64, name)


def shown_result(result: Result) -> dict[str, Any]:
    """Return what became of one event."""
    return {"status": result.status.value, "timestamp": result.timestamp}


def shown(record: AccountRecord | TransferRecord | BalanceRecord) -> dict[str, Any]:
    """Return a record as JSON."""
    found: dict[str, Any] = {name: getattr(record, name) for name in _FIELDS[type(record)]}
    if isinstance(record, AccountRecord):
        found["flags"] = names_of(record.flags, ACCOUNT_FLAGS)
    elif isinstance(record, TransferRecord):
        found["flags"] = names_of(record.flags, TRANSFER_FLAGS)
    return {name: str(value) if name in _WIDE else value for name, value in found.items()}


def names_of(flags: int, names: Sequence[str]) -> list[str]:
    """Return the names of the flags that are set, such as of `ACCOUNT_FLAGS`."""
    return [name for place, name in enumerate(names) if flags & 1 << place]


def _list(sent: Any, name: str) -> list[Any]:
    if not isinstance(sent, list):
        raise WireError(f"{name}: send a list.")
    if len(sent) > BATCH_MAX:
        raise WireError(f"{name}: send at most {BATCH_MAX} at once, not {len(sent)}.")
    return sent


def _read(sent: Any, limits: Mapping[str, int], flags: Sequence[str], where: str) -> dict[str, Any]:
    """Read one object; fields that are left out are zero, or keep their default in a filter."""
    if not isinstance(sent, dict):
        raise WireError(f"{where}: send an object.")
    fields: dict[str, Any] = {}
    for name, value in sent.items():
        if name == "flags":
            fields[name] = _flags(value, limits[name], flags, where)
        elif name == "metadata":
            fields[name] = _metadata(value, where)
        elif name == "reference" and limits is _TRANSFER:
            if not isinstance(value, str) or len(value) > 255 or _NOT_STORABLE.search(value):
                raise WireError(f"{where}.reference: send a text of at most 255 characters.")
            fields[name] = value
        elif name in limits:
            fields[name] = _number(value, limits[name], f"{where}.{name}")
        else:
            if not _KEY_SHOWN.fullmatch(name):
                raise WireError(
                    f"{where}: one of its names is no field; write them as in user_data_64."
                )
            raise WireError(f"{where}: there is no field {name}.")
    return fields


def _number(value: Any, limit: int, where: str) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 0 <= value <= limit:
        raise WireError(f"{where}: send a whole number from 0 to {limit}.")
    return value


def _flags(value: Any, limit: int, names: Sequence[str], where: str) -> int:
    if type(value) is int and 0 <= value <= limit:
        return value
    if not isinstance(value, list):
        raise WireError(f"{where}.flags: send a list of names.")
    flags = 0
    for name in value:
        flags |= 1 << names.index(name) if name in names else _RESERVED
    return flags


def _metadata(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 50:
        raise WireError(f"{where}.metadata: send an object of at most 50 texts.")
    for key, text in value.items():
        fits = isinstance(text, str) and len(text) <= 500 and len(key) <= 40
        if not fits or _NOT_STORABLE.search(key + text):
            raise WireError(
                f"{where}.metadata: use keys of at most 40 characters and texts of at most 500."
            )
    return value
