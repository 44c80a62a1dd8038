"""A whole ledger as JSON Lines, out and in again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import orjson

from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Quarantined
from hazina.ledger import wire
from hazina.ledger.client import AccountEvent, account_record, transfer_record
from hazina.ledger.script import read_request
from hazina.ledger.service import Ledgers
from hazina.ledger.types import NO_ID, AccountFlag, Result, Status, TransferFlag
from hazina.ledger.verify import heads

_PAGE = 1_000
_IMPORTED_ACCOUNT = AccountFlag.IMPORTED + 0
_IMPORTED_TRANSFER = TransferFlag.IMPORTED + 0
_OTHER_FLAGS = Status.EXISTS_WITH_DIFFERENT_FLAGS
_LINKED = TransferFlag.LINKED + 0
_EXPIRE = TransferFlag.EXPIRE + 0
_VOID = TransferFlag.VOID_PENDING + 0
_BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


class DumpError(Exception):
    """A line of a dump was refused; the message says which and why."""


async def dump(reader: Reader, space: str) -> AsyncIterator[bytes]:
    """Yield every account and transfer of a space as requests that make them again, in order.

    They are those of one moment, however long the reading takes: the heads of all chains are read
    first, in one look, and what a later batch booked is left out.

    They come as imported events with their own timestamps. What an import cannot carry is left
    behind: timeouts (an expiry comes as the void that it was), the links of chains, and the closed
    state of accounts that a transfer closed, which that transfer brings about again.
    """
    upto = {str(head.slot): head.sequence for head in await heads(reader.query)}
    async for rows in _pages(reader, "ledger_export_accounts", space, upto):
        yield _request("create_accounts", [_account(row) for row in rows])
    async for rows in _pages(reader, "ledger_export_transfers", space, upto):
        yield _request("create_transfers", [_transfer(row) for row in rows])


async def load(ledgers: Ledgers, space: str, lines: Iterable[str | bytes]) -> int:
    """Make what a dump holds; return how many events. Empty lines are passed over.

    Loading a dump again is a replay: what exists counts as made. Raises `DumpError` at the first
    line that cannot be read and at the first event that is not made; what came before it stays.
    """
    events = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            events += await _load(ledgers, space, line)
        except DumpError as error:
            raise DumpError(f"line {number}, {error}") from error
        except wire.WireError as error:
            raise DumpError(f"line {number}: {error}") from error
        except Quarantined as error:
            raise DumpError(f"line {number}: the database refuses its data") from error
    return events


async def _load(ledgers: Ledgers, space: str, line: str | bytes) -> int:
    """Make what one line holds; return how many events."""
    match read_request(line):
        case ("create_accounts", sent):
            accounts = wire.read_accounts(sent)
            ids = [account.id for account in accounts]
            results = await _opened(ledgers, space, accounts)
        case ("create_transfers", sent):
            transfers = wire.read_transfers(sent)
            ids = [transfer.id for transfer in transfers]
            results = await ledgers.create_transfers(space, transfers)
        case _:
            raise wire.WireError("A dump holds create_accounts and create_transfers alone.")
    for index, (event_id, result) in enumerate(zip(ids, results, strict=True)):
        if result.status not in (Status.CREATED, Status.EXISTS):
            raise DumpError(f"event {index}, id {event_id}: {result.status.value}")
    return len(results)


async def _opened(ledgers: Ledgers, space: str, accounts: list[AccountEvent]) -> list[Result]:
    """Open accounts; one that exists is compared with what it was before a transfer closed it."""
    results = await ledgers.create_accounts(space, accounts)
    for at, result in enumerate(results):
        if result.status is _OTHER_FLAGS:
            results[at] = await ledgers.account_as_opened(space, accounts[at]) or result
    return results


async def _pages(
    reader: Reader, query: str, space: str, upto: Mapping[str, int]
) -> AsyncIterator[Sequence[Row]]:
    """Yield what was booked up to a sequence of each slot, in pages."""
    timestamp, after = 0, NO_ID
    fixed = {"space": space, "heads": orjson.dumps(upto).decode(), "limit": _PAGE}
    while True:
        rows = await reader.query(query, {**fixed, "timestamp": timestamp, "after": after})
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
