"""Events reach endpoints: fanned out once, signed, tried again, and no endpoint starves another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
import stripe
from aiohttp import web

from hazina.bootstrap.app import SCHEMA, query_files
from hazina.clock import SystemClock
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.unit import Unit
from hazina.db.writer import Writer
from hazina.events.service import Cursor, Events, record
from hazina.idempotency.service import Answer, Idempotency
from hazina.ids import SystemIds
from hazina.merchants.merchant import Caller, Merchant
from hazina.refusals import Code, Refusal
from hazina.webhooks.deliveries import WebhookDeliveries
from hazina.webhooks.delivery import Schedule
from hazina.webhooks.service import WebhookEndpoints
from hazina.workers.deliver import Deliver
from hazina.workers.sender import WebhookSender
from hazina.workers.settings import WorkerSettings
from tests.support import event_log

CLOCK, IDS = SystemClock(), SystemIds()
SCHEDULE = Schedule(pauses_ms=(1, 1), jitter_percent=0)


@dataclass(slots=True)
class House:
    """What the tests need of a core."""

    reader: PooledReader
    writer: Writer
    endpoints: WebhookEndpoints
    deliveries: WebhookDeliveries
    caller: Caller
    url: str

    async def endpoint(self, url: str, *names: str) -> dict[str, Any]:
        answer = await self.endpoints.create(
            self.caller, {"url": url, "enabled_events": list(names) or ["*"]}, None
        )
        return _object(answer)

    async def event(self, kind: str = "charge.succeeded") -> str:
        merchant, event_id = self.caller.merchant, IDS.new("evt")
        write = record(
            merchant_id=merchant.merchant_id, livemode=False, event_id=event_id, type=kind,
            object_view={"id": "ch_1", "object": "charge"}, object_id="ch_1", sequence=1,
            created=CLOCK.now(),
        )  # fmt: skip
        await self.writer.submit(Unit(merchant.merchant_id, writes=(write,)))
        return event_id

    async def fan_out(self) -> None:
        await event_log.readable(self.url)
        while await self.deliveries.fan_out(100):
            pass

    async def counts(self, endpoint: dict[str, Any]) -> dict[str, int]:
        return await self.deliveries.counts(self.caller.merchant.merchant_id, endpoint["id"])


@dataclass(slots=True)
class Shop:
    """A receiver that answers as it is told; 0 is to hang."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: list[tuple[bytes, str]] = field(default_factory=list)
    followed: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((await request.read(), request.headers["Stripe-Signature"]))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            await asyncio.Event().wait()
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def elsewhere(self, _: web.Request) -> web.Response:
        self.followed += 1
        return web.Response()


@asynccontextmanager
async def _shop() -> AsyncIterator[Shop]:
    shop = Shop()
    app = web.Application()
    app.router.add_post("/hook", shop.take)
    app.router.add_route("*", "/elsewhere", shop.elsewhere)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shop.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield shop
    finally:
        await runner.cleanup()


@pytest.fixture
async def house(fresh_database_url: str) -> AsyncIterator[House]:
    store = PostgresStore(fresh_database_url, SCHEMA, None, clock=CLOCK)
    await store.open()
    writer = Writer(store, CLOCK)
    await writer.start()
    reader = PooledReader(fresh_database_url, SCHEMA, query_files(), size=2)
    await reader.open()
    idempotency = Idempotency(reader, writer, CLOCK, "https://pay.example/docs")
    merchant = Merchant(
        "acct_1_test", "acct_1", False, "KE", "kes", "Shop", None, 0, 0, CLOCK.now()
    )
    yield House(
        reader,
        writer,
        WebhookEndpoints(reader, idempotency, CLOCK, IDS),
        WebhookDeliveries(reader, writer, Events(reader), CLOCK, IDS, SCHEDULE),
        Caller(merchant, False, "req_1"),
        fresh_database_url,
    )
    await writer.close()
    await store.close()
    await reader.close()


@asynccontextmanager
async def _postman(house: House, **settings: int) -> AsyncIterator[Deliver]:
    chosen = WorkerSettings(**settings)
    sender = WebhookSender(CLOCK, timeout_ms=chosen.delivery_timeout_ms, connections_max=50)
    deliver = Deliver(house.deliveries, sender, chosen, lambda: None)
    try:
        yield deliver
    finally:
        await deliver.drain(0)
        await sender.close()


async def _until(
    step: Callable[[], Awaitable[int]], reached: Callable[[], Awaitable[bool]]
) -> None:
    async with asyncio.timeout(10):
        while not await reached():
            await step()
            await asyncio.sleep(0.01)


def _object(answer: Answer) -> dict[str, Any]:
    assert answer.code is None, answer.body
    found: dict[str, Any] = orjson.loads(answer.body)
    return found


async def test_event_arrives_once_as_stored_and_the_official_package_accepts_it(
    house: House,
) -> None:
    async with _shop() as shop, _postman(house) as deliver:
        endpoint = await house.endpoint(shop.url)
        event_id = await house.event()
        await house.fan_out()

        async def delivered() -> bool:
            return (await house.counts(endpoint)) == {"delivered": 1}

        await _until(deliver.step, delivered)
        await deliver.step()
        ((body, signature),) = shop.received
        assert body == await Events(house.reader).retrieve("acct_1_test", event_id)
        stripe.Webhook.construct_event(body, signature, endpoint["secret"])


async def test_refused_delivery_is_tried_again_and_then_has_failed(house: House) -> None:
    async with _shop() as shop, _postman(house) as deliver:
        shop.answers = [500, 410, 503, 200]
        endpoint = await house.endpoint(shop.url)
        await house.event()
        await house.fan_out()

        async def failed() -> bool:
            return (await house.counts(endpoint)) == {"failed": 1}

        await _until(deliver.step, failed)
        assert len(shop.received) == 3
        (row,) = await house.reader.where("webhook_delivery", endpoint=endpoint["id"])
        assert (row["attempts"], row["last_status"]) == (3, "503")


async def test_redirect_is_a_failure_and_is_not_followed(house: House) -> None:
    async with _shop() as shop, _postman(house) as deliver:
        shop.answers = [301, 307, 200]
        endpoint = await house.endpoint(shop.url)
        await house.event()
        await house.fan_out()

        async def delivered() -> bool:
            return (await house.counts(endpoint)) == {"delivered": 1}

        await _until(deliver.step, delivered)
        assert len(shop.received) == 3
        assert shop.followed == 0


async def test_two_workers_fan_out_each_event_once_and_send_it_once(house: House) -> None:
    async with _shop() as shop, _postman(house) as one, _postman(house) as other:
        endpoint = await house.endpoint(shop.url)
        for _ in range(20):
            await house.event()
        await asyncio.gather(*(house.fan_out() for _ in range(4)))
        assert await house.counts(endpoint) == {"pending": 20}

        async def both() -> int:
            return sum(await asyncio.gather(one.step(), other.step()))

        async def delivered() -> bool:
            return (await house.counts(endpoint)) == {"delivered": 20}

        await _until(both, delivered)
        assert len({body for body, _ in shop.received}) == len(shop.received) == 20


async def test_cursor_that_was_set_back_makes_no_second_delivery(house: House) -> None:
    """A worker killed between the rows and the cursor reads the same events again."""
    async with _shop() as shop:
        endpoint = await house.endpoint(shop.url)
        await house.event()
        events = await Events(house.reader).forward(Cursor(), 10)
        await house.deliveries.make(events)
        await house.fan_out()
        assert await house.counts(endpoint) == {"pending": 1}


async def test_endpoint_that_hangs_takes_nobody_elses_turn(house: House) -> None:
    async with (
        _shop() as hanging,
        _shop() as healthy,
        _postman(house, deliveries_per_endpoint_max=2) as deliver,
    ):
        hanging.answers = [0] * 50
        await house.endpoint(hanging.url)
        endpoint = await house.endpoint(healthy.url)
        for _ in range(10):
            await house.event()
        await house.fan_out()

        async def delivered() -> bool:
            return (await house.counts(endpoint)) == {"delivered": 10}

        await _until(deliver.step, delivered)
        assert len(hanging.received) == 2


async def test_endpoint_hears_only_of_what_it_asked_for(house: House) -> None:
    async with _shop() as shop:
        picky = await house.endpoint(shop.url, "charge.failed")
        await house.event("charge.succeeded")
        await house.event("charge.failed")
        await house.fan_out()
        assert await house.counts(picky) == {"pending": 1}


async def test_endpoint_made_later_is_spared_what_was_before(house: House) -> None:
    await house.event()
    await house.fan_out()
    async with _shop() as shop:
        endpoint = await house.endpoint(shop.url)
        await house.fan_out()
        event_id = await house.event()
        await house.fan_out()
        (row,) = await house.reader.where("webhook_delivery", endpoint=endpoint["id"])
        assert row["event_id"] == event_id


async def test_secret_is_shown_once_and_deleted_endpoints_are_missing(house: House) -> None:
    made = await house.endpoint("http://127.0.0.1:9/hook", "charge.failed")
    assert made["secret"].startswith("whsec_")
    assert "secret" not in await house.endpoints.retrieve(house.caller, made["id"])
    changed = _object(
        await house.endpoints.update(
            house.caller, made["id"], {"disabled": True, "metadata": {"a": "b"}}, None
        )
    )
    assert (changed["status"], changed["metadata"]) == ("disabled", {"a": "b"})
    gone = _object(await house.endpoints.delete(house.caller, made["id"], None))
    assert gone == {"id": made["id"], "object": "webhook_endpoint", "deleted": True}
    with pytest.raises(Refusal) as refused:
        await house.endpoints.retrieve(house.caller, made["id"])
    assert refused.value.code is Code.RESOURCE_MISSING
