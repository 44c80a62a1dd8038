"""The relay: carries the event log to Kafka, in the log's safe order; one of several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from hazina.clock import Clock
from hazina.crashpoints import crashpoint, declare
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Claim, Committed, Delete, Lane, RowVersion, Unit, Update
from hazina.db.writer import Writer
from hazina.events.service import Cursor
from hazina.ids import Ids, moment_of
from hazina.kafka.record import Record, SendFailed, record_of, topics
from hazina.values import value

_log = structlog.get_logger("hazina.kafka")
_TABLE = "relay"
_QUARANTINE = "relay_quarantine"
_NAME = "kafka"
_KEY = (_NAME,)
_FLUSH_MS = 500
_REPLAY_MS = 10_000
_TRIES_MAX = 3
_NARROWING = 8
_SILENT = "no answer yet"

declare("relay.before_sending", "relay.after_sending")


@value
class RelaySettings:
    """How much is sent at once, and how long a relay that died keeps the others waiting."""

    topic_prefix: str = "hazina"
    partitions: int = 12
    events_max: int = 5_000
    lease_ms: int = 10_000


class Sender(Protocol):
    """What the relay wants of Kafka."""

    problem: str | None

    async def make_topics(self, names: Sequence[str], partitions: int) -> None:
        """Make topics that are not there."""

    async def send(self, records: Sequence[Record]) -> None:
        """Hand records over. Raises `SendFailed`."""

    async def flush(self, within_ms: int) -> bool:
        """Wait for acknowledgements; say whether all came. Raises `SendFailed`."""

    def forget(self) -> None:
        """Drop what was handed over and not acknowledged."""

    async def close(self) -> None:
        """Drop what is not acknowledged and disconnect."""


@value
class _Place:
    """How far the log was carried, and the version of the row that says so."""

    cursor: Cursor
    version: int


class Relay:
    """Sends every event at least once, an object's events in order.

    The place in the log moves only after every record before it was acknowledged. Its row is also
    the lease: whoever lost it cannot move it any more. A relay that was away and wakes up can only
    repeat what another has sent since, and those who read absorb repetitions by the event's id.
    """

    def __init__(
        self, *, reader: Reader, writer: Writer, clock: Clock, ids: Ids, sender: Sender,
        settings: RelaySettings,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._sender = sender
        self._settings = settings
        self._holder = ids.new("relay")
        self._place: _Place | None = None
        self._renewed_ms = 0
        self._sent: tuple[Cursor, int] | None = None
        self._limit = settings.events_max
        self._tries = 0
        self._waits = False
        self._topics_made = False

    @property
    def events_max(self) -> int:
        """How many events one step carries at most."""
        return self._limit

    async def step(self) -> int:
        """Carry one stretch of the log further; return how many events were acknowledged.

        0 also while another relay holds the log, and while the broker is away.
        """
        if self._place is None and not await self._take():
            return 0
        assert self._place is not None
        try:
            if self._sent is None:
                rows = await self._forward(self._place.cursor)
                if not rows:
                    await self._renew()
                    return 0
                self._sent = (Cursor(int(rows[-1]["xid"]), rows[-1]["position"]), len(rows))
                crashpoint("relay.before_sending")
                await self._hand_over(rows)
            if not await self._sender.flush(_FLUSH_MS):
                self._say_waiting(self._sender.problem or _SILENT)
                await self._renew()
                return 0
        except SendFailed as failed:
            await self._again(failed)
            return 0
        crashpoint("relay.after_sending")
        end, count = self._sent
        self._sent = None
        self._say_flowing()
        return count if await self._move(end) else 0

    async def close(self) -> None:
        """Let another relay go on at once; what is not acknowledged stays owed."""
        await self._sender.close()
        if self._place is not None:
            await self._change({"lease_until": 0, "holder": None})
            self._place = None

    @property
    def waits(self) -> str | None:
        """Why nothing can be sent at present, or None."""
        return (self._sender.problem or _SILENT) if self._waits else None

    async def oldest(self) -> datetime | None:
        """Return when the oldest event that is still owed was recorded, in real time."""
        rows = await self._reader.query("relay_oldest", {"name": _NAME})
        return moment_of(rows[0]["id"]) if rows else None

    async def quarantined(self, limit: int) -> list[Row]:
        """Return what no broker took: merchant, event, reason, since when."""
        return list(await self._reader.query("relay_quarantined", {"limit": limit}))

    async def replay(self, limit: int) -> int:
        """Send what was set aside once more; return how much of it was taken this time.

        Such an event comes behind younger ones of its object. Raises `SendFailed`.
        """
        rows = await self._reader.query("relay_quarantined_events", {"limit": limit})
        sent = 0
        for row in rows:
            await self._hand_over([row])
            if not await self._sender.flush(_REPLAY_MS):
                raise SendFailed(self._sender.problem or "the broker does not answer", {})
            key, version = (row["merchant_id"], row["id"]), row["version"]
            await self._writer.submit(
                Unit(
                    row["merchant_id"],
                    relies_on=(RowVersion(_QUARANTINE, key, version),),
                    writes=(Delete(_QUARANTINE, key, version),),
                    lane=Lane.BULK,
                )
            )
            sent += 1
        return sent

    async def _take(self) -> bool:
        """Become the holder, unless another one is."""
        rows = await self._reader.query("relay_place", {"name": _NAME})
        if not rows:
            first = {"name": _NAME, "xid": 0, "position": 0, "holder": None, "lease_until": None}
            await self._writer.submit(Unit("", claims=(Claim(_TABLE, first),), lane=Lane.BULK))
            rows = await self._reader.query("relay_place", {"name": _NAME})
        row = rows[0]
        if row["held"] and row["holder"] != self._holder:
            return False
        self._place = _Place(Cursor(int(row["xid"]), row["position"]), row["version"])
        if not await self._change({"holder": self._holder}):
            return False
        _log.info("relay_taken", holder=self._holder, before=row["holder"])
        if not self._topics_made:
            await self._sender.make_topics(
                topics(self._settings.topic_prefix), self._settings.partitions
            )
            self._topics_made = True
        return True

    async def _hand_over(self, rows: Sequence[Row]) -> None:
        """Hand the records of some events to the sender. Raises `SendFailed`.

        What fails in another way is to blame on the events: it may be the same again and again.
        """
        wanted = [row for row in rows if not row.get("aside")]
        try:
            await self._sender.send([record_of(row, self._settings.topic_prefix) for row in wanted])
        except SendFailed:
            raise
        except Exception as error:
            self._sender.forget()
            reason = f"{type(error).__name__} while it was handed over"
            refused = {(row["merchant_id"], row["id"]): reason for row in wanted}
            raise SendFailed(reason, refused) from error

    async def _forward(self, after: Cursor) -> Sequence[Row]:
        return await self._reader.query(
            "relay_forward",
            {
                "xid": str(after.xid), "position": after.position,
                "limit": self._limit,
            },
        )  # fmt: skip

    async def _move(self, end: Cursor) -> bool:
        assert self._place is not None
        if not await self._change({"xid": end.xid, "position": end.position}):
            return False
        self._place = _Place(end, self._place.version)
        self._tries = 0
        self._limit = min(self._settings.events_max, self._limit * _NARROWING)
        return True

    async def _renew(self) -> None:
        """Keep the lease while there is nothing to send, or nobody to send it to."""
        if self._clock.monotonic_ms() - self._renewed_ms > self._settings.lease_ms // 3:
            await self._change({})

    async def _change(self, changes: Row) -> bool:
        """Change the row and renew the lease with it; False when another holds it by now."""
        assert self._place is not None
        version = self._place.version
        now_ms = self._clock.monotonic_ms()
        unit = Unit(
            "",
            relies_on=(RowVersion(_TABLE, _KEY, version),),
            writes=(
                Update(
                    _TABLE, _KEY, version, {"lease_until": self._settings.lease_ms, **changes}
                ),
            ),
            lane=Lane.BULK,
        )  # fmt: skip
        if not isinstance(await self._writer.submit(unit), Committed):
            _log.warning("relay_lost", holder=self._holder)
            self._place, self._sent = None, None
            self._sender.forget()
            return False
        self._place = _Place(self._place.cursor, version + 1)
        self._renewed_ms = now_ms
        return True

    async def _again(self, failed: SendFailed) -> None:
        """Owe the stretch once more; set aside what the broker keeps refusing for what it is.

        A broker refuses whole batches of records. So the stretch is narrowed until the culprit is
        alone, and only then are its tries counted.
        """
        self._say_waiting(str(failed))
        count = self._sent[1] if self._sent else 0
        self._sent = None
        if failed.refused and count > 1:
            self._limit = max(1, count // _NARROWING)
        elif failed.refused:
            self._tries += 1
            if self._tries >= _TRIES_MAX:
                for name, reason in failed.refused.items():
                    await self._set_aside(name, reason)
        await self._renew()

    async def _set_aside(self, name: tuple[str, str], reason: str) -> None:
        merchant_id, event_id = name
        row = {
            "merchant_id": merchant_id, "event_id": event_id, "reason": reason,
            "created": self._clock.now(),
        }  # fmt: skip
        await self._writer.submit(
            Unit(merchant_id, claims=(Claim(_QUARANTINE, row),), lane=Lane.BULK)
        )
        _log.error("relay_quarantined", event_id=event_id, reason=reason)

    def _say_waiting(self, problem: str) -> None:
        if not self._waits:
            _log.warning("relay_waits", problem=problem)
        self._waits = True

    def _say_flowing(self) -> None:
        if self._waits:
            _log.info("relay_flows_again")
        self._waits = False
