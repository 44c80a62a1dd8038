"""Sessions whose time is over, and sessions whose payment succeeds while nobody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.checkout.paying import Payer
from hazina.clock import SystemClock
from hazina.merchants.merchant import Caller
from hazina.paging import Page
from tests.support import event_log
from tests.support.simulator import CALLBACK_SECRET, Simulator

SALE = {
    "line_items": [
        {
            "price_data": {
                "currency": "kes", "unit_amount": 500, "product_data": {"name": "Kikoi"}
            },
            "quantity": 1,
        }
    ]
}  # fmt: skip


class LaterClock(SystemClock):
    """The machine's clock, some time ahead."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


class World:
    """A core whose clock can be put forward, and a merchant."""

    def __init__(self, core: Core, clock: LaterClock, caller: Caller) -> None:
        self.core = core
        self.clock = clock
        self.caller = caller

    async def opened(self) -> str:
        """Open a session; return its id."""
        answer = await self.core.checkout.sessions.create(self.caller, SALE, None)
        return str(orjson.loads(answer.body)["id"])

    async def session(self, session_id: str) -> dict[str, Any]:
        return await self.core.checkout.sessions.retrieve(self.caller, session_id)

    async def events(self, type: str) -> int:
        merchant_id = self.caller.merchant.merchant_id
        found, _ = await self.core.events.list(merchant_id, {"type": type}, Page())
        return len(found)

    async def begin(self, session_id: str, method: str) -> None:
        """Pay as the page would."""
        visit = await self.core.checkout.visits.look(session_id)
        assert visit is not None

        async def made(_: Caller) -> str:
            return method

        payer = Payer("amina@example.com", "Amina W.", "try_1")
        await self.core.checkout.visits.pay(visit, payer, made)


@pytest.fixture
async def world(fresh_database_url: str) -> AsyncIterator[World]:
    with Simulator() as simulator:
        clock = LaterClock()
        settings = Settings(
            database_url=fresh_database_url, pepper="pepper of the tests, long enough",
            simulator_url=simulator.url, callback_secret=CALLBACK_SECRET,
        )  # fmt: skip
        core = await open_core(settings, clock=clock)
        merchant = await core.merchants.create()
        yield World(core, clock, Caller(merchant, False, "req_1"))
        await core.close()


async def test_a_session_expires_once_however_many_workers_look(world: World) -> None:
    session_id = await world.opened()
    following = world.core.checkout.following
    assert await following.expire_due(10) == 0
    world.clock.ahead = timedelta(hours=24, seconds=1)

    await asyncio.gather(*(following.expire_due(10) for _ in range(4)))

    assert (await world.session(session_id))["status"] == "expired"
    assert await world.events("checkout.session.expired") == 1
    assert await following.expire_due(10) == 0


async def test_expiry_cancels_a_payment_that_waits_for_its_customer(world: World) -> None:
    session_id = await world.opened()
    await world.begin(session_id, "pm_card_threeDSecure2Required")
    world.clock.ahead = timedelta(hours=24, seconds=1)

    await world.core.checkout.following.expire_due(10)

    session = await world.session(session_id)
    intent = await world.core.payments.retrieve(
        world.caller, "payment_intent", session["payment_intent"]
    )
    assert (session["status"], intent["status"]) == ("expired", "canceled")
    assert await world.events("checkout.session.expired") == 1


async def test_a_payment_that_succeeds_while_nobody_looks_completes_its_session_once(
    world: World,
) -> None:
    session_id = await world.opened()
    await world.begin(session_id, "pm_card_chargeDeclined")
    intent_id = (await world.session(session_id))["payment_intent"]
    # The page has died: the payment is confirmed and nobody settles the session.
    params = {"payment_method": "pm_card_visa", "checkout_session": session_id}
    await world.core.payments.confirm_intent(world.caller, intent_id, params, None)
    assert (await world.session(session_id))["status"] == "open"

    following = world.core.checkout.following
    await event_log.readable(world.core.settings.database_url)
    for _ in range(3):
        await asyncio.gather(following.follow(), following.follow())

    assert (await world.session(session_id))["payment_status"] == "paid"
    assert await world.events("checkout.session.completed") == 1
    world.clock.ahead = timedelta(hours=30)
    assert await following.expire_due(10) == 0
    assert await world.events("checkout.session.expired") == 0


async def test_a_payment_that_was_canceled_ends_the_session(world: World) -> None:
    session_id = await world.opened()
    await world.begin(session_id, "pm_card_chargeDeclined")
    intent_id = (await world.session(session_id))["payment_intent"]
    params = {"checkout_session": session_id}
    await world.core.payments.cancel_intent(world.caller, intent_id, params, None)

    await event_log.readable(world.core.settings.database_url)
    await world.core.checkout.following.follow()

    assert (await world.session(session_id))["status"] == "expired"


async def test_an_attempt_and_an_expiry_at_once_leave_one_of_both(world: World) -> None:
    for _ in range(8):
        session_id = await world.opened()
        expire = world.core.checkout.sessions.expire(world.caller, session_id, None)
        pay = world.begin(session_id, "pm_card_visa")
        await asyncio.gather(expire, pay, return_exceptions=True)
        visit = await world.core.checkout.visits.look(session_id)
        assert visit is not None
        paid = visit.intent is not None and visit.intent["status"] == "succeeded"
        assert visit.session.status.value == ("complete" if paid else "expired")
    ended = await world.events("checkout.session.expired")
    ended += await world.events("checkout.session.completed")
    assert ended == 8
