"""The ledger on the in-memory store: open accounts, book transfers, read balances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hazina.clock import ManualClock
from hazina.db.memory import MemoryStore
from hazina.db.table import Schema
from hazina.db.unit import Quarantined, Unit, Verdict
from hazina.ids import derived
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.tables import TABLES
from hazina.ledger.types import Account, AccountFlag, Transfer, TransferFlag

LEDGER = 1404
LIMITED = AccountFlag.HISTORY | AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
PENDING = TransferFlag.PENDING
POST = TransferFlag.POST_PENDING
VOID = TransferFlag.VOID_PENDING
LINKED = TransferFlag.LINKED


def an_id(name: str) -> UUID:
    """Return the id that this name has in tests."""
    return derived("test", name)


def account(name: str, flags: AccountFlag = AccountFlag.HISTORY, **values: Any) -> Account:
    """Return an account of the test ledger."""
    values.setdefault("ledger", LEDGER)
    return Account(id=an_id(name), code=1, flags=flags, **values)


def transfer(
    name: str,
    amount_minor: int | None = 100,
    flags: TransferFlag = TransferFlag.NONE,
    *,
    debit: str = "bank",
    credit: str = "shop",
    of: str | None = None,
    **values: Any,
) -> Transfer:
    """Return a transfer from the bank to the shop; `of` names the pending one that it resolves."""
    made = Transfer(
        id=an_id(name),
        debit_account_id=an_id(debit),
        credit_account_id=an_id(credit),
        amount_minor=amount_minor,
        ledger=LEDGER,
        code=1,
        flags=flags,
        pending_id=None if of is None else an_id(of),
        reference="pi_1",
        entry="test",
    )
    return replace(made, **values)


@dataclass(frozen=True, slots=True)
class Totals:
    """The four balances of an account."""

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0


class Ledger:
    """A ledger in memory, with accounts open; each call of `book` is a batch of one unit."""

    def __init__(self, *accounts: Account) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.store = MemoryStore(Schema(TABLES), LedgerEngine(self.clock), clock=self.clock)
        self._opens = accounts or (account("bank"), account("shop"), account("fees"))

    async def book(self, *transfers: Transfer) -> Verdict | Quarantined:
        """Book transfers as one unit."""
        return (await self.batch(transfers))[0]

    async def batch(self, *units: tuple[Transfer, ...]) -> list[Verdict | Quarantined]:
        """Book several units as one batch."""
        return await self.store.execute([self.unit(transfers) for transfers in units])

    def unit(self, transfers: tuple[Transfer, ...]) -> Unit:
        """Return a unit whose first transfer opens the accounts."""
        first = replace(transfers[0], opens=(*self._opens, *transfers[0].opens))
        return Unit("m", transfers=(first, *transfers[1:]))

    def totals(self, name: str) -> Totals:
        """Return an account's balances."""
        row = self.store.tables["account"][an_id(name),]
        return Totals(
            row["debits_pending"],
            row["debits_posted"],
            row["credits_pending"],
            row["credits_posted"],
        )

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table."""
        return list(self.store.tables[table].values())

    def history(self, name: str) -> list[dict[str, Any]]:
        """Return an account's lines, in order."""
        lines = [row for row in self.rows("account_history") if row["account_id"] == an_id(name)]
        return sorted(lines, key=lambda row: int(row["line"]))
