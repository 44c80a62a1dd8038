"""An API key: what is known of it, and how it is shown. The key itself is never stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hazina.clock import Clock, unix
from hazina.db.table import Row
from hazina.ids import Ids
from hazina.merchants.merchant import Merchant
from hazina.secrets import keyed_hash

Kind = Literal["secret", "publishable", "restricted"]
PREFIXES: dict[Kind, str] = {"secret": "sk", "publishable": "pk", "restricted": "rk"}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key of a merchant. It works until `revoked_at`, which may lie in the future.

    `scopes` maps resources to `read` or `write` and is None for a key that is not restricted.
    """

    hash: bytes
    merchant_id: str
    publishable: bool
    last4: str
    created: datetime
    revoked_at: datetime | None
    id: str
    name: str | None
    scopes: Mapping[str, str] | None
    version: int = 1

    @property
    def kind(self) -> Kind:
        """Return what sort of key it is."""
        if self.publishable:
            return "publishable"
        return "secret" if self.scopes is None else "restricted"

    def revoked(self, now: datetime) -> bool:
        """Say whether the key works no more."""
        return self.revoked_at is not None and now >= self.revoked_at


def make(
    ids: Ids,
    clock: Clock,
    pepper: bytes,
    merchant: Merchant,
    kind: Kind,
    *,
    name: str | None = None,
    scopes: Mapping[str, str] | None = None,
    key: str | None = None,
) -> tuple[str, ApiKey]:
    """Return a fresh key, or the given one, and what is stored of it."""
    mode = "live" if merchant.livemode else "test"
    secret = key or f"{PREFIXES[kind]}_{mode}_{ids.secret()}"
    stored = ApiKey(
        hash=keyed_hash(pepper, secret), merchant_id=merchant.merchant_id,
        publishable=kind == "publishable", last4=secret[-4:], created=clock.now(),
        revoked_at=None, id=ids.new("ak"), name=name, scopes=scopes,
    )  # fmt: skip
    return secret, stored


def from_row(row: Row) -> ApiKey:
    """Read a key back."""
    return ApiKey(**{name: row[name] for name in ApiKey.__slots__})


def to_row(key: ApiKey) -> dict[str, Any]:
    """Return the row to insert."""
    row = {name: getattr(key, name) for name in ApiKey.__slots__ if name != "version"}
    return row | {"scopes": None if key.scopes is None else dict(key.scopes)}


def view(key: ApiKey, livemode: bool, now: datetime) -> dict[str, Any]:
    """Render a key, without what would let somebody use it."""
    status = "active" if key.revoked_at is None else "expiring"
    return {
        "id": key.id,
        "object": "hazina.api_key",
        "created": unix(key.created),
        "expires_at": None if key.revoked_at is None else unix(key.revoked_at),
        "last4": key.last4,
        "livemode": livemode,
        "name": key.name,
        "scopes": None if key.scopes is None else dict(key.scopes),
        "status": "revoked" if key.revoked(now) else status,
        "type": key.kind,
    }


def shown(api_key: str) -> str:
    """Return what messages may show of a key."""
    return f"{api_key[:8]}***{api_key[-4:]}" if len(api_key) > 16 else "***"
