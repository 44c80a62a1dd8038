"""Sending again: one event, all of a time, all that failed; and an event that only tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Claim, Committed, Insert, Lane, RowVersion, Unit, Update
from hazina.db.writer import Writer
from hazina.events.service import record
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids, first_id_of
from hazina.merchants.service import Caller
from hazina.refusals import Code, Refusal, shown_id
from hazina.webhooks.endpoint import hears
from hazina.webhooks.fanning import new_delivery
from hazina.webhooks.records import demand_endpoint
from hazina.webhooks.view import delivery_view, endpoint_view, replay_view

_DELIVERY = "webhook_delivery"
_REPLAY = "webhook_replay"
_STEP_MAX = 200


class WebhookReplays:
    """Makes deliveries due again; they then take the ordinary way, on a schedule from its start."""

    def __init__(
        self, reader: Reader, writer: Writer, idempotency: Idempotency, clock: Clock, ids: Ids
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._idempotency = idempotency
        self._clock = clock
        self._ids = ids

    async def one(
        self, caller: Caller, endpoint_id: str, event_id: str, request: IdempotencyRequest | None
    ) -> Answer:
        """Send one event again, or for the first time; answer with its delivery.

        Refuses `resource_missing`. The endpoint need not have asked for the event's type.
        """
        merchant_id = caller.merchant.merchant_id

        async def load() -> Row:
            await demand_endpoint(self._reader, caller, endpoint_id)
            rows = await self._reader.query(
                "webhook_replay_one",
                {"merchant_id": merchant_id, "endpoint": endpoint_id, "event": event_id},
            )
            if not rows:
                message = f"No such event: '{shown_id(event_id)}'"
                raise Refusal(Code.RESOURCE_MISSING, message, param="event")
            return rows[0]

        def decide(found: Row) -> OneUnit:
            now = self._clock.now()
            unit, row = _again(merchant_id, endpoint_id, found, now, Lane.PAYMENT)
            shown = row | {"next_at": now}
            return OneUnit(unit, delivery_view(shown, livemode=caller.merchant.livemode))

        return await self._idempotency.run_once(request, merchant_id, load, decide)

    async def many(
        self,
        caller: Caller,
        endpoint_id: str,
        params: dict[str, Any],
        request: IdempotencyRequest | None,
    ) -> Answer:
        """Begin to send many events again: those of a time (`created`), or what failed.

        A worker carries it out. Refuses `resource_missing`, and `parameter_missing` where neither
        `created` nor `what=failed` bounds it.
        """
        merchant = caller.merchant
        created = params.get("created") or {}
        what = params.get("what") or "all"
        if not created and what != "failed":
            raise Refusal(
                Code.PARAMETER_MISSING,
                "Missing required param: created. Say from when events are to be sent again, as "
                "created[gte]=1767225600, or send what=failed for all deliveries that failed.",
                param="created",
            )
        low, high = _range(created)

        async def load() -> None:
            await demand_endpoint(self._reader, caller, endpoint_id)

        def decide(_: None) -> OneUnit:
            row = {
                "merchant_id": merchant.merchant_id, "id": self._ids.new("whr"),
                "endpoint": endpoint_id, "what": what, "low": low, "high": high, "reached": "",
                "state": "running", "replayed": 0, "created": self._clock.now(),
            }  # fmt: skip
            unit = Unit(merchant.merchant_id, writes=(Insert(_REPLAY, row),))
            return OneUnit(unit, replay_view(row, livemode=merchant.livemode))

        return await self._idempotency.run_once(request, merchant.merchant_id, load, decide)

    async def retrieve(self, caller: Caller, replay_id: str) -> dict[str, Any]:
        """Render a replay of many. Refuses `resource_missing`."""
        row = await self._reader.get(_REPLAY, (caller.merchant.merchant_id, replay_id))
        if row is None:
            message = f"No such webhook replay: '{shown_id(replay_id)}'"
            raise Refusal(Code.RESOURCE_MISSING, message, param="id")
        return replay_view(row, livemode=caller.merchant.livemode)

    async def test(
        self, caller: Caller, endpoint_id: str, request: IdempotencyRequest | None
    ) -> Answer:
        """Send an event to this endpoint alone; answer with the delivery.

        Refuses `resource_missing`, and `parameter_invalid` while it is disabled or paused.
        """
        merchant = caller.merchant

        async def load() -> Row:
            return await demand_endpoint(self._reader, caller, endpoint_id)

        def decide(row: Row) -> OneUnit:
            if row["status"] != "enabled" or row["paused"]:
                raise Refusal(
                    Code.PARAMETER_INVALID,
                    f"The webhook endpoint {endpoint_id} is disabled or paused: enable or resume "
                    "it, then test it.",
                    param="id",
                )
            now, event_id = self._clock.now(), self._ids.new("evt")
            event = record(
                merchant_id=merchant.merchant_id, livemode=merchant.livemode, event_id=event_id,
                type="hazina.webhook_endpoint.test",
                object_view=endpoint_view(row, livemode=merchant.livemode),
                object_id=endpoint_id, sequence=row["version"], created=now,
                request_id=caller.request_id or None,
            )  # fmt: skip
            delivery = new_delivery(merchant.merchant_id, endpoint_id, event_id, 0, now, None)
            unit = Unit(merchant.merchant_id, claims=(Claim(_DELIVERY, delivery),), writes=(event,))
            shown = delivery_view({**delivery, "next_at": now}, livemode=merchant.livemode)
            return OneUnit(unit, shown)

        return await self._idempotency.run_once(request, merchant.merchant_id, load, decide)

    async def step(self) -> int:
        """Carry a part of some replay out, in turns; return how many events were made due again.

        After a crash the same part is made due once more, which sends at most that part twice.
        """
        jobs = await self._reader.query("webhook_replay_next", {})
        if not jobs:
            return 0
        job = jobs[0]
        found = await self._found(job)
        done = await self._make_due(job, found)
        last = found[-1]["event_id"] if found else job["reached"]
        changes: dict[str, Any] = {"reached": last, "replayed": job["replayed"] + done}
        if len(found) < _STEP_MAX:
            changes["state"] = "done"
        key = (job["merchant_id"], job["id"])
        await self._writer.submit(
            Unit(
                job["merchant_id"],
                relies_on=(RowVersion(_REPLAY, key, job["version"]),),
                writes=(Update(_REPLAY, key, job["version"], changes),),
                lane=Lane.BULK,
            )
        )
        return max(1, len(found))

    async def _found(self, job: Row) -> Sequence[Row]:
        name = f"webhook_replay_{job['what']}"
        parameters = {name: job[name] for name in ("merchant_id", "endpoint", "low", "high")}
        parameters |= {"after": job["reached"], "limit": _STEP_MAX}
        return await self._reader.query(name, parameters)

    async def _make_due(self, job: Row, found: Sequence[Row]) -> int:
        """Make each due again that the endpoint would hear of; return how many there were."""
        now = self._clock.now()
        units = [
            _again(job["merchant_id"], job["endpoint"], row, now, Lane.BULK)[0]
            for row in found
            if row["version"] is not None or hears(row["enabled_events"], row["type"])
        ]
        verdicts = await asyncio.gather(*(self._writer.submit(unit) for unit in units))
        return sum(isinstance(verdict, Committed) for verdict in verdicts)


def _again(
    merchant_id: str, endpoint: str, found: Row, now: datetime, lane: Lane
) -> tuple[Unit, dict[str, Any]]:
    """Return what makes one delivery due, and its row as it is then.

    A delivery under way stays as it is: its answer is about to come.
    """
    event_id = found["event_id"]
    if found["version"] is None:
        row = new_delivery(
            merchant_id, endpoint, event_id, found["position"], now, found["event_merchant"]
        )
        return Unit(merchant_id, claims=(Claim(_DELIVERY, row),), lane=lane), dict(row)
    key, version = (merchant_id, endpoint, event_id), found["version"]
    changes = {"state": "pending", "next_at": 0, "schedule_from": found["attempts"]}
    relied = (RowVersion(_DELIVERY, key, version),)
    kept = {name: found[name] for name in ("endpoint", "event_id", "attempts", "last_status")}
    row = {**kept, "created": found["created"], "state": "pending"}
    if found["sending"]:
        return Unit(merchant_id, relies_on=relied, lane=lane), row
    return (
        Unit(
            merchant_id, relies_on=relied, writes=(Update(_DELIVERY, key, version, changes),),
            lane=lane,
        ),
        row,
    )  # fmt: skip


def _range(created: dict[str, int]) -> tuple[str | None, str | None]:
    """Return the ids between which the events lie that were recorded within bounds."""
    low = [created["gte"]] if "gte" in created else []
    low += [created["gt"] + 1] if "gt" in created else []
    high = [created["lt"]] if "lt" in created else []
    high += [created["lte"] + 1] if "lte" in created else []
    return (
        first_id_of("evt", max(low)) if low else None,
        first_id_of("evt", min(high)) if high else None,
    )
