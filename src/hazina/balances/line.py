"""A line of a merchant's balance (a BalanceTransaction), and how it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hazina.clock import unix
from hazina.db.table import Row
from hazina.db.unit import Insert
from hazina.values import value

_CATEGORIES = {"charge": "charge", "refund": "refund", "refund_failure": "refund_failure"}


@value
class Line:
    """What one ledger entry did to the merchant's balance: `amount` gross, `fee` taken from it."""

    merchant_id: str
    id: str
    type: str
    amount: int
    fee: int
    currency: str
    source: str
    charge: str
    available_on: datetime
    created: datetime

    def insert(self) -> Insert:
        """Return the write that adds the line."""
        return Insert(
            "balance_transaction",
            {
                "merchant_id": self.merchant_id, "id": self.id, "type": self.type,
                "amount": self.amount, "fee": self.fee, "currency": self.currency,
                "source": self.source, "charge": self.charge, "available_on": self.available_on,
                "created": self.created,
            },
        )  # fmt: skip


def view(row: Row) -> dict[str, Any]:
    """Render a BalanceTransaction.

    The row carries, beside its own columns, `funds` and `charge_available_on` of its charge: the
    money of several captures comes together, on a day that the last of them decides.
    """
    available_on = row["available_on"]
    if row["type"] == "charge":
        available_on = row["charge_available_on"] or available_on
    fee_details = []
    if row["fee"]:
        fee_details.append(
            {
                "amount": row["fee"], "application": None, "currency": row["currency"],
                "description": "Processing fees", "type": "stripe_fee",
            }
        )  # fmt: skip
    return {
        "id": row["id"], "object": "balance_transaction", "amount": row["amount"],
        "available_on": unix(available_on), "balance_type": "payments",
        "created": unix(row["created"]), "currency": row["currency"], "description": None,
        "exchange_rate": None, "fee": row["fee"], "fee_details": fee_details,
        "net": row["amount"] - row["fee"], "reporting_category": _CATEGORIES[row["type"]],
        "source": row["source"],
        "status": "available" if row["funds"] == "available" else "pending",
        "type": row["type"],
    }  # fmt: skip
