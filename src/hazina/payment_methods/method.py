"""A stored payment method, and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hazina.db.table import Row
from hazina.db.unit import Insert, RowVersion, Update
from hazina.metadata import merged
from hazina.payment_methods import bank_methods
from hazina.payment_methods.bank_methods import CustomerBalance, SepaDebit
from hazina.payment_methods.card import Card, checked_expiry, cvc_check, from_json, to_json
from hazina.refusals import Code, Refusal

TABLE = "payment_method"
Instrument = Card | SepaDebit | CustomerBalance
"""What the customer pays with; a method's type is its kind."""
_TYPES: dict[type[Instrument], str] = {
    Card: "card", SepaDebit: "sepa_debit", CustomerBalance: "customer_balance",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """One row of `payment_method`; `version` 0 says that it is not stored yet.

    A detached method stays readable and can never be used again. Ids that begin with `card_` are
    cards of customers that older clients keep as sources; they are payment methods too.
    """

    merchant_id: str
    id: str
    created: datetime
    livemode: bool
    instrument: Instrument
    customer: str | None = None
    detached: bool = False
    billing_details: Mapping[str, Any] = field(default_factory=dict)
    allow_redisplay: str = "unspecified"
    metadata: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1
    version: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.id)

    @property
    def type(self) -> str:
        return _TYPES[self.instrument.__class__]

    @property
    def card(self) -> Card:
        """Return the card. Refuses `payment_method_unexpected_state` for another type."""
        if not isinstance(self.instrument, Card):
            raise Refusal(
                Code.PAYMENT_METHOD_UNEXPECTED_STATE,
                f"{self.id} is of type {self.type}; only a card can be used for this.",
                param="payment_method",
            )
        return self.instrument

    @property
    def is_source(self) -> bool:
        """Tell whether older clients know it as a customer's card."""
        return self.id.startswith("card_")

    def changed(self, params: Mapping[str, Any], now: datetime) -> PaymentMethod:
        """Return the method after an update. Refuses a bad expiry."""
        details = dict(self.billing_details) | (params.get("billing_details") or {})
        instrument = self.instrument
        expiry = params.get("card") or {}
        if expiry:
            card = self.card
            month, year = checked_expiry(
                expiry.get("exp_month", card.exp_month), expiry.get("exp_year", card.exp_year), now
            )
            instrument = replace(card, exp_month=month, exp_year=year)
        metadata = self.metadata
        if "metadata" in params:
            metadata = merged(self.metadata, params["metadata"])
        after = replace(
            self, instrument=instrument, metadata=metadata,
            billing_details={name: value for name, value in details.items() if value is not None},
            allow_redisplay=params.get("allow_redisplay", self.allow_redisplay),
        )  # fmt: skip
        return after if after == self else replace(after, revision=self.revision + 1)

    def attached_to(self, customer_id: str) -> PaymentMethod:
        """Return the method kept by a customer.

        Refuses `payment_method_unexpected_state` when it was detached or another customer has it.
        """
        self.check_usable()
        if self.customer == customer_id:
            return self
        if isinstance(self.instrument, CustomerBalance):
            raise Refusal(
                Code.PAYMENT_METHOD_UNEXPECTED_STATE,
                "A payment method of type customer_balance cannot be attached to a customer. Make "
                "one with each payment, with payment_method_data.",
                param="payment_method",
            )
        if self.customer is not None:
            raise Refusal(
                Code.PAYMENT_METHOD_UNEXPECTED_STATE,
                "The payment method you provided has already been attached to a customer. "
                "Create another from the same card.",
                param="payment_method",
            )
        return replace(self, customer=customer_id, revision=self.revision + 1)

    def detached_for_good(self) -> PaymentMethod:
        """Return the method after detaching. Refuses `payment_method_unexpected_state`."""
        if self.customer is None:
            raise Refusal(
                Code.PAYMENT_METHOD_UNEXPECTED_STATE,
                "The payment method you provided is not attached to a customer so detachment is "
                "impossible.",
                param="payment_method",
            )
        return replace(self, customer=None, detached=True, revision=self.revision + 1)

    def set_up(self) -> PaymentMethod:
        """Return the method after its bank agreed to later payments.

        The test card that asks for authentication until it is set up stops asking.
        """
        card = self.instrument
        if not isinstance(card, Card):
            return self
        if card.behaviour == "pm_card_authenticationRequiredOnSetup":
            card = replace(card, behaviour="pm_card_authenticationRequiredSetupForOffSession")
        if card.cvc_check == "unchecked":
            card = replace(card, cvc_check=cvc_check(card.behaviour))
        return replace(self, instrument=card)

    def check_usable(self) -> None:
        """Refuse `payment_method_unexpected_state` for a method that was detached."""
        if self.detached:
            raise Refusal(
                Code.PAYMENT_METHOD_UNEXPECTED_STATE,
                "The provided PaymentMethod was detached from a Customer. It may not be used "
                "again: create another from the same card.",
                param="payment_method",
            )

    def check_customer(self, customer_id: str | None) -> None:
        """Refuse a method that some other customer has.

        Refuses `payment_method_unexpected_state` too when it was detached.
        """
        self.check_usable()
        if self.customer is None or self.customer == customer_id:
            return
        if customer_id is None:
            raise Refusal(
                Code.PAYMENT_METHOD_UNEXPECTED_STATE,
                f"The PaymentMethod {self.id} belongs to the Customer {self.customer}. Include "
                "that Customer in the `customer` parameter.",
                param="payment_method",
            )
        raise Refusal(
            Code.RESOURCE_MISSING,
            f"The customer does not have a payment method with the ID {self.id}. The payment "
            "method must be attached to the customer.",
            param="payment_method",
        )


def from_row(row: Row, livemode: bool) -> PaymentMethod:
    """Read a stored row."""
    return PaymentMethod(
        merchant_id=row["merchant_id"], id=row["id"], created=row["created"], livemode=livemode,
        instrument=_instrument(row), customer=row["customer"], detached=row["detached"],
        billing_details=row["billing_details"], allow_redisplay=row["allow_redisplay"],
        metadata=row["metadata"], revision=row["revision"], version=row["version"],
    )  # fmt: skip


def _instrument(row: Row) -> Instrument:
    match row["type"]:
        case "card":
            return from_json(row["card"])
        case "sepa_debit":
            return bank_methods.from_json(row["sepa_debit"])
        case other:
            assert other == "customer_balance", other
            return CustomerBalance()


def _columns(method: PaymentMethod) -> dict[str, Any]:
    made_of = method.instrument
    return {
        "customer": method.customer, "detached": method.detached, "type": method.type,
        "card": to_json(made_of) if isinstance(made_of, Card) else None,
        "sepa_debit": (
            bank_methods.to_json(made_of) if isinstance(made_of, SepaDebit) else None
        ),
        "billing_details": dict(method.billing_details),
        "allow_redisplay": method.allow_redisplay, "metadata": dict(method.metadata),
        "revision": method.revision,
    }  # fmt: skip


def written(
    before: PaymentMethod, after: PaymentMethod
) -> tuple[tuple[RowVersion, ...], tuple[Insert | Update, ...]]:
    """Return what a unit of work relies on and writes for a method to become `after`."""
    if before.version == 0:
        row = {
            "merchant_id": after.merchant_id, "id": after.id, "created": after.created,
            **_columns(after),
        }  # fmt: skip
        return (), (Insert(TABLE, row),)
    relied = (RowVersion(TABLE, before.key, before.version),)
    if after == before:
        return relied, ()
    return relied, (Update(TABLE, before.key, before.version, _columns(after)),)
