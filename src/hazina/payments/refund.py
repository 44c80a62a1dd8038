"""A refund of a charge, in full or in part."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NoReturn

from hazina.refusals import Code, Refusal
from hazina.values import value

RefundStatus = Literal["pending", "succeeded", "failed", "canceled"]


@value
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


def refuse_cancel(refund: Refund) -> NoReturn:
    """Refuse `refund_not_cancelable`: no refund of ours waits for an action of the customer."""
    raise Refusal(
        Code.REFUND_NOT_CANCELABLE,
        f"Refund {refund.id} cannot be canceled because it has a status of {refund.status}. Only a "
        "refund that waits for the customer's action can be, and card refunds never do.",
    )
