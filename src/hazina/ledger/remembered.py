"""Clients' accounts as this process left them, so that the next batch can be judged unread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from hazina.db.table import Row
from hazina.db.unit import Lacking, Unit
from hazina.ledger.book import Book
from hazina.ledger.rules import Balance
from hazina.ledger.types import Transfer, TransferFlag

ACCOUNTS_MAX = 50_000
_NONE = TransferFlag.NONE
# What these do depends on rows beside the accounts (pending transfers, times of others), or changes
# more of an account than its balances.
_ASK = int(
    TransferFlag.POST_PENDING | TransferFlag.VOID_PENDING | TransferFlag.EXPIRE
    | TransferFlag.CLOSING_DEBIT | TransferFlag.CLOSING_CREDIT | TransferFlag.IMPORTED
)  # fmt: skip


class Remembered:
    """Balances by the number of their account's id; each is right while its version is.

    Kept in two generations: when the young one is full it becomes the old one, and what was not
    looked for since is forgotten. So a balance that a batch in flight has changed stays.
    """

    def __init__(self, accounts_max: int = ACCOUNTS_MAX) -> None:
        self._young: dict[int, Balance] = {}
        self._old: dict[int, Balance] = {}
        self._young_max = accounts_max // 2

    def take(self, book: Book) -> None:
        """Remember clients' accounts as a batch that is durable left them."""
        touched: set[int] = set()
        for row in book.transfers_new:
            touched.add(row["debit_account_id"].int)
            touched.add(row["credit_account_id"].int)
        for number, balance in book.accounts.items():
            if balance.space is None or balance.timestamp is None:
                continue  # A payment's, which is read with what else the payment depends on.
            balance.closed_before = balance.closed_by
            balance.version += number in touched
            self._keep(number, balance)

    def recall(self, rows: Iterable[Row]) -> None:
        """Remember clients' accounts as they were read; what is remembered already is newer."""
        for row in rows:
            number = row["id"].int
            if row["space"] is not None and self._found(number) is None:
                self._keep(number, Balance(row))

    def accounts_of(self, units: Sequence[Unit]) -> dict[int, Balance] | Lacking | None:
        """Return the accounts that units name, or those of them that are not remembered.

        None when units ask for more than the balances of accounts.
        """
        young = self._young
        accounts: dict[int, Balance] = {}
        lacking: dict[int, UUID] = {}
        for unit in units:
            if unit.claims or unit.relies_on or unit.writes or unit.on_refusal:
                return None
            if not unit.transfers:
                return None
            for transfer in unit.transfers:
                if type(transfer) is not Transfer or transfer.asked is None:
                    return None
                if transfer.flags is not _NONE and int(transfer.flags) & _ASK:
                    return None
                for account_id in (transfer.debit_account_id, transfer.credit_account_id):
                    number = account_id.int
                    balance = young.get(number) or self._found(number)
                    if balance is None:
                        lacking[number] = account_id
                    else:
                        accounts[number] = balance
        if lacking:
            return Lacking("account", [(account_id,) for account_id in lacking.values()])
        return accounts

    def drop(self, accounts: Iterable[int]) -> None:
        """Forget some accounts, which were changed by what will not be committed."""
        for number in accounts:
            self._young.pop(number, None)
            self._old.pop(number, None)

    def clear(self) -> None:
        """Forget everything."""
        self._young.clear()
        self._old.clear()

    def _found(self, number: int) -> Balance | None:
        """Return a balance of either generation; it is young from now on."""
        balance = self._young.get(number)
        if balance is None:
            balance = self._old.pop(number, None)
            if balance is not None:
                self._keep(number, balance)
        return balance

    def _keep(self, number: int, balance: Balance) -> None:
        balance.let_go()
        self._young[number] = balance
        if len(self._young) > self._young_max:
            self._old, self._young = self._young, {}
