"""What tests of webhooks stand on: a core's half that delivers, and shops that receive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from hazina.bootstrap.app import SCHEMA, query_files
from hazina.clock import SystemClock
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.unit import RowVersion, Unit, Update
from hazina.db.writer import Writer
from hazina.egress.addresses import AddressPolicy
from hazina.events.service import Events, record
from hazina.idempotency.service import Answer, Idempotency
from hazina.ids import SystemIds
from hazina.merchants.merchant import Caller, Merchant
from hazina.webhooks.deliveries import WebhookDeliveries
from hazina.webhooks.delivery import Schedule
from hazina.webhooks.fanning import FanOut
from hazina.webhooks.health import Disabled, EndpointHealth
from hazina.webhooks.records import WebhookRecords
from hazina.webhooks.replays import WebhookReplays
from hazina.webhooks.service import WebhookEndpoints
from hazina.workers.deliver import Deliver
from hazina.workers.posting import PostLimits
from hazina.workers.sender import Sender, WebhookSender
from hazina.workers.settings import WorkerSettings
from tests.support import event_log

CLOCK, IDS = SystemClock(), SystemIds()
NEAR = AddressPolicy.reading(["127.0.0.0/8", "::1/128"])
MERCHANT = "acct_1_test"


@dataclass(slots=True)
class House:
    """What the tests need of a core."""

    reader: PooledReader
    writer: Writer
    endpoints: WebhookEndpoints
    records: WebhookRecords
    replays: WebhookReplays
    fanning: FanOut
    caller: Caller
    url: str
    told: list[Disabled] = field(default_factory=list)

    async def endpoint(self, url: str, *names: str) -> dict[str, Any]:
        """Make an endpoint."""
        params = {"url": url, "enabled_events": list(names) or ["*"]}
        return shown(await self.endpoints.create(self.caller, params, None))

    async def event(
        self, kind: str = "charge.succeeded", padding: int = 0, created: datetime | None = None
    ) -> str:
        """Record an event of the merchant's."""
        (event_id,) = await self.events(1, kind, padding, created)
        return event_id

    async def events(
        self, count: int, kind: str = "charge.succeeded", padding: int = 0,
        created: datetime | None = None,
    ) -> list[str]:  # fmt: skip
        """Record events in one unit."""
        made = [IDS.new("evt") for _ in range(count)]
        view = {"id": "ch_1", "object": "charge", "description": "x" * padding}
        writes = tuple(
            record(
                merchant_id=MERCHANT, livemode=False, event_id=event_id, type=kind,
                object_view=view, object_id="ch_1", sequence=1, created=created or CLOCK.now(),
            )
            for event_id in made
        )  # fmt: skip
        await self.writer.submit(Unit(MERCHANT, writes=writes))
        return made

    async def fan_out(self) -> None:
        """Make the deliveries of all that was recorded."""
        await event_log.readable(self.url)
        while await self.fanning.step(100):
            pass

    async def counts(self, endpoint: dict[str, Any]) -> dict[str, int]:
        """Return how many deliveries are in each state."""
        return await self.deliveries().counts(MERCHANT, endpoint["id"])

    async def attempts(self, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
        """Return all attempts, from the first."""
        rows = await self.reader.where("webhook_attempt", endpoint=endpoint["id"])
        return sorted((dict(row) for row in rows), key=lambda row: row["id"])

    async def row(self, endpoint: dict[str, Any]) -> dict[str, Any]:
        """Return an endpoint as the table has it."""
        (row,) = await self.reader.where("webhook_endpoint", id=endpoint["id"])
        return dict(row)

    async def change(self, endpoint: str, changes: dict[str, object]) -> None:
        """Change an endpoint's row past all checks, as somebody by hand would."""
        row = await self.row({"id": endpoint})
        key, version = (MERCHANT, endpoint), row["version"]
        unit = Unit(
            MERCHANT,
            relies_on=(RowVersion("webhook_endpoint", key, version),),
            writes=(Update("webhook_endpoint", key, version, changes),),
        )
        await self.writer.submit(unit)

    def deliveries(self, schedule: Schedule | None = None) -> WebhookDeliveries:
        """Return the door to deliveries, on some schedule."""
        return WebhookDeliveries(self.reader, self.writer, CLOCK, IDS, schedule)

    @asynccontextmanager
    async def postman(
        self, settings: WorkerSettings, *, timeout_ms: int = 10_000, policy: AddressPolicy = NEAR,
        sender: Sender | None = None,
    ) -> AsyncIterator[Deliver]:  # fmt: skip
        """Yield a worker's delivery step."""

        async def tell(disabled: Disabled) -> None:
            self.told.append(disabled)

        own = WebhookSender(CLOCK, policy, PostLimits(timeout_ms=timeout_ms))
        health = EndpointHealth(
            self.reader, self.writer, CLOCK, IDS, tell, settings.disable_after_ms
        )
        deliver = Deliver(
            self.deliveries(settings.schedule), health, sender or own, CLOCK, settings, lambda: None
        )
        try:
            yield deliver
        finally:
            await deliver.drain(0)
            await own.close()


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[House]:
    """Open a house over a database."""
    store = PostgresStore(database_url, SCHEMA, None, clock=CLOCK)
    await store.open()
    writer = Writer(store, CLOCK)
    await writer.start()
    reader = PooledReader(database_url, SCHEMA, query_files(), size=2)
    await reader.open()
    idempotency = Idempotency(reader, writer, CLOCK, "https://pay.example/docs")
    merchant = Merchant(MERCHANT, "acct_1", False, "KE", "kes", "Shop", None, 0, 0, CLOCK.now())
    yield House(
        reader,
        writer,
        WebhookEndpoints(reader, idempotency, CLOCK, IDS, NEAR),
        WebhookRecords(reader),
        WebhookReplays(reader, writer, idempotency, CLOCK, IDS),
        FanOut(reader, writer, Events(reader), CLOCK),
        Caller(merchant, False, "req_1"),
        database_url,
    )
    await writer.close()
    await store.close()
    await reader.close()


@dataclass(slots=True)
class Shop:
    """A receiver that answers as it is told, then 200; 0 is to hang."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    always: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    says: str = ""
    received: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    under_way: int = 0
    under_way_max: int = 0
    followed: int = 0

    @property
    def ids(self) -> list[str]:
        """The ids of the events that came, in order."""
        return [headers["webhook-id"] for _, headers in self.received]

    async def take(self, request: web.Request) -> web.Response:
        """Receive one webhook."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append((body, headers))
        self.moments.append(asyncio.get_running_loop().time())
        self.under_way += 1
        self.under_way_max = max(self.under_way, self.under_way_max)
        try:
            status = self.answers.pop(0) if self.answers else self.always
            if status == 0:
                await asyncio.Event().wait()
            return web.Response(
                status=status, text=self.says, headers={"Location": "/elsewhere"} | self.headers
            )
        finally:
            self.under_way -= 1

    async def elsewhere(self, _: web.Request) -> web.Response:
        """Note who followed a redirect."""
        self.followed += 1
        return web.Response()


@asynccontextmanager
async def shop() -> AsyncIterator[Shop]:
    """Yield a listening shop."""
    made = Shop()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    app.router.add_route("*", "/elsewhere", made.elsewhere)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield made
    finally:
        await runner.cleanup()


async def until(
    step: Callable[[], Awaitable[int]], reached: Callable[[], Awaitable[bool]], seconds: float = 20
) -> None:
    """Repeat a step until something is so; fail after a while."""
    async with asyncio.timeout(seconds):
        while not await reached():
            await step()
            await asyncio.sleep(0.01)


def shown(answer: Answer) -> dict[str, Any]:
    """Return the object of an answer that is no refusal."""
    assert answer.code is None, answer.body
    found: dict[str, Any] = orjson.loads(answer.body)
    return found
