"""The delivery step: give each endpoint its turn and keep a hanging one from taking the others'."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import structlog

from hazina.clock import Clock
from hazina.webhooks.deliveries import Due, Tried, WebhookDeliveries
from hazina.webhooks.delivery import UNSENDABLE, Attempt
from hazina.webhooks.health import EndpointHealth
from hazina.workers.lane import Lane
from hazina.workers.sender import Sender
from hazina.workers.settings import WorkerSettings

_SETTLED_AT_ONCE_MAX = 128
_PAUSE_AFTER_ERROR_MS = 500

_log = structlog.get_logger(__name__)


class Deliver:
    """Takes due deliveries, sends a few per endpoint at a time, and settles them in batches."""

    def __init__(
        self,
        deliveries: WebhookDeliveries,
        health: EndpointHealth,
        sender: Sender,
        clock: Clock,
        settings: WorkerSettings,
        again: Callable[[], None],
    ) -> None:
        """`again` is called when there is room to take more."""
        self._deliveries = deliveries
        self._health = health
        self._sender = sender
        self._clock = clock
        self._settings = settings
        self._again = again
        self._lanes: dict[str, Lane] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._tried: list[Tried] = []
        self._settling: asyncio.Task[None] | None = None
        self._closing = False

    async def step(self) -> int:
        """Take what is due and has room; return 0, for who has room again says so."""
        now_ms = self._clock.monotonic_ms()
        rooms = {
            endpoint: lane.room(now_ms, self._share()) for endpoint, lane in self._lanes.items()
        }
        due = await self._deliveries.due(self._settings.lane.at_once, rooms)
        room = self._settings.deliveries_in_flight_max - self._in_hand()
        self._note_more(due, rooms, cut=room < len(due))
        if due and room > 0:
            until_ms = self._clock.monotonic_ms() + self._settings.delivery_lease_ms
            parts = range(0, min(room, len(due)), _SETTLED_AT_ONCE_MAX)
            await asyncio.gather(
                *(
                    self._take(due[first : min(room, first + _SETTLED_AT_ONCE_MAX)], until_ms)
                    for first in parts
                )
            )
        self._begin_all()
        return 0

    async def drain(self, within_ms: int) -> None:
        """Wait for what is under way; what does not end is left to its lease.

        Raises what the database does where nothing can be given back, at the end.
        """
        self._closing = True
        waiting = [due for lane in self._lanes.values() for due, _ in lane.queue]
        for lane in self._lanes.values():
            lane.queue.clear()
        giving_back = asyncio.create_task(self._deliveries.give_back(waiting))
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=within_ms / 1000)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._settling is not None:
            await asyncio.wait([self._settling], timeout=max(1.0, within_ms / 1000))
            self._settling.cancel()
        async with asyncio.timeout(max(1.0, within_ms / 1000)):
            await giving_back

    def _share(self) -> int:
        """Return how much of what one worker may hold falls to each lane."""
        return self._settings.deliveries_in_flight_max // max(1, len(self._lanes))

    def _in_hand(self) -> int:
        """Return how many requests are under way or may begin; not what is taken ahead of them.

        What waits behind a receiver that hangs must not use up the room of the others.
        """
        at_once = self._settings.lane.at_once
        return sum(min(at_once, lane.running + len(lane.queue)) for lane in self._lanes.values())

    def _note_more(self, due: list[Due], rooms: dict[str, int], *, cut: bool) -> None:
        """Note which lanes may have more waiting; the others are not looked for until a fan-out."""
        found = Counter(one.endpoint for one in due)
        for endpoint in rooms.keys() | found.keys():
            lane = self._lane(endpoint)
            asked = rooms.get(endpoint, self._settings.lane.at_once)
            if asked:
                lane.more = cut or found[endpoint] >= asked

    def _lane(self, endpoint: str) -> Lane:
        lane = self._lanes.get(endpoint)
        if lane is None:
            lane = self._lanes[endpoint] = Lane(self._settings.lane)
        return lane

    async def _take(self, due: list[Due], until_ms: int) -> None:
        taken = await self._deliveries.take(due, self._settings.delivery_lease_ms)
        for one in taken:
            lane = self._lane(one.endpoint)
            # What was read may be older than what this worker has noted since.
            lane.failing_since = one.failing_since or lane.failing_since
            lane.queue.append((one, until_ms))
        for endpoint in dict.fromkeys(one.endpoint for one in taken):
            self._begin(self._lanes[endpoint])

    def _begin_all(self) -> None:
        for endpoint, lane in list(self._lanes.items()):
            self._begin(lane)
            if lane.idle(self._clock.monotonic_ms()):
                del self._lanes[endpoint]

    def _begin(self, lane: Lane) -> None:
        """Start what the lane may have under way."""
        now_ms = self._clock.monotonic_ms()
        while lane.may_begin(now_ms):
            due, until_ms = lane.queue.popleft()
            if now_ms > until_ms - self._sender.timeout_ms:
                # It could be another worker's before the receiver has answered.
                self._spawn(self._deliveries.give_back([due]), "give back")
                continue
            lane.running += 1
            self._spawn(self._deliver(lane, due), due.event_id)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=f"webhook {name}")
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Not settled: the row is due again when its lease has run out.
            _log.error("webhook_delivery_lost", task=task.get_name(), error=repr(error))

    async def _deliver(self, lane: Lane, due: Due) -> None:
        began, began_ms = self._clock.now(), self._clock.monotonic_ms()
        try:
            attempt = await self._sender.send(due)
        except Exception as error:
            _log.error("webhook_unsendable", event_id=due.event_id, error=repr(error))
            attempt = Attempt(None, UNSENDABLE)
        finally:
            lane.running -= 1
        now_ms = self._clock.monotonic_ms()
        attempt = replace(attempt, latency_ms=now_ms - began_ms)
        lane.ended(attempt, now_ms)
        self._tried.append(self._deliveries.tried(due, attempt, began))
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle(), name="webhook settle")
        if self._closing:
            return
        surplus = lane.surplus(now_ms)
        self._begin(lane)
        if surplus:
            await self._deliveries.give_back(surplus)
        if lane.more and lane.room(now_ms, self._share()):
            self._again()
        async with lane.noting:
            await self._note_health(lane, due, attempt)

    async def _note_health(self, lane: Lane, due: Due, attempt: Attempt) -> None:
        if attempt.delivered:
            if lane.failing_since is not None:
                lane.failing_since = None
                await self._health.succeeded(due.merchant_id, due.endpoint)
        elif attempt.gone:
            await self._health.gone(due.merchant_id, due.endpoint)
        else:
            now = self._clock.now()
            if lane.failing_since is None or self._health.too_long(lane.failing_since, now):
                lane.failing_since = lane.failing_since or now
                await self._health.failed(due.merchant_id, due.endpoint)

    async def _settle(self) -> None:
        """Write down all that was tried, as many at once as came while the last were written."""
        while self._tried:
            some = self._tried[:_SETTLED_AT_ONCE_MAX]
            try:
                await self._deliveries.settle(some)
            except Exception as error:
                # The attempts have happened: they are kept until the database takes them.
                _log.error("webhook_attempts_unsettled", count=len(self._tried), error=repr(error))
                await self._clock.sleep_ms(_PAUSE_AFTER_ERROR_MS)
                continue
            del self._tried[: len(some)]
