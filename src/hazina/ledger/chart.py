"""The chart of accounts: what accounts exist, their numbers, and which account is whose."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

from hazina.ids import derived
from hazina.ledger.types import Account, AccountFlag
from hazina.money.currency import by_number, number

OVERDRAFT_MINOR = 100_000
"""How far a merchant's account may pass zero unless the merchant's settings say otherwise."""

_TEST_OFFSET = 1000
"""ISO 4217 numbers have three digits, so a thousand more tells test mode from live mode."""

_MERCHANT_FLAGS = AccountFlag.HISTORY | AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS


class AccountCode(IntEnum):
    """What an account is for. Assets start with 1, liabilities with 2, income with 4."""

    PROVIDER_CLEARING = 1001
    MERCHANT_PENDING = 2001
    MERCHANT_AVAILABLE = 2002
    FEE_REVENUE = 4001


def ledger_number(currency: str, livemode: bool) -> int:
    """Return the ledger of a currency in a mode: 404 is KES in live mode, 1404 in test mode.

    Refuses `currency_invalid`.
    """
    return number(currency) + (0 if livemode else _TEST_OFFSET)


def currency_of(ledger: int) -> str:
    """Return the lower-case currency code of a ledger."""
    return by_number(ledger % _TEST_OFFSET)


def is_live(ledger: int) -> bool:
    """Tell whether a ledger holds real money."""
    return ledger < _TEST_OFFSET


def provider_clearing(provider: str, currency: str, livemode: bool, slot: int) -> Account:
    """Return what one provider account owes us (asset; one per writer slot).

    `provider` is the name of the provider account, not of the connector.
    """
    return _house(AccountCode.PROVIDER_CLEARING, provider, currency, livemode, slot)


def fee_revenue(currency: str, livemode: bool, slot: int) -> Account:
    """Return what we earned in fees (income; one per writer slot)."""
    return _house(AccountCode.FEE_REVENUE, "", currency, livemode, slot)


def merchant_pending(
    merchant_id: str, currency: str, livemode: bool, overdraft_minor: int = OVERDRAFT_MINOR
) -> Account:
    """Return what we owe a merchant and may not pay out yet (liability)."""
    return _merchant(AccountCode.MERCHANT_PENDING, merchant_id, currency, livemode, overdraft_minor)


def merchant_available(
    merchant_id: str, currency: str, livemode: bool, overdraft_minor: int = OVERDRAFT_MINOR
) -> Account:
    """Return what we owe a merchant and may pay out (liability)."""
    return _merchant(
        AccountCode.MERCHANT_AVAILABLE, merchant_id, currency, livemode, overdraft_minor
    )


def _mode(livemode: bool) -> str:
    return "live" if livemode else "test"


@lru_cache(maxsize=4096)
def _house(code: AccountCode, name: str, currency: str, livemode: bool, slot: int) -> Account:
    return Account(
        id=derived("account", code.name, name, currency, _mode(livemode), str(slot)),
        ledger=ledger_number(currency, livemode),
        code=code.value,
        slot=slot,
    )


@lru_cache(maxsize=65536)
def _merchant(
    code: AccountCode, merchant_id: str, currency: str, livemode: bool, overdraft_minor: int
) -> Account:
    return Account(
        id=derived("account", code.name, merchant_id, currency, _mode(livemode)),
        ledger=ledger_number(currency, livemode),
        code=code.value,
        flags=_MERCHANT_FLAGS,
        owner=merchant_id,
        overdraft_minor=overdraft_minor,
    )
