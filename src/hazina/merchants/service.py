"""One door to merchants: create them, issue and revoke their keys, tell who is calling."""

from __future__ import annotations

from datetime import datetime

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.unit import Claim, RowVersion, Unit, Update
from hazina.db.writer import Writer
from hazina.ids import Ids
from hazina.merchants.merchant import Caller, Merchant, from_row
from hazina.refusals import Code, Refusal
from hazina.secrets import keyed_hash

__all__ = ["Caller", "Merchant", "Merchants"]
_CACHE_MS = 5_000
_CACHE_COUNT_MAX = 10_000


class Merchants:
    """Finds merchants by key through a cache that is at most five seconds old."""

    def __init__(
        self, reader: Reader, writer: Writer, clock: Clock, ids: Ids, pepper: bytes
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._ids = ids
        self._pepper = pepper
        self._cache: dict[str, tuple[int, Merchant, bool]] = {}

    async def authenticate(self, api_key: str, request_id: str) -> Caller:
        """Tell whose key this is. Refuses `api_key_invalid` and `api_key_expired`."""
        now_ms = self._clock.monotonic_ms()
        cached = self._cache.get(api_key)
        if cached is None or now_ms - cached[0] > _CACHE_MS:
            merchant, publishable = await self._find(api_key)
            if len(self._cache) >= _CACHE_COUNT_MAX:
                self._cache.clear()
            cached = self._cache[api_key] = (now_ms, merchant, publishable)
        return Caller(cached[1], cached[2], request_id)

    async def get(self, merchant_id: str) -> Merchant:
        """Return a merchant that exists."""
        row = await self._reader.get("merchant", (merchant_id,))
        assert row is not None, f"merchant {merchant_id} is referred to and does not exist"
        return from_row(row)

    async def create(
        self,
        *,
        livemode: bool = False,
        business_name: str = "Duka",
        country: str = "KE",
        default_currency: str = "kes",
        account_id: str | None = None,
        fee_basis_points: int = 290,
        overdraft_minor: int = 100_000,
        email: str | None = None,
    ) -> Merchant:
        """Open a merchant in one mode."""
        account = account_id or self._ids.new("acct")
        merchant = Merchant(
            f"{account}_{'live' if livemode else 'test'}", account, livemode, country,
            default_currency, business_name, email, fee_basis_points, overdraft_minor,
            self._clock.now(),
        )  # fmt: skip
        row = {name: getattr(merchant, name) for name in Merchant.__slots__}
        unit = Unit(merchant.merchant_id, claims=(Claim("merchant", row),))
        await self._writer.submit(unit)
        return merchant

    async def issue_key(
        self, merchant: Merchant, *, publishable: bool = False, key: str | None = None
    ) -> str:
        """Make an API key and return it: the only time that it can be read."""
        kind = "pk" if publishable else "sk"
        mode = "live" if merchant.livemode else "test"
        secret = key or f"{kind}_{mode}_{self._ids.secret()}"
        row = {
            "hash": keyed_hash(self._pepper, secret), "merchant_id": merchant.merchant_id,
            "publishable": publishable, "last4": secret[-4:], "created": self._clock.now(),
            "revoked_at": None,
        }  # fmt: skip
        await self._writer.submit(Unit(merchant.merchant_id, claims=(Claim("api_key", row),)))
        return secret

    async def revoke_key(self, api_key: str) -> None:
        """End a key; every process forgets it within five seconds."""
        key = (keyed_hash(self._pepper, api_key),)
        row = await self._reader.get("api_key", key)
        if row is None:
            raise _invalid(api_key)
        revoked_at: datetime = self._clock.now()
        await self._writer.submit(
            Unit(
                row["merchant_id"],
                relies_on=(RowVersion("api_key", key, row["version"]),),
                writes=(Update("api_key", key, row["version"], {"revoked_at": revoked_at}),),
            )
        )
        self._cache.pop(api_key, None)

    async def _find(self, api_key: str) -> tuple[Merchant, bool]:
        row = await self._reader.get("api_key", (keyed_hash(self._pepper, api_key),))
        if row is None:
            raise _invalid(api_key)
        if row["revoked_at"] is not None:
            raise Refusal(
                Code.API_KEY_EXPIRED,
                f"This API key was revoked: {_shown(api_key)}. Use a key that is still valid.",
            )
        return await self.get(row["merchant_id"]), row["publishable"]


def _shown(api_key: str) -> str:
    return f"{api_key[:8]}***{api_key[-4:]}" if len(api_key) > 16 else "***"


def _invalid(api_key: str) -> Refusal:
    return Refusal(Code.API_KEY_INVALID, f"Invalid API Key provided: {_shown(api_key)}")
