"""A unit of work on the catalog being drafted: what a decision has gathered so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hazina.catalog import price as prices
from hazina.catalog import product as products
from hazina.catalog.price import Price
from hazina.catalog.product import Product
from hazina.catalog.view import previous_attributes, price_view, product_view
from hazina.db.unit import Claim, Delete, Insert, RowVersion, Unit, Update
from hazina.events.service import Cause, record
from hazina.ids import Ids
from hazina.merchants.merchant import Merchant


@dataclass(slots=True)
class Draft:
    """Collects rows and events; `checkout` adds them to its own unit for inline prices."""

    merchant: Merchant
    now: datetime
    ids: Ids
    cause: Cause
    claims: list[Claim] = field(default_factory=list)
    relies_on: list[RowVersion] = field(default_factory=list)
    writes: list[Insert | Update | Delete] = field(default_factory=list)

    def new_product(self, params: Mapping[str, Any]) -> Product:
        """Return a fresh product; nothing is written yet."""
        blank = Product(
            merchant_id=self.merchant.merchant_id,
            id=params.get("id") or self.ids.new("prod"),
            created=self.now, updated=self.now, livemode=self.merchant.livemode,
        )  # fmt: skip
        return replace(blank.changed(params, self.now), revision=1)

    def new_price(self, params: Mapping[str, Any], product: str, *, inline: bool = False) -> Price:
        """Return a fresh price of a product; nothing is written yet.

        Refuses what `price.unit_amount` refuses.
        """
        blank = Price(
            merchant_id=self.merchant.merchant_id, id=self.ids.new("price"), created=self.now,
            livemode=self.merchant.livemode, product=product, currency=params["currency"],
            unit_amount=prices.unit_amount(params), recurring=recurring(params), inline=inline,
            active=not inline,
        )  # fmt: skip
        return replace(blank.changed(params), revision=1)

    def add_product(self, product: Product) -> None:
        """Insert a product under an id that must be new, and say so."""
        self.claims.append(Claim("product", products.to_row(product)))
        self._event("product.created", product, product_view(product))

    def add_price(self, price: Price) -> None:
        """Insert a price and say so."""
        self.writes.append(Insert("price", prices.to_row(price)))
        self._event("price.created", price, price_view(price))

    def put_product(self, before: Product, after: Product) -> None:
        """Change a product under the version that was read; say so if it shows."""
        self.rely_on_product(before)
        if after == before:
            return
        self.writes.append(Update("product", before.key, before.version, products.changes(after)))
        if after.revision == before.revision:
            return
        shown = product_view(before)
        if after.deleted:
            # The event shows the product as it was, as Stripe's does.
            self._event("product.deleted", after, shown)
            return
        now_shown = product_view(after)
        self._event("product.updated", after, now_shown, previous_attributes(shown, now_shown))

    def put_price(self, before: Price, after: Price) -> None:
        """Change a price under the version that was read, and say so."""
        self.relies_on.append(RowVersion("price", before.key, before.version))
        if after == before:
            return
        self.writes.append(Update("price", before.key, before.version, prices.changes(after)))
        shown, now_shown = price_view(before), price_view(after)
        self._event("price.updated", after, now_shown, previous_attributes(shown, now_shown))

    def rely_on_product(self, product: Product) -> None:
        """Bind the decision to the version of a product that was read."""
        self.relies_on.append(RowVersion("product", product.key, product.version))

    def unit(self) -> Unit:
        """Return the finished unit of work."""
        return Unit(
            self.merchant.merchant_id, claims=tuple(self.claims),
            relies_on=tuple(self.relies_on), writes=tuple(self.writes),
        )  # fmt: skip

    def _event(
        self,
        type: str,
        about: Product | Price,
        shown: dict[str, Any],
        previous: dict[str, Any] | None = None,
    ) -> None:
        self.writes.append(
            record(
                merchant_id=about.merchant_id, livemode=about.livemode,
                event_id=self.ids.new("evt"), type=type, object_view=shown, object_id=about.id,
                sequence=about.revision, created=self.now, request_id=self.cause.request_id,
                idempotency_key=self.cause.idempotency_key, previous_attributes=previous,
            )
        )  # fmt: skip


def recurring(params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how often a price recurs, with Stripe's defaults, or None for a one-off price."""
    sent = params.get("recurring")
    if sent is None:
        return None
    return {
        "interval": sent["interval"], "interval_count": sent.get("interval_count", 1),
        "meter": None, "trial_period_days": sent.get("trial_period_days"),
        "usage_type": sent.get("usage_type", "licensed"),
    }  # fmt: skip
