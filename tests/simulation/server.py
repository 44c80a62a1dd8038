"""One of our processes: a whole core on the shared database, its loops, and its death."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hazina.api.endpoint import Endpoint
from hazina.api.route import Router
from hazina.api.table import ROUTES
from hazina.bootstrap.app import Core, wire
from hazina.bootstrap.settings import Settings
from hazina.db.unit import Overloaded
from hazina.ids import SeededIds
from hazina.rails.transport import Transport
from hazina.webhooks.deliveries import WebhookDeliveries
from hazina.webhooks.fanning import FanOut
from hazina.webhooks.health import EndpointHealth
from hazina.workers.deliver import Deliver
from hazina.workers.loop import Loop, Step
from hazina.workers.notices import told_in_the_log
from hazina.workers.sender import WebhookSender
from hazina.workers.settings import WorkerSettings
from tests.simulation.loop import Process, VirtualClock, VirtualLoop
from tests.simulation.network import PROVIDER_URL, SECRET
from tests.simulation.queries import QUERIES
from tests.simulation.store import Connection, Database, WaitingReader

SETTINGS = Settings(
    pepper="p" * 32, simulator_url=PROVIDER_URL, callback_secret=SECRET,
    rate_read_per_minute=0, rate_write_per_minute=0,
)  # fmt: skip
ROUTER = Router(ROUTES)
_PAUSE_AFTER_ERROR_MS = 2_000


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sends."""

    method: str
    path: str
    api_key: str
    fields: Mapping[str, str]
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What a client reads."""

    status: int
    body: bytes
    replayed: bool


class Server:
    """Starts with `start`; `kill` takes it away with everything that it was doing."""

    def __init__(
        self, loop: VirtualLoop, name: str, database: Database, transport: Transport, seed: int,
        sender: WebhookSender | None, skew_ms: int = 0,
    ) -> None:  # fmt: skip
        self._loop = loop
        self.process = Process(name, skew_ms)
        self._clock = VirtualClock(loop, skew_ms)
        self._store = Connection(database, self._clock)
        self._transport = transport
        self._ids = SeededIds(seed, self._clock.now)
        self._sender = sender
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked = 0
        self._loops: list[Loop] = []
        self._core: Core | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be reached."""
        return self.process.alive

    @property
    def core(self) -> Core:
        """The core that runs."""
        assert self._core is not None
        return self._core

    async def start(self) -> None:
        """Wire the core and start the loops."""
        await self._within(self._start())

    async def _start(self) -> None:
        reader = WaitingReader(self._store, QUERIES)
        core = await wire(SETTINGS, self._clock, self._ids, self._store, reader, self._transport)
        self._core = core
        self._endpoint = Endpoint(core, ROUTER)
        steps: dict[str, tuple[Step, int]] = {
            "janitor": (core.dispatch.run_due, 3_000),
            "inbox": (core.callbacks.process_due, 2_300),
        }
        if self._sender is not None:
            fan_out, deliver = self._webhooks(core, reader, self._sender)
            steps["fan_out"] = (lambda: fan_out.step(100), 2_300)
            steps["deliver"] = (deliver.step, 1_900)
        self._steps = {name: step for name, (step, _) in steps.items()}
        self._loops = [
            Loop(name, step, self._clock, interval_ms=interval_ms,
                 pause_after_error_ms=_PAUSE_AFTER_ERROR_MS)
            for name, (step, interval_ms) in steps.items()
        ]  # fmt: skip
        for loop in self._loops:
            self._loop.create_task(loop.run(), name=loop.name)

    def _webhooks(
        self, core: Core, reader: WaitingReader, sender: WebhookSender
    ) -> tuple[FanOut, Deliver]:
        deliveries = WebhookDeliveries(reader, core.writer, self._clock, self._ids)
        health = EndpointHealth(reader, core.writer, self._clock, self._ids, told_in_the_log)
        settings = WorkerSettings()
        return (
            FanOut(reader, core.writer, core.events, self._clock),
            Deliver(deliveries, health, sender, self._clock, settings, lambda: None),
        )

    def kill(self) -> None:
        """End it at once: nothing of it runs any more, and its clients see the connection lost."""
        self.process.alive = False
        self._store.die()
        for future in self._waiting.values():
            if not future.done():
                future.set_result(None)

    async def rest(self) -> None:
        """End the loops; what is due is done only when `work` is called."""
        for loop in self._loops:
            loop.close()

    async def work(self, *, late: bool = False) -> None:
        """Do once what the loops do; with `late` also what falls due after days."""
        for step in self._steps.values():
            try:
                await self._within(step())
            except Overloaded:
                continue  # As a loop does, it tries again with the next look.
        if late:
            while await self._within(self.core.payments.expire_due()):
                pass
            while await self._within(self.core.payments.release_due()):
                pass

    async def ask(self, request: Request) -> Answered | None:
        """Return the answer, or None when the process died before it was read."""
        answered: Answered | None = await self._reply(self._answer(request))
        return answered

    async def call_back(self, headers: Mapping[str, str], body: bytes) -> int | None:
        """Take a callback in; return the HTTP status, or None when there is no answer."""

        async def taken() -> int:
            try:
                return 200 if await self.core.callbacks.receive("sandbox", headers, body) else 400
            except Overloaded:
                return 503

        status: int | None = await self._reply(taken())
        return status

    async def _within(self, work: Any) -> Any:
        """Do something in the process; return None when it died meanwhile."""
        return await self._reply(work)

    async def _reply(self, work: Any) -> Any:
        if not self.alive:
            work.close()
            return None
        self._asked += 1
        number = self._asked
        future = self._waiting[number] = self._loop.create_future()
        task = self._loop.create_task(work, context=self.process.context.copy())
        task.add_done_callback(_passing_on(future))
        try:
            return await future
        finally:
            del self._waiting[number]

    async def _answer(self, request: Request) -> Answered:
        encoded = _form(tuple(request.fields.items()))
        posted = request.method == "POST"
        headers = [
            (b"authorization", b"Bearer " + request.api_key.encode()),
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"content-length", b"%d" % (len(encoded) if posted else 0)),
        ]
        if request.idempotency_key is not None:
            headers.append((b"idempotency-key", request.idempotency_key.encode()))
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": encoded, "more_body": False}

        async def keep(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": request.method, "path": request.path,
            "query_string": b"" if posted else encoded, "headers": headers,
        }  # fmt: skip
        await self._endpoint(scope, receive, keep)
        replayed = (b"idempotent-replayed", b"true") in sent[0]["headers"]
        return Answered(sent[0]["status"], sent[1]["body"], replayed)


@lru_cache(maxsize=4_096)
def _form(fields: tuple[tuple[str, str], ...]) -> bytes:
    """Return a form's body; most are sent more than once."""
    return urllib.parse.urlencode(fields).encode()


def _passing_on(future: asyncio.Future[Any]) -> Callable[[asyncio.Task[Any]], None]:
    def pass_on(task: asyncio.Task[Any]) -> None:
        if future.done() or task.cancelled():
            return
        error = task.exception()
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(task.result())

    return pass_on
