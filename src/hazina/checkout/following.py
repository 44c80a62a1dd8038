"""What workers do for checkout: follow the payments in the event log, and end what is over."""

from __future__ import annotations

from hazina.checkout.paying import Paying
from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Claim, Lane, RowVersion, Unit, Update
from hazina.db.writer import Writer
from hazina.merchants.service import Merchants

_CURSOR = "checkout_cursor"
_KEY = ("payments",)
_EVENTS_MAX = 2_000


class Following:
    """Settles the sessions whose payments changed, by whatever door, and those whose time is over.

    The place in the log moves only after every session of a stretch was settled; settling twice
    changes nothing. So each payment completes its session once, also after a crash and with any
    number of workers.
    """

    def __init__(
        self, *, reader: Reader, writer: Writer, clock: Clock, merchants: Merchants, paying: Paying
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._merchants = merchants
        self._paying = paying

    async def follow(self) -> int:
        """Settle the sessions of the next stretch of the log; return how many there were."""
        at = await self._cursor()
        place = {"xid": str(int(at["xid"])), "position": at["position"], "limit": _EVENTS_MAX}
        rows = await self._reader.query("checkout_paid_or_not", place)
        if not rows:
            return 0
        found = [row for row in rows if row["id"] is not None]
        await self._settle(found)
        end = next(row for row in rows if row["id"] is None)
        unit = Unit(
            "",
            relies_on=(RowVersion(_CURSOR, _KEY, at["version"]),),
            writes=(
                Update(
                    _CURSOR, _KEY, at["version"],
                    {"xid": int(end["xid"]), "position": end["position"]},
                ),
            ),
            lane=Lane.BULK,
        )  # fmt: skip
        await self._writer.submit(unit)
        # A full stretch is followed by the next one without a pause.
        return max(len(found), int(end["events"]) // _EVENTS_MAX)

    async def expire_due(self, limit: int) -> int:
        """Settle sessions whose time is over; return how many there were."""
        rows = await self._reader.query(
            "checkout_session_due", {"now": self._clock.now(), "limit": limit}
        )
        await self._settle(list(rows))
        return len(rows)

    async def _settle(self, rows: list[Row]) -> None:
        for row in rows:
            merchant = await self._merchants.get(row["merchant_id"])
            await self._paying.settle(merchant, (row["merchant_id"], row["id"]))

    async def _cursor(self) -> Row:
        row = await self._reader.get(_CURSOR, _KEY)
        if row is None:
            first = {"name": _KEY[0], "xid": 0, "position": 0}
            await self._writer.submit(Unit("", claims=(Claim(_CURSOR, first),), lane=Lane.BULK))
            row = await self._reader.get(_CURSOR, _KEY)
        assert row is not None, "a cursor that was claimed exists"
        return row
