"""One door to deliveries under way: what is due, taking it, and writing down what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Claim, Committed, Insert, Lane, Quarantined, RowVersion, Unit, Update
from hazina.db.writer import Writer
from hazina.ids import Ids
from hazina.values import replace, value
from hazina.webhooks.delivery import Attempt, Schedule, after
from hazina.webhooks.endpoint import secrets_of

_log = structlog.get_logger("hazina.webhooks")
_DELIVERY = "webhook_delivery"
_ATTEMPT = "webhook_attempt"
_INTERRUPTED = Attempt(None, "interrupted")
"""Of an attempt whose worker was lost before it could write down what came of it."""
_INTERRUPTIONS_MAX = 5
"""So many more attempts than its schedule has may be taken of a delivery."""


@value
class Due:
    """One delivery to attempt: where to, signed with what, and the event's stored bytes."""

    merchant_id: str
    endpoint: str
    event_id: str
    attempts: int
    schedule_from: int
    sending: bool
    version: int
    url: str
    secrets: tuple[str, ...]
    failing_since: datetime | None
    body: bytes

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.merchant_id, self.endpoint, self.event_id)


@dataclass(frozen=True, slots=True)
class Tried:
    """A delivery that was taken, and what its attempt came to.

    The attempt has its id from the start: it is written down once, however often that is tried.
    """

    id: str
    due: Due
    attempt: Attempt
    began: datetime


class WebhookDeliveries:
    """Deliveries are taken and settled many at a time; each row is guarded by its version."""

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        clock: Clock,
        ids: Ids,
        schedule: Schedule | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._ids = ids
        self._schedule = schedule or Schedule()
        self._interrupted_max = len(self._schedule.pauses_ms) + _INTERRUPTIONS_MAX

    async def due(self, room: int, rooms: Mapping[str, int]) -> list[Due]:
        """Return deliveries whose time has come, so many for each endpoint as it has room.

        `rooms` is by endpoint; those that it does not name have `room`.
        """
        parameters = {"room": room, "endpoints": list(rooms), "rooms": list(rooms.values())}
        rows = await self._reader.query("webhook_deliveries_due", parameters)
        now = self._clock.now()
        return [
            Due(
                row["merchant_id"], row["endpoint"], row["event_id"], row["attempts"],
                row["schedule_from"], row["sending"], row["version"], row["url"],
                tuple(secrets_of(row, now)), row["failing_since"], _body(row),
            )
            for row in rows
        ]  # fmt: skip

    async def take(self, due: Sequence[Due], lease_ms: int) -> list[Due]:
        """Count an attempt of each and keep others off them for a while; return those we got.

        An attempt of which nobody wrote down the end is written down as interrupted.
        """
        parts, poison = [], set()
        for one in due:
            interrupted: tuple[Insert, ...] = ()
            if one.sending:
                lost = self.tried(one, _INTERRUPTED, self._clock.now())
                interrupted = (Insert(_ATTEMPT, _row(lost)),)
            changes: dict[str, Any] = {
                "attempts": one.attempts + 1, "next_at": lease_ms, "sending": True,
            }  # fmt: skip
            if one.sending and one.attempts - one.schedule_from >= self._interrupted_max:
                # Whoever sends this one does not live to tell: it waits for a replay.
                poison.add(one.key)
                changes = {
                    "state": "failed", "next_at": None, "sending": False,
                    "last_status": _INTERRUPTED.word,
                }  # fmt: skip
            parts.append(_Part(one, changes, interrupted))
        done = await self._write(parts) - poison
        return [
            replace(one, attempts=one.attempts + 1, version=one.version + 1, sending=True)
            for one in due
            if one.key in done
        ]

    async def give_back(self, taken: Sequence[Due]) -> None:
        """Let others have at once what was taken and not tried; no attempt is counted."""
        changes = {"next_at": 0, "sending": False}
        await self._write(
            [_Part(one, changes | {"attempts": one.attempts - 1}, ()) for one in taken]
        )

    def tried(self, due: Due, attempt: Attempt, began: datetime) -> Tried:
        """Return an attempt that is to be settled."""
        return Tried(self._ids.new("wha"), due, attempt, began)

    async def settle(self, tried: Sequence[Tried]) -> None:
        """Write down attempts and what follows them; after an error the same may be settled again.

        Where the lease was lost meanwhile only the attempt is kept: it happened. What the database
        cannot hold is left to its lease, and then counts as interrupted.
        """
        parts = []
        for one in tried:
            due = one.due
            number = due.attempts - due.schedule_from
            following = after(one.attempt, number, self._schedule, self._ids.jitter(1_000))
            changes = {
                "state": following.state, "next_at": following.delay_ms,
                "last_status": one.attempt.word, "sending": False,
            }  # fmt: skip
            parts.append(_Part(due, changes, (Insert(_ATTEMPT, _row(one)),)))
        done = await self._write(parts)
        late = [part for part in parts if part.due.key not in done]
        await asyncio.gather(*(self._keep(part) for part in late))

    async def counts(self, merchant_id: str, endpoint: str) -> dict[str, int]:
        """Return how many deliveries of an endpoint are in each state."""
        rows = await self._reader.query(
            "webhook_deliveries_count", {"merchant_id": merchant_id, "endpoint": endpoint}
        )
        return {row["state"]: row["count"] for row in rows}

    async def _write(self, parts: Sequence[_Part]) -> set[tuple[str, str, str]]:
        """Commit changes of deliveries, one unit per merchant; return the keys that were ours.

        A unit that somebody else has got into is cut into single ones.
        """
        by_merchant: dict[str, list[_Part]] = {}
        for part in parts:
            by_merchant.setdefault(part.due.merchant_id, []).append(part)
        groups = list(by_merchant.values())
        verdicts = await asyncio.gather(*(self._submit(group) for group in groups))
        done: set[tuple[str, str, str]] = set()
        singles: list[_Part] = []
        for group, ours in zip(groups, verdicts, strict=True):
            if ours:
                done.update(part.due.key for part in group)
            elif len(group) > 1:
                singles.extend(group)
        verdicts = await asyncio.gather(*(self._submit([part]) for part in singles))
        done.update(part.due.key for part, ours in zip(singles, verdicts, strict=True) if ours)
        return done

    async def _keep(self, part: _Part) -> None:
        """Write down an attempt alone, unless it was already: an error may have hidden that."""
        claims = tuple(Claim(_ATTEMPT, insert.row) for insert in part.inserts)
        with suppress(Quarantined):
            await self._writer.submit(Unit(part.due.merchant_id, claims=claims, lane=Lane.BULK))

    async def _submit(self, parts: Sequence[_Part]) -> bool:
        relied, writes = [], []
        for part in parts:
            due = part.due
            relied.append(RowVersion(_DELIVERY, due.key, due.version))
            writes.append(Update(_DELIVERY, due.key, due.version, part.changes))
        inserts = [insert for part in parts for insert in part.inserts]
        unit = Unit(
            parts[0].due.merchant_id, relies_on=tuple(relied), writes=(*writes, *inserts),
            lane=Lane.BULK,
        )  # fmt: skip
        try:
            return isinstance(await self._writer.submit(unit), Committed)
        except Quarantined as error:
            ids = [part.due.event_id for part in parts]
            _log.error("webhook_deliveries_unwritable", event_ids=ids, error=repr(error))
            return False


@value
class _Part:
    """What one delivery contributes to a unit."""

    due: Due
    changes: dict[str, Any]
    inserts: tuple[Insert, ...]


def _row(tried: Tried) -> Row:
    due, attempt = tried.due, tried.attempt
    return {
        "merchant_id": due.merchant_id, "endpoint": due.endpoint, "event_id": due.event_id,
        "id": tried.id, "number": due.attempts, "status": attempt.status,
        "problem": attempt.problem, "latency_ms": attempt.latency_ms, "answer": attempt.answer,
        "created": tried.began,
    }  # fmt: skip


def _body(row: Row) -> bytes:
    """Return the event's stored bytes; a platform is also told which account it is about."""
    body = bytes(row["body"])
    if row["account"] is None:
        return body
    return b'{"account":"%b",%b' % (row["account"].encode(), body[1:])
