"""A merchant in a mode, and the caller that acts for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hazina.db.table import Row
from hazina.metadata import merged

DETAILS = ("business_profile", "business_type", "capabilities", "controller", "tos_acceptance",
           "type")  # fmt: skip
"""What is told of an account and only kept."""


@dataclass(frozen=True, slots=True)
class Merchant:
    """Our API's tenant: an account in test or in live mode. `merchant_id` names both.

    `platform` is the merchant_id, in the same mode, of the platform whose connected account this
    is. `rejected` says why the platform ended it; then nothing can be charged any more.
    """

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
    is_platform: bool = False
    platform: str | None = None
    rejected: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1
    version: int = 1

    @property
    def charges_enabled(self) -> bool:
        """Say whether new payments may be taken."""
        return self.rejected is None

    def changed(self, params: Mapping[str, Any]) -> Merchant:
        """Return the merchant after an update; None empties a field, objects and metadata merge."""
        details = dict(self.details)
        for name in DETAILS:
            if name not in params:
                continue
            value, before = params[name], details.get(name)
            if isinstance(value, dict) and isinstance(before, dict):
                value = before | value
            details[name] = value
        profile = details.get("business_profile") or {}
        after = replace(
            self,
            email=params.get("email", self.email),
            country=params.get("country") or self.country,
            default_currency=params.get("default_currency") or self.default_currency,
            business_name=profile.get("name") or self.business_name,
            details={name: value for name, value in details.items() if value is not None},
            metadata=merged(self.metadata, params["metadata"])
            if "metadata" in params
            else self.metadata,
        )
        return after if after == self else replace(after, revision=self.revision + 1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: a merchant, by a secret or a publishable key.

    When a platform acts for its connected account, `merchant` is the account. `key_shown` is the
    key as messages may name it. `scopes` is None unless the key is restricted.
    """

    merchant: Merchant
    publishable: bool
    request_id: str
    key_shown: str = ""
    key_id: str = ""
    scopes: Mapping[str, str] | None = None


def merchant_id_of(account_id: str, livemode: bool) -> str:
    """Return the name of an account in a mode."""
    return f"{account_id}_{'live' if livemode else 'test'}"


def from_row(row: Row) -> Merchant:
    """Read a merchant back."""
    return Merchant(**{name: row[name] for name in Merchant.__slots__})


def to_row(merchant: Merchant) -> dict[str, Any]:
    """Return the row to insert."""
    row = {name: getattr(merchant, name) for name in Merchant.__slots__ if name != "version"}
    return row | {"details": dict(merchant.details), "metadata": dict(merchant.metadata)}


def changes(merchant: Merchant) -> dict[str, Any]:
    """Return the columns that an update may change."""
    row = to_row(merchant)
    names = ("business_name", "country", "default_currency", "details", "email", "metadata",
             "rejected", "revision")  # fmt: skip
    return {name: row[name] for name in names}
