"""The ledger's part in each batch: which rows it needs, how units are judged, what they leave.

Pure: rows in, writes out. How a transfer is booked stands in `book.py` and `rules.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

from hazina.clock import Clock, SystemClock
from hazina.db.ahead import Foreseen
from hazina.db.table import Key, Row
from hazina.db.unit import (
    Alone,
    Delete,
    EngineWrite,
    Insert,
    InsertRows,
    Lacking,
    Refused,
    Stale,
    Unit,
    Update,
    UpdateRows,
)
from hazina.ledger import rows
from hazina.ledger.book import Book
from hazina.ledger.canonical import digest
from hazina.ledger.remembered import ACCOUNTS_MAX, Remembered
from hazina.ledger.requests import judge_accounts, judge_transfers
from hazina.ledger.rules import TRANSIENT, Balance
from hazina.ledger.stamps import Stamps
from hazina.ledger.tables import ACCOUNT
from hazina.ledger.types import Account, Result, Status, Transfer, TransferFlag

_log = logging.getLogger(__name__)

_LINKED = TransferFlag.LINKED + 0
_CREATED = Status.CREATED
_EXISTS = Status.EXISTS
_KNOWN_MAX = 200_000
_LASTING_MAX = 20_000
_LASTING = [name for name in ACCOUNT.columns if name not in ACCOUNT.changing]


@dataclass(slots=True)
class LedgerNeeds:
    """The ledger's rows of a batch (see `hazina.db.unit.Needs`)."""

    ensure: Sequence[Insert]
    lock: Mapping[str, Sequence[Key]]
    read: Mapping[str, Sequence[Key]]
    shares: Sequence[int]


class LedgerEngine:
    """The engine that `bootstrap` registers with the writer; one per process.

    It remembers accounts that are certainly committed, so that they are not opened again and again,
    and what never changes of accounts, so that it is not read again and again.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        stamps: Stamps | None = None,
        accounts_max: int = ACCOUNTS_MAX,
    ) -> None:
        """`accounts_max` bounds how many accounts' balances are remembered."""
        self._known: set[int] = set()
        self._lasting: dict[int, Row] = {}
        self._remembered = Remembered(accounts_max)
        self._opened: Book | None = None
        self._stamps = stamps or Stamps(clock or SystemClock())

    def needs(self, units: Sequence[Unit]) -> LedgerNeeds:
        """Return the accounts to open and lock, and the transfers and pending rows to read.

        Pending rows are not locked: a transfer that resolves one must name the same two accounts,
        and these are locked before anything is read. Ids are not locked either: those of a space
        are shared, and who remembers one as failed must be alone with them.
        """
        known, lasting = self._known, self._lasting
        if len(lasting) > _LASTING_MAX:
            lasting.clear()
        ensure: dict[int, Insert] = {}
        accounts: dict[int, Key] = {}
        transfers: dict[int, Key] = {}
        pending: dict[int, Key] = {}
        spaces: set[str] = set()
        for unit in units:
            first = unit.transfers[0] if unit.transfers else None
            if type(first) is Transfer and first.asked is not None:
                spaces.add(first.asked.space)
            for transfer in unit.transfers:
                if type(transfer) is Account:
                    accounts[transfer.id.int] = (transfer.id,)
                    continue
                accounts[transfer.debit_account_id.int] = (transfer.debit_account_id,)
                accounts[transfer.credit_account_id.int] = (transfer.credit_account_id,)
                transfers[transfer.id.int] = (transfer.id,)
                if transfer.pending_id is not None:
                    pending[transfer.pending_id.int] = (transfer.pending_id,)
                    if transfer.asked is not None:
                        for account_id in transfer.asked.pending_accounts:
                            accounts[account_id.int] = (account_id,)
                for account in transfer.opens:
                    number = account.id.int
                    if number not in known and number not in ensure:
                        ensure[number] = _opening(account)
                        accounts[number] = (account.id,)  # Its opening is recorded under its lock.
        seen = list(transfers.values())
        # Read as a transfer too, to tell one that is not pending from none at all.
        transfers.update(pending)
        return LedgerNeeds(
            ensure=list(ensure.values()),
            lock={"account": list(accounts.values())},
            read={
                "account": [key for number, key in accounts.items() if number not in lasting],
                "transfer": list(transfers.values()),
                "seen": seen,
                "pending": list(pending.values()),
            },
            shares=[shared_number(space) for space in spaces],
        )

    def open(self, found: dict[tuple[str, Key], Row], *, slot: int, sequence: int) -> LedgerBatch:
        """Start a batch with the rows that were found."""
        known, lasting = self._known, self._lasting
        if len(known) > _KNOWN_MAX:
            known.clear()
        newest = 0
        for (table, key), row in found.items():
            if table == "account":
                timestamp = row["timestamp"]
                newest = max(newest, row["timestamp_last"], timestamp or 0)
                # Until its opening is recorded, an account may be one that is rolled back again.
                if timestamp is not None and "code" in row:
                    lasting[key[0].int] = {name: row[name] for name in _LASTING}
                # A first version may be one that this very batch inserted, and be rolled back.
                if row["version"] > 1:
                    known.add(key[0].int)
        self._stamps.begin(slot, newest)
        book = self._opened = Book(found, self._stamps, lasting)
        return LedgerBatch(book, slot, sequence)

    def committed(self) -> None:
        """Remember clients' accounts as the batch opened last left them."""
        if self._opened is not None:
            self._remembered.take(self._opened)
            self._opened = None

    def forget(self) -> None:
        """Remember no account's balances: one may not be as it was foreseen."""
        self._remembered.clear()

    def recall(self, rows: Sequence[Row]) -> None:
        """Remember accounts that were read because they were lacking."""
        self._remembered.recall(rows)

    def foresee(
        self, units: Sequence[Unit], *, slot: int, sequence: int
    ) -> Foreseen | Lacking | None:
        """Judge clients' plain transfers between accounts that are remembered.

        None when anything but a new transfer would come of it: failures, and transfers that exist
        already, are told from what is read under locks. A balance is right when its account still
        has the version that is remembered, since every change raises it.
        """
        accounts = self._remembered.accounts_of(units)
        if accounts is None or isinstance(accounts, Lacking):
            return accounts
        foreseen = None
        try:
            foreseen = self._judged_from(accounts, units, slot, sequence)
        except Exception:  # Judged again under locks, which tells the callers.
            _log.exception("a batch could not be judged from memory")
        finally:
            if foreseen is None:
                self._remembered.drop(accounts)  # They may have been moved on the way.
        return foreseen

    def _judged_from(
        self, accounts: dict[int, Balance], units: Sequence[Unit], slot: int, sequence: int
    ) -> Foreseen | None:
        book = Book({}, self._stamps, {})
        book.accounts = accounts
        self._stamps.begin(slot, max(balance.newest for balance in accounts.values()))
        batch = LedgerBatch(book, slot, sequence)
        results: list[tuple[object, ...]] = []
        for unit in units:
            judged = batch.judge(unit)
            if not isinstance(judged, tuple) or any(map(_not_created, judged)):
                return None
            results.append(judged)
        writes: list[Insert | InsertRows | UpdateRows] = []
        for write in batch.writes():
            if isinstance(write, Update | Delete):
                return None  # More of an account changes than its balances.
            writes.append(write)
        for balance in accounts.values():
            balance.version += 1  # As it will be when the batch has committed.
        made = book.transfers_new
        return Foreseen(
            results=results,
            shares=[shared_number(space) for space in {row["space"] for row in made}],
            absent=("seen", [(row["id"],) for row in made]),
            writes=writes,
            digest=batch.digest,
        )


class LedgerBatch:
    """The ledger's state of one batch (see `hazina.db.unit.BatchJudge`)."""

    def __init__(self, book: Book, slot: int, sequence: int) -> None:
        self._book = book
        self._slot = slot
        self._sequence = sequence
        self._openings: list[dict[str, Any]] = []

    def judge(self, unit: Unit) -> Refused | Stale | tuple[Status | Result, ...]:
        """Accept all transfers of the unit or refuse them all, leaving no effect.

        A client's batch is never refused: it has a `Result` for each event, or has to be loaded
        again (see `requests.py`).

        A replay (`exists`) counts as accepted. The refusal names the first transfer that failed;
        all others answer `linked_event_failed`. An id that failed for a reason that may pass is
        kept, and answers `id_already_failed` ever after.
        """
        book = self._book
        transfers: tuple[Transfer, ...] = unit.transfers
        first = unit.transfers[0]
        if type(first) is Account:
            return judge_accounts(book, unit.transfers)
        if first.asked is not None:
            return judge_transfers(book, transfers)
        last = len(transfers) - 1
        mark = book.mark()
        results = []
        for index, transfer in enumerate(transfers):
            flags = transfer.flags + 0
            if index == last and flags & _LINKED:
                status = Status.LINKED_EVENT_CHAIN_OPEN
            else:
                status = book.post(transfer, flags)
            if status is not _CREATED and status is not _EXISTS:
                book.undo(mark)
                return self._refuse(transfers, index, status)
            results.append(status)
        return tuple(results)

    def writes(self) -> Sequence[EngineWrite]:
        """Return how each account touched changes, and everything appended."""
        book = self._book
        place = {"slot": self._slot, "sequence": self._sequence}
        opened = {"opened_slot": self._slot, "opened_sequence": self._sequence}
        for row in book.accounts_new:
            row.update(opened)
        for position, row in enumerate(book.failed_new):
            row.update(place, position=position)
        self._openings = [
            *book.accounts_new,
            *rows.openings(book, self._slot, self._sequence),
        ]
        return [
            *(Insert("account", row) for row in book.accounts_new),
            *rows.appended(book, self._slot, self._sequence),
            *rows.pending_writes(book),
            *rows.account_updates(book, self._openings),
            *(Insert("seen", row) for row in book.failed_new),
        ]

    def alone(self) -> Alone | None:
        """Demand that nobody else is booking a client's id that is remembered here as failed.

        Two requests under one id may name different accounts, so that no row lock is common to
        them. A payment's id always goes with the same unit, whose claims decide.
        """
        failed = [one for one in self._book.failures if one.asked is not None]
        if not failed:
            return None
        spaces = {one.asked.space for one in failed if one.asked is not None}
        numbers = [shared_number(space) for space in spaces]
        return Alone(numbers, {"transfer": [(one.id,) for one in failed]})

    def digest(self) -> bytes:
        """Return the SHA-256 of what was booked and opened, in order (`canonical.digest`)."""
        return digest(self._book.transfers_new, self._openings, self._book.failed_new)

    def _refuse(self, transfers: tuple[Transfer, ...], index: int, status: Status) -> Refused:
        if status in TRANSIENT:
            self._book.remember_failure(transfers[index], status)
        results = [Status.LINKED_EVENT_FAILED] * len(transfers)
        results[index] = status
        return Refused(status.value, index, tuple(results))


def _not_created(result: Status | Result) -> bool:
    return not isinstance(result, Result) or result.status is not _CREATED


@lru_cache(maxsize=65536)
def shared_number(space: str) -> int:
    """Return the number of 32 bits under which writers share the ids of a space."""
    return crc32(space.encode()) - 2**31


@lru_cache(maxsize=65536)
def _opening(account: Account) -> Insert:
    return Insert(
        "account",
        {
            "id": account.id,
            "ledger": account.ledger,
            "code": account.code,
            "flags": account.flags + 0,
            "owner": account.owner,
            "slot": account.slot,
            "overdraft": account.overdraft_minor,
            "debits_pending": 0,
            "debits_posted": 0,
            "credits_pending": 0,
            "credits_posted": 0,
            "lines": 0,
            "space": None,
            "timestamp": None,
            "timestamp_last": 0,
            "closed_by": None,
        },
    )
