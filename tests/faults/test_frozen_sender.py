"""A process stands still before it has sent a payment, and wakes while another is sending it."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta

import orjson
import pytest

from hazina.commands.command import Command
from hazina.commands.performing import Door, Performed
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.rails.outcome import Declined, NotSent, Outcome, Unknown
from tests.support.books import broken_invariants, check_requests
from tests.support.flows import Shop, open_shop
from tests.support.simulator import Simulator

_QUICK = {
    "deadline_ms": 2_000, "call_timeout_ms": 1_900, "command_lease_ms": 4_000,
    "inquiry_lease_ms": 3_000, "not_found_window_ms": 4_200, "transit_max_ms": 1_000,
}  # fmt: skip
_SLOWLY = {"sandbox_fault": "slow", "sandbox_delay_ms": "1200"}
_ASKED = 'SELECT 1 FROM command WHERE history @> \'[{"what": "inquiry"}]\''
_SENT_AGAIN = 'SELECT 1 FROM command WHERE history @> \'[{"what": "sent_again"}]\''


@pytest.mark.parametrize(
    "woke_with",
    [NotSent("the lease grew too old", too_late=True), Declined("processing_error", "No.")],
    ids=["it was not sent", "it was declined"],
)
async def test_who_stood_still_does_not_turn_down_what_another_is_sending(
    fresh_database_url: str, woke_with: Outcome
) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator, **_QUICK) as shop:

            async def stands_still(command: Command, leased_ms: int) -> Performed:
                await _sent_by_another(shop)
                # By now it is so old that whoever believes in the no turns it down.
                shop.clock.ahead = timedelta(minutes=10)
                return Performed(woke_with, 1_000, Door.REPLY)

            shop.core.payments.connect(stands_still, {})
            shown = await shop.pay(metadata=_SLOWLY)
            open_still = shop.rows("SELECT 1 FROM command WHERE state <> 'done'")
            await shop.settle()
            left = await shop.now(shown)
        books = simulator.books()
        check_requests(simulator.requests())

    assert open_still, "it was over before the one that stood still woke"
    assert shown["status"] == "processing"
    assert left["status"] == "succeeded"
    assert len(books) == 1
    assert await broken_invariants(fresh_database_url, books) == []


async def test_who_could_not_send_it_is_believed_though_it_was_asked_about(
    fresh_database_url: str,
) -> None:
    """Connecting takes longer than the request waits; meanwhile a worker asks in vain."""
    issued: list[Command] = []

    async def connects_in_vain(command: Command, leased_ms: int) -> Performed:
        issued.append(command)
        return Performed(Unknown("no answer within the deadline"), 0, Door.DEADLINE)

    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator, **_QUICK) as shop:
            shop.core.payments.connect(connects_in_vain, {})
            shown = await shop.pay()
            while not shop.rows(_ASKED):
                await shop.core.dispatch.run_due()
            came = Performed(NotSent("could not connect: TimeoutError"), 1_000, Door.LATE_REPLY)
            await shop.core.payments.report(issued[0], came)
            left = await shop.now(shown)
        assert simulator.books() == []

    assert shown["status"] == "processing"
    assert left["status"] == "requires_payment_method"
    assert left["last_payment_error"]["code"] == "processing_error"
    assert await broken_invariants(fresh_database_url, []) == []


async def test_who_stood_still_with_a_key_answers_what_all_others_with_it_read(
    fresh_database_url: str,
) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator, key_lease_ms=300) as shop:
            others = []

            def pays() -> Awaitable[Answer]:
                merchant_id = shop.caller.merchant.merchant_id
                key = IdempotencyRequest(merchant_id, "/v1/payment_intents", "order-1", b"same")
                params = {
                    "amount": 10_000, "currency": "usd", "payment_method": "pm_card_visa",
                    "confirm": True, "metadata": {},
                }  # fmt: skip
                return shop.core.payments.create_intent(shop.caller, params, key)

            async def stands_still(command: Command, leased_ms: int) -> Performed:
                await shop.core.clock.sleep_ms(600)
                others.append(await pays())
                return await shop.core.dispatch.run_now(command, shop.core.clock.monotonic_ms())

            shop.core.payments.connect(stands_still, {})
            first = await pays()
            others.append(await pays())
            intent = orjson.loads(first.body)
            assert (await shop.now(intent))["status"] == "succeeded"

    assert intent["status"] == "processing"
    assert [other.body for other in others] == [first.body] * 2


async def _sent_by_another(shop: Shop) -> None:
    """Have a worker prove that nothing was sent, and return while it is sending."""
    for _ in range(500):
        shop.core.tasks.spawn(shop.core.dispatch.run_due(), "janitor")
        await shop.core.clock.sleep_ms(20)
        if shop.rows(_SENT_AGAIN):
            return
    raise AssertionError("it was never sent again")
