"""What time it is for a merchant: real time, or a test clock's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.merchants.merchant import Merchant
from hazina.merchants.test_clock import from_row
from hazina.paging import id_range
from hazina.refusals import Code, Refusal, shown_id

_KNOWN_MS = 5_000


class Clocks:
    """The one place that computes a merchant's now.

    It is for what a merchant sees and for what is scheduled in its days: `created`, expiry of
    authorizations and checkout sessions, release of funds. Leases, not-found windows, signatures,
    keys and everything else that guards against real failures take the time from `clock`.

    That a merchant has clocks is known to a process at most five seconds after the first one was
    made; the time of a clock that is known is always read anew.
    """

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._clocked: frozenset[str] = frozenset()
        self._looked_ms: int | None = None

    async def now(self, merchant: Merchant, customer: str | None = None) -> datetime:
        """Return the moment for a merchant's object; `customer` is whom the object belongs to.

        Queries that look for what is due use the function `merchant_now(merchant_id, customer,
        real_now)` of the database, which says the same.
        """
        real_now = self._clock.now()
        if await self.ids_tell_time(merchant):
            return real_now
        rows = await self._reader.query(
            "merchant_now",
            {"merchant_id": merchant.merchant_id, "customer": customer, "real_now": real_now},
        )
        moment: datetime = rows[0]["now"]
        return moment

    async def ids_tell_time(self, merchant: Merchant) -> bool:
        """Say whether the order of ids is that of `created`: so it is without test clocks."""
        return merchant.livemode or merchant.merchant_id not in await self._with_clocks()

    async def span(
        self, merchant: Merchant, prefix: str, created: Mapping[str, int]
    ) -> tuple[str | None, str | None]:
        """Return the ids between which all lies that was created within bounds, if that is known.

        It makes a list by `created` begin at the right place of the primary key. Ids tell real
        time, so nothing is known of merchants that have, or once had, a test clock.
        """
        if not created or not await self.ids_tell_time(merchant):
            return None, None
        return id_range(prefix, created)

    async def of(self, merchant: Merchant, test_clock: str) -> datetime:
        """Return the moment of one clock. Refuses `resource_missing`."""
        row = await self._reader.get("test_clock", (merchant.merchant_id, test_clock))
        if row is None or row["deleted"]:
            raise Refusal(
                Code.RESOURCE_MISSING,
                f"No such test clock: '{shown_id(test_clock)}'",
                param="test_clock",
            )
        return from_row(row).now

    def forget(self) -> None:
        """Look again which merchants have clocks, as after making one."""
        self._looked_ms = None

    async def _with_clocks(self) -> frozenset[str]:
        now_ms = self._clock.monotonic_ms()
        if self._looked_ms is None or now_ms - self._looked_ms > _KNOWN_MS:
            # Set first: of many requests at once only one looks, the others go by what was known.
            self._looked_ms = now_ms
            try:
                rows = await self._reader.query("merchants_with_clocks", {})
            except BaseException:
                self._looked_ms = None
                raise
            self._clocked = frozenset(row["merchant_id"] for row in rows)
        return self._clocked
