"""A merchant in a mode, and the caller that acts for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hazina.db.table import Row


@dataclass(frozen=True, slots=True)
class Merchant:
    """Our API's tenant: an account in test or in live mode. `merchant_id` names both."""

    merchant_id: str
    account_id: str
    livemode: bool
    country: str
    default_currency: str
    business_name: str
    email: str | None
    fee_basis_points: int
    overdraft_minor: int
    created: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: a merchant, by a secret or a publishable key."""

    merchant: Merchant
    publishable: bool
    request_id: str


def from_row(row: Row) -> Merchant:
    """Read a merchant back."""
    return Merchant(
        row["merchant_id"], row["account_id"], row["livemode"], row["country"],
        row["default_currency"], row["business_name"], row["email"], row["fee_basis_points"],
        row["overdraft_minor"], row["created"],
    )  # fmt: skip
