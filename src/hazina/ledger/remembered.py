"""Clients' accounts as this process left them, so that the next batch can be judged unread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hazina.db.unit import Unit
from hazina.ledger.book import Book
from hazina.ledger.rules import Balance
from hazina.ledger.types import Transfer, TransferFlag

_ACCOUNTS_MAX = 50_000
_NONE = TransferFlag.NONE
# What these do depends on rows beside the accounts (pending transfers, times of others), or changes
# more of an account than its balances.
_ASK = int(
    TransferFlag.POST_PENDING | TransferFlag.VOID_PENDING | TransferFlag.EXPIRE
    | TransferFlag.CLOSING_DEBIT | TransferFlag.CLOSING_CREDIT | TransferFlag.IMPORTED
)  # fmt: skip


class Remembered:
    """Balances by the number of their account's id; each is right while its version is."""

    def __init__(self) -> None:
        self._balances: dict[int, Balance] = {}

    def take(self, book: Book) -> None:
        """Remember clients' accounts as a batch that is durable left them."""
        if len(self._balances) > _ACCOUNTS_MAX:
            self._balances.clear()
        touched: set[int] = set()
        for row in book.transfers_new:
            touched.add(row["debit_account_id"].int)
            touched.add(row["credit_account_id"].int)
        for number, balance in book.accounts.items():
            if balance.space is None or balance.timestamp is None:
                continue  # A payment's, which is read with what else the payment depends on.
            balance.closed_before = balance.closed_by
            balance.version += number in touched
            self._balances[number] = balance

    def accounts_of(self, units: Sequence[Unit]) -> dict[int, Balance] | None:
        """Return the accounts that units name; None when they ask for more than is remembered."""
        balances = self._balances
        accounts: dict[int, Balance] = {}
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
                    balance = balances.get(number)
                    if balance is None:
                        return None
                    accounts[number] = balance
        return accounts

    def raise_versions(self, accounts: Iterable[int]) -> None:
        """Presume that a batch commits that changes all these accounts once."""
        for number in accounts:
            self._balances[number].version += 1

    def drop(self, accounts: Iterable[int]) -> None:
        """Forget some accounts, which were changed by what will not be committed."""
        for number in accounts:
            self._balances.pop(number, None)

    def clear(self) -> None:
        """Forget everything."""
        self._balances.clear()
