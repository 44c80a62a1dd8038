"""The delivery step: give each endpoint its turn and keep a hanging one from taking the others'."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from hazina.webhooks.deliveries import Due, WebhookDeliveries
from hazina.workers.sender import WebhookSender
from hazina.workers.settings import WorkerSettings


class Deliver:
    """Starts due deliveries, a few per endpoint at a time, and settles them as they end."""

    def __init__(
        self,
        deliveries: WebhookDeliveries,
        sender: WebhookSender,
        settings: WorkerSettings,
        again: Callable[[], None],
    ) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._settings = settings
        self._again = again
        self._running: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._per_endpoint: Counter[str] = Counter()

    async def step(self) -> int:
        """Start what is due and has room; return how many were started."""
        limit = self._settings.deliveries_per_endpoint_max
        busy = [endpoint for endpoint, count in self._per_endpoint.items() if count >= limit]
        started = 0
        for due in await self._deliveries.due(limit, busy):
            if len(self._running) >= self._settings.deliveries_in_flight_max:
                break
            if due.key in self._running or self._per_endpoint[due.endpoint] >= limit:
                continue
            self._start(due)
            started += 1
        # What was started is still due in the database until it is taken: look again only then.
        return 0

    async def drain(self, within_ms: int) -> None:
        """Wait for the deliveries under way; what does not end is left to its lease."""
        running = list(self._running.values())
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=within_ms / 1000)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _start(self, due: Due) -> None:
        self._per_endpoint[due.endpoint] += 1
        task = asyncio.create_task(self._deliver(due), name=f"webhook {due.event_id}")
        self._running[due.key] = task
        task.add_done_callback(lambda done: self._finished(due, done))

    async def _deliver(self, due: Due) -> None:
        taken = await self._deliveries.take(due, self._settings.delivery_lease_ms)
        if taken is None:
            return
        livemode = taken.merchant_id.endswith("_live")
        attempt = await self._sender.send(taken, livemode=livemode)
        await self._deliveries.settle(taken, attempt)

    def _finished(self, due: Due, task: asyncio.Task[None]) -> None:
        del self._running[due.key]
        self._per_endpoint[due.endpoint] -= 1
        if not self._per_endpoint[due.endpoint]:
            del self._per_endpoint[due.endpoint]
        if task.cancelled() or task.exception() is not None:
            return  # Not settled: the row is due again when its lease has run out.
        self._again()
