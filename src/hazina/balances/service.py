"""One door to balances: what a merchant has, straight from the ledger's accounts."""

from __future__ import annotations

from typing import Any

from hazina.db.reader import Reader
from hazina.ledger.chart import AccountCode, currency_of
from hazina.merchants.merchant import Caller


class Balances:
    """Reads the merchant's accounts on the primary."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def balance(self, caller: Caller) -> dict[str, Any]:
        """Render the Balance: posted credits less posted debits and less what is reserved."""
        merchant = caller.merchant
        rows = await self._reader.query("merchant_accounts", {"merchant_id": merchant.merchant_id})
        shown: dict[int, list[dict[str, Any]]] = {
            AccountCode.MERCHANT_AVAILABLE: [],
            AccountCode.MERCHANT_PENDING: [],
        }
        for row in rows:
            amount = row["credits_posted"] - row["debits_posted"] - row["debits_pending"]
            shown[row["code"]].append(
                {
                    "amount": amount, "currency": currency_of(row["ledger"]),
                    "source_types": {"card": amount},
                }
            )  # fmt: skip
        currencies = {line["currency"] for lines in shown.values() for line in lines}
        for lines in shown.values():
            have = {line["currency"] for line in lines}
            lines.extend(_nothing(currency) for currency in sorted(currencies - have))
            if not lines:
                lines.append(_nothing(merchant.default_currency))
        return {
            "object": "balance",
            "available": shown[AccountCode.MERCHANT_AVAILABLE],
            "livemode": merchant.livemode,
            "pending": shown[AccountCode.MERCHANT_PENDING],
        }


def _nothing(currency: str) -> dict[str, Any]:
    return {"amount": 0, "currency": currency, "source_types": {"card": 0}}
