"""What a bulk that is all or nothing is answered when it comes again.

A chain breaks at an event that exists, so the ledger itself refuses a chain that comes again. Here
its events are compared with what they made, by the rules and in the order of `existing.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hazina.ledger.client import AccountEvent, AccountRecord, TransferEvent, TransferRecord
from hazina.ledger.existing import amount_differs
from hazina.ledger.service import Ledgers
from hazina.ledger.types import Result, Status, TransferFlag

_VOID = int(TransferFlag.VOID_PENDING)
_RESOLVE = int(TransferFlag.POST_PENDING) | _VOID
_USER_DATA = ("user_data_128", "user_data_64", "user_data_32")


async def accounts_again(
    ledgers: Ledgers, space: str, events: Sequence[AccountEvent]
) -> list[Result] | None:
    """Return `exists` for each account, or the first difference; None if one was never opened."""
    records = await ledgers.lookup_accounts(space, [event.id for event in events])
    made = {record.id: record for record in records}
    if any(event.id not in made for event in events):
        return None
    return _results([(_account(event, made[event.id]), made[event.id]) for event in events])


async def transfers_again(
    ledgers: Ledgers, space: str, events: Sequence[TransferEvent]
) -> list[Result] | None:
    """Return `exists` for each transfer, or the first difference; None if one was never booked."""
    ids = [event.id for event in events]
    pending = [event.pending_id for event in events if event.pending_id]
    made = {record.id: record for record in await ledgers.lookup_transfers(space, ids + pending)}
    if any(one not in made for one in ids):
        return None
    return _results([(_transfer(event, made), made[event.id]) for event in events])


def _results(compared: Sequence[tuple[Status, AccountRecord | TransferRecord]]) -> list[Result]:
    """Return the results of a chain: all exist, or the first that differs fails the others."""
    statuses = [status for status, _ in compared]
    differing = [index for index, status in enumerate(statuses) if status is not Status.EXISTS]
    if differing:
        first = differing[0]
        statuses = [
            status if index == first else Status.LINKED_EVENT_FAILED
            for index, status in enumerate(statuses)
        ]
    return [
        Result(status, record.timestamp)
        for status, (_, record) in zip(statuses, compared, strict=True)
    ]


def _account(event: AccountEvent, record: AccountRecord) -> Status:
    """Compare an account with what was opened under its id."""
    for name in ("flags", *_USER_DATA, "ledger", "code", "overdraft"):
        if getattr(event, name) != getattr(record, name):
            return _different(name)
    if dict(event.metadata or {}) != dict(record.metadata):
        return Status.EXISTS_WITH_DIFFERENT_METADATA
    return Status.EXISTS


def _transfer(event: TransferEvent, made: Mapping[int, TransferRecord]) -> Status:
    """Compare a transfer with what was booked under its id."""
    name = next(_differences(event, made), None)
    return Status.EXISTS if name is None else _different(name)


def _differences(event: TransferEvent, made: Mapping[int, TransferRecord]) -> Iterator[str]:
    """Yield the fields that differ, in order; what resolves takes over what it leaves out."""
    record, resolves = made[event.id], event.flags & _RESOLVE
    yield from _unequal(event, record, ("flags", "pending_id", "timeout"))
    # It has the pending transfer's id in common with the one that was booked, so that is there.
    pending = made[event.pending_id] if resolves else None
    yield from _unequal(event, record, ("debit_account_id", "credit_account_id"), resolves)
    amount = None if event.flags & _VOID and not event.amount else event.amount
    if amount_differs(amount, event.flags, record.amount, pending.amount if pending else None):
        yield "amount"
    for name in _USER_DATA:
        left_out = getattr(pending, name) if pending else 0
        if (getattr(event, name) or left_out) != getattr(record, name):
            yield name
    yield from _unequal(event, record, ("reference",))
    yield from _unequal(event, record, ("ledger", "code"), resolves)
    if dict(event.metadata or {}) != dict(record.metadata):
        yield "metadata"


def _unequal(
    event: TransferEvent, record: TransferRecord, names: Sequence[str], may_be_left_out: int = 0
) -> Iterator[str]:
    for name in names:
        sent: Any = getattr(event, name)
        if sent != getattr(record, name) and (sent or not may_be_left_out):
            yield name


def _different(name: str) -> Status:
    return Status(f"exists_with_different_{name}")
