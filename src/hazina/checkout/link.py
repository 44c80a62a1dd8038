"""A payment link: what every visit of its address is offered, as a session of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from hazina.db.table import Row
from hazina.metadata import merged

TABLE = "payment_link"
DETAILS = (
    "after_completion", "allow_promotion_codes", "billing_address_collection",
    "customer_creation", "inactive_message", "payment_intent_data", "payment_method_types",
    "submit_type",
)  # fmt: skip
"""What a merchant decides about a link and we keep for the sessions that it opens."""


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """One row of `payment_link`. A link that is not `active` opens no sessions."""

    merchant_id: str
    id: str
    created: datetime
    currency: str
    line_items: list[dict[str, Any]]
    active: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1
    version: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.id)

    @property
    def recurring(self) -> bool:
        """Tell whether it offers a recurring price, which nothing here can sell."""
        return any(item["price"]["type"] == "recurring" for item in self.line_items)

    def changed(self, params: Mapping[str, Any]) -> PaymentLink:
        """Return the link after an update; None empties a field, metadata is merged."""
        details = dict(self.details)
        for name in DETAILS:
            if name in params:
                details[name] = params[name]
        metadata = self.metadata
        if "metadata" in params:
            metadata = merged(self.metadata, params["metadata"])
        after = replace(
            self,
            active=params.get("active", self.active),
            details={name: value for name, value in details.items() if value is not None},
            metadata=metadata,
        )
        return after if after == self else replace(after, revision=self.revision + 1)


_COLUMNS = tuple(f.name for f in fields(PaymentLink) if f.name != "version")


def from_row(row: Row) -> PaymentLink:
    """Read a stored row."""
    return PaymentLink(**{name: row[name] for name in (*_COLUMNS, "version")})


def to_row(link: PaymentLink) -> dict[str, Any]:
    """Return the row to insert."""
    return {name: getattr(link, name) for name in _COLUMNS}


def changes(before: PaymentLink, after: PaymentLink) -> dict[str, Any]:
    """Return the columns that differ."""
    old, new = to_row(before), to_row(after)
    return {name: value for name, value in new.items() if old[name] != value}
