"""A refund of a charge, in full or in part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

RefundStatus = Literal["pending", "succeeded", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class Refund:
    """One row of `refund`. `from_available` says which account of the merchant it draws on."""

    merchant_id: str
    id: str
    charge: str
    payment_intent: str | None
    amount: int
    currency: str
    from_available: bool
    clearing_slot: int
    created: datetime
    metadata: dict[str, str]
    status: RefundStatus = "pending"
    reason: str | None = None
    failure_reason: str | None = None
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    hidden_intent: bool = False
    revision: int = 0
    version: int = 0
