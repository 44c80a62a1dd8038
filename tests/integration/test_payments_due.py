"""What falls due by itself: holds that run out, and captured money that becomes available."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import orjson
import psycopg

from hazina.merchants.merchant import Caller
from tests.support.flows import DAY, Shop, open_shop
from tests.support.simulator import Simulator


async def test_an_authorization_expires_after_seven_days_once(shop: Shop) -> None:
    intent = await shop.hold()
    charge = await shop.charge_of(intent)
    await shop.later(6 * DAY)
    assert (await shop.now(intent))["status"] == "requires_capture"
    shop.clock.ahead += 2 * DAY
    await asyncio.gather(*(shop.core.payments.expire_due() for _ in range(3)))
    await shop.settle()
    after = await shop.now(intent)
    voids = "SELECT id FROM command WHERE operation = 'void' AND charge = %s"
    assert len(shop.rows(voids, charge["id"])) == 1
    assert (after["status"], after["cancellation_reason"]) == ("canceled", "expired")
    assert await shop.events(charge) == ["charge.succeeded", "charge.expired"]
    assert (await shop.events(intent))[-1] == "payment_intent.canceled"


async def test_a_capture_racing_the_expiry_takes_all_or_nothing(shop: Shop) -> None:
    for _ in range(4):
        intent = await shop.hold()
        shop.clock.ahead += 8 * DAY
        answer, _ = await asyncio.gather(shop.capture(intent), shop.core.payments.expire_due())
        await shop.settle()
        after = await shop.now(intent)
        won = answer.get("status") == "succeeded"
        assert after["status"] == ("succeeded" if won else "canceled"), answer
    await shop.check_books()


async def test_an_authorization_that_the_provider_will_not_void_is_asked_about_again(
    shop: Shop,
) -> None:
    intent = await shop.pay(capture_method="manual", metadata={"sandbox_fault": "decline@void"})
    await shop.later(8 * DAY)
    assert (await shop.now(intent))["status"] == "requires_capture"
    await shop.later(2 * DAY)
    assert (await shop.now(intent))["status"] == "requires_capture"
    await shop.check_books()


async def test_a_hold_whose_end_is_not_known_does_not_keep_later_ones_from_ending(
    fresh_database_url: str, simulator: Simulator
) -> None:
    async with open_shop(fresh_database_url, simulator) as shop:
        stuck = await shop.pay(
            capture_method="manual", metadata={"sandbox_fault": "error_after@void"}
        )
        sound = await shop.hold()
        shop.clock.ahead += 8 * DAY

        assert await shop.core.payments.expire_due(1) == 1
        assert (await shop.now(stuck))["status"] == "processing"
        assert await shop.core.payments.expire_due(1) == 1
        assert (await shop.now(sound))["status"] == "canceled"

        await shop.work()
        assert (await shop.now(stuck))["status"] == "canceled"
        await shop.check_books()


async def test_a_hold_that_cannot_be_looked_at_does_not_keep_later_ones_from_ending(
    fresh_database_url: str, simulator: Simulator
) -> None:
    async with open_shop(fresh_database_url, simulator) as shop:
        broken = await shop.hold()
        sound = await shop.hold()
        # A state that nobody knows: whatever looks at this payment raises.
        with psycopg.connect(fresh_database_url) as connection:
            connection.execute("ALTER TABLE payment_intent DISABLE TRIGGER USER")
            connection.execute(
                "UPDATE payment_intent SET status = 'lost' WHERE id = %s", [broken["id"]]
            )
        shop.clock.ahead += 8 * DAY

        assert await shop.core.payments.expire_due(1) == 0
        assert await shop.core.payments.expire_due(1) == 1
        assert (await shop.now(sound))["status"] == "canceled"


async def test_the_balance_tells_that_money_became_available(shop: Shop) -> None:
    await shop.pay("pm_card_bypassPending")
    for amount in (1_000, 2_000):
        await shop.pay(amount=amount)
    await shop.later(3 * DAY)
    query = "SELECT body FROM event WHERE type = 'balance.available' AND merchant_id = %s"
    rows = shop.rows(query + " ORDER BY xid, position", shop.caller.merchant.merchant_id)
    shown = [orjson.loads(bytes(row["body"]))["data"]["object"] for row in rows]
    assert [balance["available"][0]["amount"] for balance in shown[:1]] == [9_710]
    assert shown[-1] == await shop.core.balances.balance(shop.caller)
    assert len(shown) == 2


async def test_the_fee_of_what_was_refunded_whole_does_not_keep_other_money_back(
    shop: Shop,
) -> None:
    """Without an overdraft neither can be released alone: the one needs what the other lacks."""
    await shop.pay(amount=10_000)
    await shop.refund(await shop.pay(amount=10_000))

    await shop.later(3 * DAY)

    balance = await shop.core.balances.balance(shop.caller)
    assert [part["amount"] for part in balance["pending"]] == [0]
    assert [part["amount"] for part in balance["available"]] == [10_000 - 2 * 290]
    await shop.check_books()


async def test_money_that_cannot_be_released_does_not_hold_up_other_money(
    fresh_database_url: str, simulator: Simulator
) -> None:
    async with open_shop(fresh_database_url, simulator) as shop:
        broken = await shop.charge_of(await shop.pay())
        sound = await shop.charge_of(await shop.pay())
        # A currency that nobody knows: whatever looks at this charge raises.
        with psycopg.connect(fresh_database_url) as connection:
            connection.execute("UPDATE charge SET currency = 'zzz' WHERE id = %s", [broken["id"]])
        shop.clock.ahead += 3 * DAY

        assert await shop.core.payments.release_due() == 1

        funds = {row["id"]: row["funds"] for row in shop.rows("SELECT id, funds FROM charge")}
        assert funds == {broken["id"]: "pending", sound["id"]: "available"}


async def test_money_that_the_ledger_keeps_back_does_not_hold_up_other_merchants(
    fresh_database_url: str, simulator: Simulator
) -> None:
    """Two payments refunded whole owe their fees, and the money to take them from comes later."""
    async with open_shop(fresh_database_url, simulator) as shop:
        owing = [await shop.pay() for _ in range(2)]
        neighbour = Caller(await shop.core.merchants.create(), False, "req_2")
        other = replace(shop, caller=neighbour)
        sound = await other.charge_of(await other.pay())
        shop.clock.ahead += DAY
        covering = await shop.charge_of(await shop.pay(amount=50_000))
        for intent in owing:
            assert (await shop.refund(intent))["status"] == "succeeded"
        shop.clock.ahead += DAY + DAY / 2
        available = "SELECT id FROM charge WHERE funds = 'available' ORDER BY id"

        assert await shop.core.payments.release_due(2) == 0
        assert await shop.core.payments.release_due(2) == 1
        assert shop.rows(available) == [{"id": sound["id"]}]

        shop.clock.ahead += DAY
        assert await shop.core.payments.release_due(2) == 3
        assert {"id": covering["id"]} in shop.rows(available)
        assert len(shop.rows(available)) == 4
