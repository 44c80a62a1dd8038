"""One door to balances: what a merchant has, straight from the ledger's accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.ledger.chart import AccountCode, currency_of
from hazina.merchants.merchant import Caller, Merchant


class Balances:
    """Reads the merchant's accounts on the primary."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def balance(self, caller: Caller) -> dict[str, Any]:
        """Render the Balance: posted credits less posted debits and less what is reserved."""
        merchant = caller.merchant
        rows = await self._reader.query("merchant_accounts", {"merchant_id": merchant.merchant_id})
        return balance_view(rows, merchant, {})


def balance_view(
    rows: Sequence[Row], merchant: Merchant, moved: Mapping[tuple[AccountCode, str], int]
) -> dict[str, Any]:
    """Render the Balance of these accounts, after amounts by account and currency have moved."""
    amounts: dict[AccountCode, dict[str, int]] = {
        AccountCode.MERCHANT_AVAILABLE: {},
        AccountCode.MERCHANT_PENDING: {},
    }
    for row in rows:
        amount = row["credits_posted"] - row["debits_posted"] - row["debits_pending"]
        amounts[AccountCode(row["code"])][currency_of(row["ledger"])] = amount
    for (code, currency), minor in moved.items():
        amounts[code][currency] = amounts[code].get(currency, 0) + minor
    currencies = sorted({currency for found in amounts.values() for currency in found})
    shown = {
        code: [_part(currency, found.get(currency, 0)) for currency in currencies]
        or [_part(merchant.default_currency, 0)]
        for code, found in amounts.items()
    }
    return {
        "object": "balance",
        "available": shown[AccountCode.MERCHANT_AVAILABLE],
        "livemode": merchant.livemode,
        "pending": shown[AccountCode.MERCHANT_PENDING],
    }


def _part(currency: str, amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}
