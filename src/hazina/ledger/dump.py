"""A whole ledger as JSON Lines, out and in again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson

from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.ledger import wire
from hazina.ledger.client import account_record, transfer_record
from hazina.ledger.service import Ledgers
from hazina.ledger.types import AccountFlag, Result, Status, TransferFlag

_PAGE = 1_000
_NO_ID = UUID(int=0)
_IMPORTED_ACCOUNT = AccountFlag.IMPORTED + 0
_IMPORTED_TRANSFER = TransferFlag.IMPORTED + 0
_LINKED = TransferFlag.LINKED + 0
_EXPIRE = TransferFlag.EXPIRE + 0
_VOID = TransferFlag.VOID_PENDING + 0
_BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


class DumpError(Exception):
    """A line of a dump was refused; the message says which and why."""


async def dump(reader: Reader, space: str) -> AsyncIterator[bytes]:
    """Yield every account and transfer of a space as requests that make them again, in order.

    They come as imported events with their own timestamps. What an import cannot carry is left
    behind: timeouts (an expiry comes as the void that it was), the links of chains, and the closed
    state of accounts that a transfer closed, which that transfer brings about again.
    """
    async for rows in _pages(reader, "ledger_export_accounts", space):
        yield _request("create_accounts", [_account(row) for row in rows])
    async for rows in _pages(reader, "ledger_export_transfers", space):
        yield _request("create_transfers", [_transfer(row) for row in rows])


async def load(ledgers: Ledgers, space: str, lines: Iterable[str | bytes]) -> int:
    """Make what a dump holds; return how many events. Refuses at the first that is not made.

    Loading a dump again is a replay: what exists counts as made.
    """
    events = 0
    for number, line in enumerate(lines, 1):
        sent = orjson.loads(line)
        if "create_accounts" in sent:
            results = await ledgers.create_accounts(
                space, wire.read_accounts(sent["create_accounts"])
            )
        else:
            results = await ledgers.create_transfers(
                space, wire.read_transfers(sent["create_transfers"])
            )
        _demand(results, number)
        events += len(results)
    return events


def _demand(results: Sequence[Result], number: int) -> None:
    for index, result in enumerate(results):
        if result.status not in (Status.CREATED, Status.EXISTS):
            raise DumpError(f"line {number}, event {index}: {result.status.value}")


async def _pages(reader: Reader, query: str, space: str) -> AsyncIterator[Sequence[Row]]:
    timestamp, after = 0, _NO_ID
    while True:
        rows = await reader.query(
            query, {"space": space, "timestamp": timestamp, "after": after, "limit": _PAGE}
        )
        if not rows:
            return
        yield rows
        timestamp, after = rows[-1]["timestamp"], rows[-1]["id"]


def _account(row: Row) -> dict[str, Any]:
    fields = wire.shown(account_record({**row, "closed_by": None}))
    for name in _BALANCES:
        del fields[name]
    return {**fields, "flags": (row["flags"] | _IMPORTED_ACCOUNT) & ~_LINKED}


def _transfer(row: Row) -> dict[str, Any]:
    flags = row["flags"]
    if flags & _EXPIRE:
        flags = flags & ~_EXPIRE | _VOID
    fields = wire.shown(transfer_record({**row, "timeout_seconds": 0}))
    return {**fields, "flags": (flags | _IMPORTED_TRANSFER) & ~_LINKED}


def _request(name: str, events: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({name: events})
