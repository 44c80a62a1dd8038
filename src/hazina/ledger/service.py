"""One door to clients' own ledgers: create in batches, look up, filter, query, let expire."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

import orjson

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import (
    Claim,
    Committed,
    Lane,
    Overloaded,
    Quarantined,
    Stale,
    Taken,
    Unit,
    Verdict,
)
from hazina.ids import derived
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
    account_record,
    balance_record,
    flags_now,
    stored_id,
    to_account,
    to_transfer,
    transfer_record,
)
from hazina.ledger.existing import compare_account, compare_transfer, stored_64, stored_128
from hazina.ledger.history import History
from hazina.ledger.stamps import nanoseconds
from hazina.ledger.types import (
    Account,
    AccountFlag,
    Asked,
    ImportFloor,
    Result,
    Status,
    Transfer,
    TransferFlag,
)

_ATTEMPTS_MAX = 5
_LOADS_MAX = 50
_RESOLVE = int(TransferFlag.POST_PENDING | TransferFlag.VOID_PENDING)
_IMPORTED_ACCOUNT = AccountFlag.IMPORTED + 0
_IMPORTED_TRANSFER = TransferFlag.IMPORTED + 0
_HISTORY = AccountFlag.HISTORY + 0
_NEVER = 2**63 - 1


class KeyTaken(Exception):
    """A claim that came along with the events finds its key taken; nothing was booked."""


class Submits(Protocol):
    """What commits units: the writer, or a store that executes one at a time."""

    async def submit(self, unit: Unit, /) -> Verdict:
        """Commit a unit and return its verdict."""


class Ledgers:
    """Ledgers of clients, each in a space of its own (a merchant's, or a test's).

    Statuses and their precedence are those of TigerBeetle's reference; what differs stands in
    docs/reference/ledger-semantics.md. Everything is idempotent by the clients' ids.
    """

    def __init__(self, reader: Reader, writer: Submits, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self.history = History(reader)

    async def create_accounts(
        self, space: str, events: Sequence[AccountEvent], claims: tuple[Claim, ...] = ()
    ) -> list[Result]:
        """Open accounts; return a result for each, in order. At most `BATCH_MAX`.

        `claims` are committed with what is decided. Raises `KeyTaken` if one is not free.
        """
        if not events:
            return []
        floor = None
        if events[0].flags & _IMPORTED_ACCOUNT:
            floor = await self._floor(space, "accounts", [event.timestamp for event in events])
        accounts = tuple(to_account(space, event, floor) for event in events)
        return _results(await self._submitted(space, accounts, claims))

    async def create_transfers(
        self, space: str, events: Sequence[TransferEvent], claims: tuple[Claim, ...] = ()
    ) -> list[Result]:
        """Book transfers; return a result for each, in order. At most `BATCH_MAX`.

        `claims` are committed with what is decided. Raises `KeyTaken` if one is not free.
        """
        if not events:
            return []
        floor = None
        if events[0].flags & _IMPORTED_TRANSFER:
            floor = await self._floor(space, "transfers", [event.timestamp for event in events])
        for _ in range(_LOADS_MAX):
            left_out = await self._left_out(space, events)
            transfers = tuple(
                to_transfer(space, event, left_out.get(event.pending_id, ()), floor)
                for event in events
            )
            verdict = await self._submitted(space, transfers, claims)
            if not isinstance(verdict, Stale):
                return _results(verdict)
            # A pending transfer has come whose accounts were left out: they can be read now.
            await self._clock.sleep_ms(1)
        raise Overloaded("pending transfers came faster than they could be read")

    async def accounts_again(
        self, space: str, events: Sequence[AccountEvent]
    ) -> list[Result] | None:
        """Return what a chain of accounts that comes again is answered; None if one is not there.

        A chain breaks at an event that exists, so the ledger itself refuses one that comes again.
        Here each event is compared with what it made: all exist, or the first that differs fails.
        """
        rows = await self._rows("account", space, [event.id for event in events])
        if len(rows) < len(events):
            return None
        return _chained(
            [
                compare_account(
                    to_account(space, event, None), event.flags, {**row, "flags": flags_now(row)}
                )
                for event, row in zip(events, rows, strict=True)
            ],
            rows,
        )

    async def account_as_opened(self, space: str, event: AccountEvent) -> Result | None:
        """Compare an event with the account as it was opened; None if there is none.

        `create_accounts` compares with the flags of today, with `closed` if a transfer closed it.
        """
        for row in await self._rows("account", space, [event.id]):
            status = compare_account(to_account(space, event, None), event.flags, row)
            return Result(status, row["timestamp"])
        return None

    async def transfers_again(
        self, space: str, events: Sequence[TransferEvent]
    ) -> list[Result] | None:
        """Return what a chain of transfers that comes again is answered, as `accounts_again`."""
        rows = await self._rows("transfer", space, [event.id for event in events])
        if len(rows) < len(events):
            return None
        ids = [event.pending_id for event in events if event.pending_id]
        pending = {row["client_id"].int: row for row in await self._rows("transfer", space, ids)}
        return _chained(
            [
                compare_transfer(
                    to_transfer(space, event), event.flags, row, pending.get(event.pending_id)
                )
                for event, row in zip(events, rows, strict=True)
            ],
            rows,
        )

    async def lookup_accounts(self, space: str, ids: Sequence[int]) -> list[AccountRecord]:
        """Return the accounts that exist, in the order asked for."""
        rows = await self._rows("account", space, ids)
        return [account_record(row) for row in rows]

    async def lookup_transfers(self, space: str, ids: Sequence[int]) -> list[TransferRecord]:
        """Return the transfers that exist, in the order asked for."""
        keys = [stored_id(space, one) for one in ids]
        rows = await self._reader.query(
            "ledger_lookup_transfers", {"space": space, "ids": list(dict.fromkeys(keys))}
        )
        found = {row["id"]: transfer_record(row) for row in rows}
        return [found[key] for key in keys if key in found]

    async def account_transfers(self, space: str, wanted: AccountFilter) -> list[TransferRecord]:
        """Return the transfers of one account that a filter lets through."""
        if not wanted.valid():
            return []
        rows = await self._reader.query(*self._of_account(space, wanted))
        return [transfer_record(row) for row in rows]

    async def account_balances(self, space: str, wanted: AccountFilter) -> list[BalanceRecord]:
        """Return the balances after each transfer that a filter lets through.

        Only for accounts with the flag `history`, as in TigerBeetle; a statement and the balance
        of a moment are there for every account (see `history.py`).
        """
        if not wanted.valid():
            return []
        account = await self._reader.get("account", (stored_id(space, wanted.account_id),))
        if account is None or not account["flags"] & _HISTORY:
            return []
        rows = await self._reader.query(*self._of_account(space, wanted))
        return [balance_record(row) for row in rows]

    async def query_accounts(self, space: str, wanted: QueryFilter) -> list[AccountRecord]:
        """Return the accounts of a space that a filter lets through."""
        rows = await self._query("ledger_query_accounts", space, wanted)
        return [account_record(row) for row in rows]

    async def query_transfers(self, space: str, wanted: QueryFilter) -> list[TransferRecord]:
        """Return the transfers of a space that a filter lets through."""
        rows = await self._query("ledger_query_transfers", space, wanted)
        return [transfer_record(row) for row in rows]

    async def expire_due(self, limit: int, now: int | None = None) -> int:
        """Release pending transfers that ran out, in the order of their expiry; return how many.

        A release that another process booked first, or that a post or void was faster than, is
        refused by the ledger and not counted. `now` is the clock's time unless it is given.
        """
        if now is None:
            now = nanoseconds(self._clock.now())
        due = await self._reader.query("ledger_pending_due", {"now": now, "limit": limit})
        verdicts = await asyncio.gather(*(self._writer.submit(_release(row)) for row in due))
        return sum(_released(verdict) for verdict in verdicts)

    async def _submitted(
        self,
        space: str,
        events: tuple[Account, ...] | tuple[Transfer, ...],
        claims: tuple[Claim, ...],
    ) -> Verdict:
        """Commit one batch of a client.

        Two processes that make the same new id at once, on different accounts, meet at the primary
        key: the later one is quarantined, and judged again beside the other's row.
        """
        if len(events) > BATCH_MAX:
            raise ValueError(f"a batch holds at most {BATCH_MAX} events, not {len(events)}")
        unit = Unit(space, claims, transfers=events, lane=Lane.BULK)
        for _ in range(_ATTEMPTS_MAX - 1):
            try:
                return await self._writer.submit(unit)
            except Quarantined:
                await self._clock.sleep_ms(1)
        return await self._writer.submit(unit)

    async def _left_out(
        self, space: str, events: Sequence[TransferEvent]
    ) -> dict[int, tuple[UUID, ...]]:
        """Return the accounts of stored transfers that posts and voids leave theirs to, by id.

        Those of transfers that come with the same events are locked with them anyway.
        """
        wanted = {
            event.pending_id
            for event in events
            if event.flags & _RESOLVE
            and event.pending_id
            and not (event.debit_account_id and event.credit_account_id)
        }
        if not wanted:
            return {}
        return {
            row["client_id"].int: (row["debit_account_id"], row["credit_account_id"])
            for row in await self._rows("transfer", space, list(wanted))
        }

    async def _floor(self, space: str, kind: str, timestamps: list[int]) -> ImportFloor:
        """Return what imported timestamps must pass, as of now."""
        fit = [timestamp for timestamp in timestamps if 0 < timestamp <= _NEVER]
        rows = await self._reader.query(
            f"ledger_import_floor_of_{kind}", {"space": space, "timestamps": fit}
        )
        return ImportFloor(rows[0]["newest"], frozenset(rows[0]["taken"]))

    async def _rows(self, table: str, space: str, ids: Sequence[int]) -> list[Row]:
        keys = [stored_id(space, one) for one in ids]
        rows = await asyncio.gather(*(self._reader.get(table, (key,)) for key in keys))
        return [row for row in rows if row is not None and row["space"] == space]

    def _of_account(self, space: str, wanted: AccountFilter) -> tuple[str, dict[str, Any]]:
        name = "ledger_account_transfers"
        if wanted.flags & FilterFlag.REVERSED:
            name += "_reversed"
        return name, _conditions(space, wanted) | {
            "account_id": stored_id(space, wanted.account_id),
            "debits": bool(wanted.flags & FilterFlag.DEBITS),
            "credits": bool(wanted.flags & FilterFlag.CREDITS),
        }

    async def _query(self, name: str, space: str, wanted: QueryFilter) -> Sequence[Row]:
        if not wanted.valid():
            return []
        if wanted.flags:
            name += "_reversed"
        parameters = _conditions(space, wanted) | {"ledger": wanted.ledger or None}
        return await self._reader.query(name, parameters)


def _conditions(space: str, wanted: AccountFilter | QueryFilter) -> dict[str, Any]:
    """Return the parameters that all filters share; None is no condition."""
    metadata: Mapping[str, str] | None = wanted.metadata
    return {
        "space": space,
        "user_data_128": stored_128(wanted.user_data_128),
        "user_data_64": stored_64(wanted.user_data_64),
        "user_data_32": wanted.user_data_32 or None,
        "code": wanted.code or None,
        "timestamp_min": wanted.timestamp_min,
        "timestamp_max": wanted.timestamp_max or _NEVER,
        "metadata": orjson.dumps(metadata).decode() if metadata else None,
        "limit": min(wanted.limit, BATCH_MAX),
    }


def _chained(statuses: list[Status], rows: Sequence[Row]) -> list[Result]:
    """Return the results of a chain: all exist, or the first that differs fails the others."""
    first = next((i for i, one in enumerate(statuses) if one is not Status.EXISTS), None)
    if first is not None:
        failed = [Status.LINKED_EVENT_FAILED] * len(statuses)
        statuses = [*failed[:first], statuses[first], *failed[first + 1 :]]
    return [Result(status, row["timestamp"]) for status, row in zip(statuses, rows, strict=True)]


def _results(verdict: Verdict) -> list[Result]:
    if isinstance(verdict, Taken):
        raise KeyTaken
    assert isinstance(verdict, Committed), verdict
    return list(verdict.results)


def _released(verdict: Verdict) -> bool:
    """Tell whether a release was booked just now; a payment's result is its status alone."""
    if not isinstance(verdict, Committed):
        return False
    (result,) = verdict.results
    status = result.status if isinstance(result, Result) else result
    return bool(status is Status.CREATED)


def _release(row: Row) -> Unit:
    """Return the unit that releases a pending transfer; its id is made from the pending one's."""
    pending_id: UUID = row["transfer_id"]
    space = row["space"]
    release_id = derived("transfer", "expiry", pending_id.hex)
    asked = None if space is None else Asked(space, release_id.int)
    release = Transfer(
        release_id, row["debit_account_id"], row["credit_account_id"], None, 0, 0,
        TransferFlag.EXPIRE, pending_id, reference=row["reference"],
        entry="expiry" if space is None else "", asked=asked,
    )  # fmt: skip
    return Unit(space or "", transfers=(release,), lane=Lane.BULK)
