"""A charge: one attempt of an intent at one connector, visible once it has an outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from hazina.payment_methods.service import bypasses_pending
from hazina.refusals import Code, Refusal
from hazina.values import value

ChargeStatus = Literal["open", "pending", "succeeded", "failed"]
Funds = Literal["none", "pending", "available"]


@value
class Charge:
    """One row of `charge`. Amounts are minor units of `currency`.

    `amount_refund_reserved` is held by refunds in flight. `funds` says in which of the merchant's
    accounts the captured money stands. `clearing_slot` is the writer slot of the provider clearing
    account that the authorization was written against. `hold` names the pending transfer of what
    can still be captured, until `capture_before`; None when nothing can. `captured` is true after
    the final capture.
    """

    merchant_id: str
    id: str
    payment_intent: str
    authorize_command: str
    amount: int
    currency: str
    payment_method: str
    provider: str
    clearing_slot: int
    created: datetime
    details: dict[str, Any]
    metadata: dict[str, str]
    status: ChargeStatus = "open"
    captured: bool = False
    amount_captured: int = 0
    amount_refunded: int = 0
    amount_refund_reserved: int = 0
    fee: int = 0
    funds: Funds = "none"
    available_on: datetime | None = None
    customer: str | None = None
    balance_transaction: str | None = None
    provider_reference: str | None = None
    failure: dict[str, Any] | None = None
    network: dict[str, Any] | None = None
    hold: str | None = None
    capture_before: datetime | None = None
    revision: int = 0
    version: int = 0

    @property
    def matures_at_once(self) -> bool:
        """Tell whether captured money is available at once, as one test card's is."""
        return bypasses_pending(self.details.get("behaviour", self.payment_method))

    @property
    def refundable(self) -> int:
        """Return what can still be refunded."""
        return self.amount_captured - self.amount_refunded - self.amount_refund_reserved


def check_refund(charge: Charge, amount: int | None) -> int:
    """Return the amount to refund.

    Refuses `charge_not_refundable`, `charge_already_refunded` and `refund_exceeds_charge`.
    """
    if charge.status != "succeeded" or not charge.amount_captured:
        raise Refusal(
            Code.CHARGE_NOT_REFUNDABLE,
            f"Charge {charge.id} has no captured money to refund. "
            "Cancel its PaymentIntent to release an authorization; one that was made without a "
            "PaymentIntent is released by itself seven days after it was made.",
        )
    if charge.refundable == 0:
        raise Refusal(
            Code.CHARGE_ALREADY_REFUNDED, f"Charge {charge.id} has already been refunded."
        )
    wanted = charge.refundable if amount is None else amount
    if wanted > charge.refundable:
        raise Refusal(
            Code.REFUND_EXCEEDS_CHARGE,
            f"Refund amount ({wanted}) is greater than unrefunded amount on charge "
            f"({charge.refundable}). Create a smaller refund.",
            param="amount",
        )
    return wanted


def check_capture(charge: Charge) -> None:
    """Refuse a capture of a charge that holds nothing to capture.

    Refuses `charge_not_capturable`, `charge_already_captured` and `charge_expired_for_capture`.
    """
    if charge.status != "succeeded":
        raise Refusal(
            Code.CHARGE_NOT_CAPTURABLE,
            f"Charge {charge.id} is {charge.status} and holds no money. Make a new charge.",
        )
    if charge.captured:
        raise Refusal(
            Code.CHARGE_ALREADY_CAPTURED, f"Charge {charge.id} has already been captured."
        )
    if charge.hold is None:
        raise Refusal(
            Code.CHARGE_EXPIRED_FOR_CAPTURE,
            f"The authorization of charge {charge.id} was released: it was canceled or it expired. "
            "Make a new charge.",
        )
