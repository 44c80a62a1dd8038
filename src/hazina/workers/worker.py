"""The worker: all loops of a process, started together and drained together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from hazina.bootstrap import streams
from hazina.bootstrap.app import Core
from hazina.kafka.relay import Relay
from hazina.merchants.test_clock import TestClock
from hazina.webhooks.deliveries import WebhookDeliveries
from hazina.webhooks.fanning import FanOut
from hazina.webhooks.health import EndpointHealth
from hazina.workers.deliver import Deliver
from hazina.workers.lags import lags
from hazina.workers.loop import Loop, LoopReport, Step
from hazina.workers.notices import Notices
from hazina.workers.posting import PostLimits
from hazina.workers.retention import KeepDays, Retention
from hazina.workers.sender import WebhookSender
from hazina.workers.settings import WorkerSettings

_log = structlog.get_logger("hazina.workers")


class Worker:
    """Runs the loops over one core, inside the API's process or in one of its own.

    Any number of workers may run: rows are taken by version, so none does another's work twice.
    """

    def __init__(
        self,
        core: Core,
        settings: WorkerSettings | None = None,
        *,
        wants: Callable[[str], bool] = lambda name: True,
    ) -> None:
        """`wants` chooses the loops of this process by name; others must run somewhere else."""
        self._core = core
        self._settings = settings or WorkerSettings()
        chosen = self._settings
        self._sender = WebhookSender(
            core.clock,
            core.settings.webhook_policy,
            PostLimits(timeout_ms=core.settings.webhook_timeout_ms),
        )
        deliveries = WebhookDeliveries(
            core.reader, core.writer, core.clock, core.ids, chosen.schedule
        )
        self._notices = Notices(core.settings, core.reader, core.clock)
        health = EndpointHealth(
            core.reader, core.writer, core.clock, core.ids, self._notices.disabled,
            chosen.disable_after_ms,
        )  # fmt: skip

        def again() -> None:
            self._deliver_loop.nudge()

        self._deliver = Deliver(deliveries, health, self._sender, core.clock, chosen, again)
        self._deliver_loop = self._loop("deliver", self._deliver.step, chosen.deliver_interval_ms)
        self._fan_out = fan_out = FanOut(core.reader, core.writer, core.events, core.clock, again)
        loops = (
            self._loop(
                "fan_out",
                lambda: fan_out.step(chosen.fan_out_limit),
                chosen.fan_out_interval_ms,
                chosen.fan_out_eager_ms,
                chosen.fan_out_limit,
            ),
            self._deliver_loop,
            self._loop("webhook_replays", core.webhook_replays.step, chosen.replay_interval_ms),
            *self._core_loops(),
        )
        self._loops = tuple(loop for loop in loops if wants(loop.name))
        self.draining = False
        self._tasks: list[asyncio.Task[None]] = []
        self._nudging: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start every loop."""
        assert not self._tasks, "a worker is started once"
        self._tasks = [
            asyncio.create_task(loop.run(), name=f"worker {loop.name}") for loop in self._loops
        ]
        nudges = self._core.nudges
        self._nudging = [
            asyncio.create_task(self._pass_on(nudges.events, ("fan_out", "relay"))),
            asyncio.create_task(self._pass_on(nudges.callbacks, ("inbox",))),
        ]

    @property
    def troubled(self) -> list[str]:
        """Names of the loops whose last step failed."""
        return [loop.name for loop in self._loops if not loop.healthy]

    def reports(self) -> dict[str, LoopReport]:
        """Return how each loop fares."""
        return {loop.name: loop.report() for loop in self._loops}

    async def lags(self) -> dict[str, int]:
        """Return for how many seconds the oldest work of each loop has been waiting."""
        names = {loop.name for loop in self._loops}
        waiting = await lags(self._core.reader)
        return {name: seconds for name, seconds in waiting.items() if name in names}

    def notes(self) -> dict[str, str]:
        """Return what loops wait for outside, in words."""
        relay = self._core.relay
        return {"relay": relay.waits} if relay is not None and relay.waits else {}

    async def close(self) -> None:
        """Let each loop end its step and the deliveries under way end, within a bounded time."""
        self.draining = True
        for loop in self._loops:
            loop.close()
        if self._tasks:
            for nudging in self._nudging:
                nudging.cancel()
            _, late = await asyncio.wait(self._tasks, timeout=self._settings.drain_ms / 1000)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        relay = self._core.relay
        ends = (
            *([relay.close()] if relay else []),
            self._deliver.drain(self._settings.drain_ms),
            self._sender.close(),
            self._notices.close(),
        )
        for end in ends:
            try:
                await end
            except Exception as problem:
                # The database may be away: leases run out by themselves, the others end all the
                # same.
                _log.warning("worker_end", problem=type(problem).__name__)

    def _core_loops(self) -> list[Loop]:
        core, chosen, limit = self._core, self._settings, self._settings.batch_limit
        relay = core.relay
        return [
            *([self._relay_loop(relay)] if relay else []),
            self._loop(
                "janitor", lambda: core.dispatch.run_due(chosen.janitor_limit),
                chosen.janitor_interval_ms,
            ),
            self._loop(
                "inbox", lambda: core.callbacks.process_due(chosen.inbox_limit),
                chosen.inbox_interval_ms,
            ),
            self._loop(
                "release_funds", lambda: core.payments.release_due(limit),
                chosen.release_interval_ms,
            ),
            self._loop("expiry", core.payments.expire_due, chosen.expiry_interval_ms),
            self._loop("checkout", core.checkout.following.follow, chosen.checkout_interval_ms),
            self._loop(
                "expire_checkout", lambda: core.checkout.following.expire_due(limit),
                chosen.expire_interval_ms,
            ),
            self._loop(
                "ledger_expiry", lambda: core.ledgers.expire_due(limit),
                chosen.ledger_expiry_interval_ms,
            ),
            self._loop(
                "test_clocks",
                lambda: core.test_clocks.advance_due((self._inquire, self._release, self._expire)),
                chosen.test_clocks_interval_ms,
            ),
            self._loop("purge", core.idempotency.purge, chosen.purge_interval_ms),
            self._loop("retention", self._retention().step, chosen.retention_interval_ms),
            self._loop("forget_consumed", self._forget_consumed, chosen.retention_interval_ms),
        ]  # fmt: skip

    def _relay_loop(self, relay: Relay) -> Loop:
        interval_ms = self._settings.relay_interval_ms
        return self._loop("relay", relay.step, interval_ms, full=relay.events_max)

    def _retention(self) -> Retention:
        core = self._core
        keep = KeepDays(core.settings.keep_deliveries_days, core.settings.keep_callbacks_days)
        return Retention(core.reader, core.writer, core.clock, keep)

    async def _forget_consumed(self) -> int:
        """Forget that our consumers applied what no topic keeps any more."""
        core = self._core
        kits = [
            streams.applying(core.reader, core.writer, core.clock, name)
            for name in streams.HANDLERS
        ]
        return sum([await kit.purge() for kit in kits])

    async def _inquire(self, clock: TestClock) -> None:
        """Ask about what a test clock that advances makes due."""
        await self._core.dispatch.hurry(clock)
        await self._core.dispatch.run_due(self._settings.batch_limit)

    async def _release(self, _: TestClock) -> None:
        """Release all funds whose day has come, by whichever clock."""
        limit = self._settings.batch_limit
        while await self._core.payments.release_due(limit) >= limit:
            pass

    async def _expire(self, _: TestClock) -> None:
        """End all authorizations and checkout sessions that have expired, by whichever clock."""
        while await self._core.payments.expire_due():
            pass
        limit = self._settings.batch_limit
        while await self._core.checkout.following.expire_due(limit) >= limit:
            pass

    def _loop(
        self, name: str, step: Step, interval_ms: int, eager_ms: int | None = None,
        full: int | None = None,
    ) -> Loop:  # fmt: skip
        pause_ms = self._settings.pause_after_error_ms
        return Loop(
            name, step, self._core.clock, interval_ms=interval_ms, pause_after_error_ms=pause_ms,
            eager_ms=eager_ms, full=full,
        )  # fmt: skip

    async def _pass_on(self, nudge: asyncio.Event, names: tuple[str, ...]) -> None:
        """Wake the loops that have something to do after a commit in this process."""
        while True:
            await nudge.wait()
            nudge.clear()
            for loop in self._loops:
                if loop.name in names:
                    loop.nudge()
            # Under load one look per pause is enough for all commits within it.
            await self._core.clock.sleep_ms(5 if self._fan_out.trickling else 50)
