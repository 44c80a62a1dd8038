"""One door to merchants: create them, issue and revoke their keys, tell who is calling."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.unit import Claim, Unit
from hazina.db.writer import Writer
from hazina.ids import Ids
from hazina.merchants.accounts import Accounts, no_access
from hazina.merchants.key import ApiKey, Kind, make, shown
from hazina.merchants.key import from_row as key_from_row
from hazina.merchants.key import to_row as to_key_row
from hazina.merchants.keys import ApiKeys
from hazina.merchants.merchant import Caller, Merchant, from_row, merchant_id_of, to_row
from hazina.refusals import Code, Refusal
from hazina.secrets import keyed_hash

__all__ = ["Accounts", "ApiKeys", "Caller", "Merchant", "Merchants"]
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
        self._cache: dict[str, _Known] = {}
        self._acting: dict[tuple[str, str], tuple[int, Merchant]] = {}

    async def authenticate(self, api_key: str, request_id: str) -> Caller:
        """Tell whose key this is. Refuses `api_key_invalid` and `api_key_expired`."""
        now_ms = self._clock.monotonic_ms()
        known = self._cache.get(api_key)
        if known is None or now_ms - known.read_ms > _CACHE_MS:
            known = await self._find(api_key, now_ms)
            if len(self._cache) >= _CACHE_COUNT_MAX:
                self._cache.clear()
            self._cache[api_key] = known
        key = known.key
        if key.revoked_at is not None and key.revoked(self._clock.now()):
            raise Refusal(
                Code.API_KEY_EXPIRED,
                f"This API key was revoked: {known.shown}. Use a key that is still valid.",
            )
        return Caller(known.merchant, key.publishable, request_id, known.shown, key.id, key.scopes)

    async def acting_for(self, caller: Caller, account_id: str) -> Caller:
        """Return the caller as its connected account, which the platform's key names.

        Refuses `account_invalid` for an account that is not there or is somebody else's.
        """
        platform = caller.merchant
        if account_id == platform.account_id:
            return caller
        name = (platform.merchant_id, account_id)
        now_ms = self._clock.monotonic_ms()
        cached = self._acting.get(name)
        if cached is None or now_ms - cached[0] > _CACHE_MS:
            key = merchant_id_of(account_id, platform.livemode)
            row = await self._reader.get("merchant", (key,)) if platform.is_platform else None
            if row is None or row["platform"] != platform.merchant_id:
                raise no_access(caller, account_id)
            if len(self._acting) >= _CACHE_COUNT_MAX:
                self._acting.clear()
            cached = self._acting[name] = (now_ms, from_row(row))
        return replace(caller, merchant=cached[1])

    def forget(self, merchant_id: str) -> None:
        """Let go of what is remembered of a merchant, since it was changed."""
        self._cache = {
            key: known
            for key, known in self._cache.items()
            if known.merchant.merchant_id != merchant_id
        }
        self._acting = {
            name: entry
            for name, entry in self._acting.items()
            if entry[1].merchant_id != merchant_id
        }

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
        is_platform: bool = False,
    ) -> Merchant:
        """Open a merchant in one mode; one that exists stays as it is."""
        account = account_id or self._ids.new("acct")
        merchant = Merchant(
            merchant_id_of(account, livemode), account, livemode, country, default_currency,
            business_name, email, fee_basis_points, overdraft_minor, self._clock.now(),
            is_platform,
        )  # fmt: skip
        unit = Unit(merchant.merchant_id, claims=(Claim("merchant", to_row(merchant)),))
        await self._writer.submit(unit)
        return merchant

    async def issue_key(
        self, merchant: Merchant, *, publishable: bool = False, key: str | None = None
    ) -> str:
        """Make an API key and return it: the only time that it can be read."""
        kind: Kind = "publishable" if publishable else "secret"
        secret, stored = make(self._ids, self._clock, self._pepper, merchant, kind, key=key)
        claim = Claim("api_key", to_key_row(stored))
        await self._writer.submit(Unit(merchant.merchant_id, claims=(claim,)))
        return secret

    async def _find(self, api_key: str, now_ms: int) -> _Known:
        row = await self._reader.get("api_key", (keyed_hash(self._pepper, api_key),))
        if row is None:
            raise _invalid(api_key)
        merchant = await self.get(row["merchant_id"])
        return _Known(now_ms, merchant, key_from_row(row), shown(api_key))


@dataclass(frozen=True, slots=True)
class _Known:
    """A key as it was read, and when."""

    read_ms: int
    merchant: Merchant
    key: ApiKey
    shown: str


def _invalid(api_key: str) -> Refusal:
    return Refusal(Code.API_KEY_INVALID, f"Invalid API Key provided: {shown(api_key)}")
