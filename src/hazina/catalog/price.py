"""A price: a fixed amount per unit of a product, for good; only what is said about it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hazina.db.table import Row
from hazina.metadata import merged
from hazina.money.currency import AMOUNT_MINOR_MAX, exponent
from hazina.refusals import Code, Refusal


@dataclass(frozen=True, slots=True)
class Price:
    """One price as stored; `unit_amount` is in minor units of `currency` and never changes.

    A price with `recurring` is kept as a client describes it, but nothing here sells it.
    `inline` prices were made for one sale (`price_data`) and are never active.
    """

    merchant_id: str
    id: str
    created: datetime
    livemode: bool
    product: str
    currency: str
    unit_amount: int
    recurring: Mapping[str, Any] | None = None
    active: bool = True
    inline: bool = False
    lookup_key: str | None = None
    nickname: str | None = None
    tax_behavior: str = "unspecified"
    metadata: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1
    version: int = 1

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.id)

    def changed(self, params: Mapping[str, Any]) -> Price:
        """Return the price after an update; None empties a field, metadata is merged.

        Refuses `parameter_invalid` for more than 50 metadata keys, and for a tax behavior that is
        already decided.
        """
        behavior = params.get("tax_behavior") or self.tax_behavior
        if behavior != self.tax_behavior and self.tax_behavior != "unspecified":
            raise Refusal(
                Code.PARAMETER_INVALID,
                f"The tax_behavior of {self.id} is {self.tax_behavior} and cannot be changed once "
                "it is set; make another price.",
                param="tax_behavior",
            )
        metadata = self.metadata
        if "metadata" in params:
            metadata = merged(self.metadata, params["metadata"])
        after = replace(
            self,
            active=params.get("active", self.active),
            lookup_key=params.get("lookup_key", self.lookup_key),
            nickname=params.get("nickname", self.nickname),
            tax_behavior=behavior,
            metadata=metadata,
        )
        return after if after == self else replace(after, revision=self.revision + 1)

    def without_lookup_key(self) -> Price:
        """Return the price after its lookup key was transferred to another."""
        return replace(self, lookup_key=None, revision=self.revision + 1)


def unit_amount(params: Mapping[str, Any]) -> int:
    """Return the amount per unit in minor units, from whichever of two parameters was sent.

    Refuses `parameter_missing` for none, `parameter_invalid` for both, `not_supported` for a
    fraction of a minor unit, `amount_too_large` and `currency_invalid`.
    """
    exponent(params["currency"])
    whole, decimal = params.get("unit_amount"), params.get("unit_amount_decimal")
    if whole is None and decimal is None:
        raise Refusal(
            Code.PARAMETER_MISSING,
            "Missing required param: unit_amount. Send it in the currency's minor unit.",
            param="unit_amount",
        )
    if whole is not None and decimal is not None:
        raise Refusal(
            Code.PARAMETER_INVALID,
            "You may only specify one of these parameters: unit_amount, unit_amount_decimal.",
            param="unit_amount_decimal",
        )
    amount = int(whole) if whole is not None else _exact(str(decimal))
    if amount > AMOUNT_MINOR_MAX:
        raise Refusal(
            Code.AMOUNT_TOO_LARGE,
            f"Amount must be no more than {AMOUNT_MINOR_MAX} in the minor unit of "
            f"{params['currency']}.",
            param="unit_amount",
        )
    return amount


def _exact(decimal: str) -> int:
    digits, _, fraction = decimal.partition(".")
    if fraction.strip("0"):
        raise Refusal(
            Code.NOT_SUPPORTED,
            "The parameter unit_amount_decimal is supported for whole minor units only: send "
            "unit_amount, rounded as you would charge it.",
            param="unit_amount_decimal",
        )
    return int(digits)


_CHANGEABLE = ("active", "lookup_key", "nickname", "tax_behavior", "metadata", "revision")
_FIXED = (
    "merchant_id", "id", "created", "product", "currency", "unit_amount", "recurring", "inline",
)  # fmt: skip


def from_row(row: Row, livemode: bool) -> Price:
    """Read a stored row."""
    values = {name: row[name] for name in (*_FIXED, *_CHANGEABLE)}
    return Price(livemode=livemode, version=row["version"], **values)


def to_row(price: Price) -> dict[str, Any]:
    """Return the row to insert."""
    return {name: getattr(price, name) for name in _FIXED} | changes(price)


def changes(price: Price) -> dict[str, Any]:
    """Return the columns that an update may change."""
    return {name: getattr(price, name) for name in _CHANGEABLE}
