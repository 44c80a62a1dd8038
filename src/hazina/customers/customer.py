"""A customer and what may be changed about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hazina.db.table import Row
from hazina.metadata import merged

DETAILS = (
    "address", "business_name", "description", "individual_name", "invoice_settings", "name",
    "phone", "preferred_locales", "shipping", "tax_exempt",
)  # fmt: skip
"""What a merchant tells us about a customer and we only keep."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer as stored. `revision` counts its visible versions."""

    merchant_id: str
    id: str
    created: datetime
    livemode: bool
    email: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    deleted: bool = False
    default_source: str | None = None
    test_clock: str | None = None
    revision: int = 1
    version: int = 1

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.id)

    def changed(self, params: Mapping[str, Any]) -> Customer:
        """Return the customer after an update; None empties a field, metadata is merged.

        Refuses `parameter_invalid` for more than 50 metadata keys.
        """
        details = dict(self.details)
        for name in DETAILS:
            if name == "invoice_settings" and params.get(name):
                details[name] = dict(details.get(name) or {}) | params[name]
            elif name in params:
                details[name] = params[name]
        metadata = self.metadata
        if "metadata" in params:
            metadata = merged(self.metadata, params["metadata"])
        after = replace(
            self,
            email=params.get("email", self.email),
            default_source=params.get("default_source", self.default_source),
            details={name: value for name, value in details.items() if value is not None},
            metadata=metadata,
        )
        return after if after == self else replace(after, revision=self.revision + 1)

    def erased(self) -> Customer:
        """Return the customer after deletion: an id and nothing about a person."""
        return replace(
            self, email=None, details={}, metadata={}, default_source=None, deleted=True,
            revision=self.revision + 1,
        )  # fmt: skip

    def without(self, method_id: str, next_source: str | None) -> Customer:
        """Return the customer after it lost a method: no default names what is gone."""
        params: dict[str, Any] = {}
        if self.default_source == method_id:
            params["default_source"] = next_source
        settings = self.details.get("invoice_settings") or {}
        if settings.get("default_payment_method") == method_id:
            params["invoice_settings"] = {"default_payment_method": None}
        return self.changed(params)


def from_row(row: Row, livemode: bool) -> Customer:
    """Read a stored row."""
    return Customer(
        merchant_id=row["merchant_id"],
        id=row["id"],
        created=row["created"],
        livemode=livemode,
        email=row["email"],
        details=row["details"],
        metadata=row["metadata"],
        deleted=row["deleted"],
        default_source=row["default_source"],
        test_clock=row["test_clock"],
        revision=row["revision"],
        version=row["version"],
    )


def to_row(customer: Customer) -> dict[str, Any]:
    """Return the row to insert."""
    return {
        "merchant_id": customer.merchant_id,
        "id": customer.id,
        "created": customer.created,
        "test_clock": customer.test_clock,
        **changes(customer),
    }


def changes(customer: Customer) -> dict[str, Any]:
    """Return the columns that an update may change."""
    return {
        "email": customer.email,
        "details": dict(customer.details),
        "metadata": dict(customer.metadata),
        "deleted": customer.deleted,
        "default_source": customer.default_source,
        "revision": customer.revision,
    }
