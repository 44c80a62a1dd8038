"""A product and what may be changed about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hazina.db.table import Row
from hazina.metadata import merged

DETAILS = (
    "description", "images", "marketing_features", "package_dimensions", "shippable",
    "statement_descriptor", "type", "unit_label", "url",
)  # fmt: skip
"""What a merchant tells us about a product and we only keep."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product as stored. `revision` counts its visible versions.

    `prices` counts the prices made for it, apart from those made inline for a single sale: it is
    raised in the unit that adds a price, so that a product with prices can never be deleted.
    """

    merchant_id: str
    id: str
    created: datetime
    updated: datetime
    livemode: bool
    name: str = ""
    active: bool = True
    default_price: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    prices: int = 0
    deleted: bool = False
    revision: int = 1
    version: int = 1

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.id)

    def changed(self, params: Mapping[str, Any], now: datetime) -> Product:
        """Return the product after an update; None empties a field, metadata is merged.

        Refuses `parameter_invalid` for more than 50 metadata keys.
        """
        details = dict(self.details)
        for name in DETAILS:
            if name in params:
                details[name] = params[name]
        metadata = self.metadata
        if "metadata" in params:
            metadata = merged(self.metadata, params["metadata"])
        after = replace(
            self,
            name=params.get("name", self.name),
            active=params.get("active", self.active),
            default_price=params.get("default_price", self.default_price),
            details={name: value for name, value in details.items() if value is not None},
            metadata=metadata,
        )
        if after == self:
            return self
        return replace(after, revision=self.revision + 1, updated=now)

    def erased(self, now: datetime) -> Product:
        """Return the product after deletion; its id is never used again."""
        return replace(self, deleted=True, revision=self.revision + 1, updated=now)


_COLUMNS = (
    "name", "active", "default_price", "details", "metadata", "prices", "deleted", "revision",
    "updated",
)  # fmt: skip
_FIXED = ("merchant_id", "id", "created")


def from_row(row: Row, livemode: bool) -> Product:
    """Read a stored row."""
    values = {name: row[name] for name in (*_FIXED, *_COLUMNS)}
    return Product(livemode=livemode, version=row["version"], **values)


def to_row(product: Product) -> dict[str, Any]:
    """Return the row to insert."""
    return {name: getattr(product, name) for name in _FIXED} | changes(product)


def changes(product: Product) -> dict[str, Any]:
    """Return the columns that an update may change."""
    return {name: getattr(product, name) for name in _COLUMNS}
