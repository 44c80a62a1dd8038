"""Whole lives of payments; after each, balance, lines, ledger and provider say the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from hazina.paging import Page
from hazina.refusals import Refusal
from tests.support.flows import DAY, Shop

SEVERAL = {"request_multicapture": "if_available"}
HIGHER = {"request_incremental_authorization": "if_available"}


async def _paid(shop: Shop) -> None:
    await shop.pay()


async def _paid_and_matured(shop: Shop) -> None:
    await shop.pay()
    await shop.later(3 * DAY)


async def _available_at_once(shop: Shop) -> None:
    intent = await shop.pay("pm_card_bypassPending")
    await shop.refund(intent, amount=1_000)


async def _declined(shop: Shop) -> None:
    await shop.pay("pm_card_chargeDeclined")


async def _authorized(shop: Shop) -> None:
    await shop.hold()


async def _canceled(shop: Shop) -> None:
    await shop.cancel(await shop.hold())


async def _captured_in_part(shop: Shop) -> None:
    await shop.capture(await shop.hold(), amount_to_capture=4_000)


async def _captured_twice(shop: Shop) -> None:
    intent = await shop.hold(**SEVERAL)
    await shop.capture(intent, amount_to_capture=4_000, final_capture=False)
    await shop.capture(intent, amount_to_capture=5_000)


async def _captured_once_of_several(shop: Shop) -> None:
    intent = await shop.hold(**SEVERAL)
    await shop.capture(intent, amount_to_capture=4_000, final_capture=False)
    await shop.refund(intent, amount=1_000)


async def _rest_released(shop: Shop) -> None:
    intent = await shop.hold(**SEVERAL)
    await shop.capture(intent, amount_to_capture=4_000, final_capture=False)
    await shop.capture(intent, amount_to_capture=0)
    await shop.later(3 * DAY)


async def _rest_canceled(shop: Shop) -> None:
    intent = await shop.hold(**SEVERAL)
    await shop.capture(intent, amount_to_capture=4_000, final_capture=False)
    await shop.cancel(intent)


async def _rest_expired(shop: Shop) -> None:
    intent = await shop.hold(**SEVERAL)
    await shop.capture(intent, amount_to_capture=4_000, final_capture=False)
    await shop.later(8 * DAY)


async def _incremented_and_captured(shop: Shop) -> None:
    intent = await shop.hold(**HIGHER)
    await shop.increment(intent, amount=12_000)
    await shop.capture(intent)


async def _incremented_and_captured_twice(shop: Shop) -> None:
    intent = await shop.hold(**HIGHER, **SEVERAL)
    await shop.increment(intent, amount=12_000)
    await shop.capture(intent, amount_to_capture=11_000, final_capture=False)
    await shop.capture(intent)
    await shop.later(3 * DAY)


async def _incremented_and_canceled(shop: Shop) -> None:
    intent = await shop.hold(**HIGHER)
    await shop.increment(intent, amount=12_000)
    await shop.cancel(intent)


async def _expired(shop: Shop) -> None:
    await shop.hold()
    await shop.later(8 * DAY)


async def _refunded(shop: Shop) -> None:
    await shop.pay()
    await shop.refund(await shop.pay())


async def _refunded_in_parts(shop: Shop) -> None:
    await shop.pay()
    intent = await shop.pay()
    await shop.refund(intent, amount=2_000)
    await shop.later(3 * DAY)
    await shop.refund(intent, amount=3_000)


async def _refund_pending(shop: Shop) -> None:
    await shop.pay()
    intent = await shop.pay("pm_card_pendingRefund")
    refund = await shop.refund(intent)
    assert refund["status"] == "pending"


async def _refund_pending_then_made(shop: Shop) -> None:
    await _refund_pending(shop)
    await shop.settle()


async def _refund_failed_later(shop: Shop) -> None:
    await shop.pay()
    refund = await shop.refund(await shop.pay("pm_card_refundFail"))
    await asyncio.sleep(1.2)
    assert (await shop.hear(refund))["status"] == "failed"


async def _refund_failed_after_maturing(shop: Shop) -> None:
    await shop.pay()
    refund = await shop.refund(await shop.pay("pm_card_refundFail"))
    await shop.later(3 * DAY)
    await asyncio.sleep(1.2)
    assert (await shop.hear(refund))["status"] == "failed"


async def _refund_declined(shop: Shop) -> None:
    await shop.pay()
    intent = await shop.pay(metadata={"sandbox_fault": "decline@refund"})
    assert (await shop.refund(intent))["status"] == "failed"


async def _refund_not_covered(shop: Shop) -> None:
    assert (await shop.refund(await shop.pay()))["code"] == "balance_insufficient"


async def _charged_directly(shop: Shop) -> None:
    await shop.charge()


async def _held_directly_and_expired(shop: Shop) -> None:
    await shop.charge(capture=False)
    await shop.later(8 * DAY)


FLOWS: tuple[Callable[[Shop], Awaitable[None]], ...] = (
    _paid, _paid_and_matured, _available_at_once, _declined, _authorized, _canceled,
    _captured_in_part, _captured_twice, _captured_once_of_several, _rest_released, _rest_canceled,
    _rest_expired, _incremented_and_captured, _incremented_and_captured_twice,
    _incremented_and_canceled, _expired, _refunded, _refunded_in_parts, _refund_pending,
    _refund_pending_then_made, _refund_failed_later, _refund_failed_after_maturing,
    _refund_declined, _refund_not_covered, _charged_directly, _held_directly_and_expired,
)  # fmt: skip


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__.strip("_"))
async def test_all_books_agree_after(shop: Shop, flow: Callable[[Shop], Awaitable[None]]) -> None:
    await flow(shop)
    await shop.check_books()


async def test_captures_in_parts_lower_what_is_capturable_until_the_final_one(shop: Shop) -> None:
    intent = await shop.hold(**SEVERAL)
    first = await shop.capture(intent, amount_to_capture=4_000, final_capture=False)
    charge = await shop.charge_of(first)
    second = await shop.capture(intent, amount_to_capture=5_000)

    shown = ("status", "amount_capturable", "amount_received")
    assert [first[name] for name in shown] == ["requires_capture", 6_000, 4_000]
    assert (charge["captured"], charge["amount_captured"]) == (False, 4_000)
    assert charge["payment_method_details"]["card"]["multicapture"] == {"status": "available"}
    assert [second[name] for name in shown] == ["succeeded", 0, 9_000]
    lines = await shop.lines()
    assert [line["amount"] for line in lines] == [5_000, 4_000]
    assert {line["source"] for line in lines} == {charge["id"]}
    assert (await shop.charge_of(second))["captured"]
    assert await shop.events(charge) == ["charge.succeeded", "charge.captured", "charge.captured"]
    assert await shop.events(intent) == [
        "payment_intent.created", "payment_intent.amount_capturable_updated",
        "payment_intent.amount_capturable_updated", "payment_intent.succeeded",
    ]  # fmt: skip


async def test_a_capture_that_is_not_final_needs_to_be_asked_for_with_the_authorization(
    shop: Shop,
) -> None:
    intent = await shop.hold()
    error = await shop.capture(intent, amount_to_capture=1, final_capture=False)
    assert (error["code"], error["param"]) == ("parameter_invalid", "final_capture")


async def test_nothing_can_be_captured_only_to_release_the_rest(shop: Shop) -> None:
    intent = await shop.hold(**SEVERAL)
    assert (await shop.capture(intent, amount_to_capture=0))["param"] == "amount_to_capture"
    await shop.capture(intent, amount_to_capture=1_000, final_capture=False)
    ended = await shop.capture(intent, amount_to_capture=0)
    assert (ended["status"], ended["amount_received"]) == ("succeeded", 1_000)


async def test_the_money_of_several_captures_comes_after_the_last(shop: Shop) -> None:
    intent = await shop.hold(**SEVERAL)
    await shop.capture(intent, amount_to_capture=4_000, final_capture=False)
    await shop.later(3 * DAY)
    assert {line["status"] for line in await shop.lines()} == {"pending"}
    await shop.capture(intent)
    await shop.later(3 * DAY)
    assert {line["status"] for line in await shop.lines()} == {"available"}


async def test_an_increment_raises_what_can_be_captured(shop: Shop) -> None:
    intent = await shop.hold(**HIGHER)
    raised = await shop.increment(intent, amount=12_500, description="Dinner too")
    charge = await shop.charge_of(raised)
    assert (raised["amount"], raised["amount_capturable"]) == (12_500, 12_500)
    assert raised["description"] == "Dinner too"
    assert charge["payment_method_details"]["card"]["amount_authorized"] == 12_500
    assert await shop.events(charge) == ["charge.succeeded", "charge.updated"]
    assert (await shop.events(intent))[1:] == ["payment_intent.amount_capturable_updated"] * 2


async def test_a_declined_increment_leaves_all_as_it_was(shop: Shop) -> None:
    intent = await shop.pay(
        capture_method="manual", payment_method_options={"card": HIGHER},
        metadata={"sandbox_fault": "decline@increment"},
    )  # fmt: skip
    error = await shop.increment(intent, amount=12_000, description="Dinner too")
    after = await shop.now(intent)
    assert (error["code"], error["decline_code"]) == ("card_declined", "generic_decline")
    assert (after["amount_capturable"], after["description"]) == (10_000, None)
    await shop.check_books()
    assert (await shop.capture(intent))["amount_received"] == 10_000


async def test_an_increment_must_be_asked_for_and_higher_and_at_most_ten_times(
    shop: Shop,
) -> None:
    plain = await shop.hold()
    code = "payment_intent_unexpected_state"
    assert (await shop.increment(plain, amount=12_000))["code"] == code
    intent = await shop.hold(**HIGHER)
    assert (await shop.increment(intent, amount=10_000))["param"] == "amount"
    for number in range(1, 11):
        assert (await shop.increment(intent, amount=10_000 + number))["amount"] == 10_000 + number
    assert (await shop.increment(intent, amount=12_000))["code"] == code
    await shop.check_books()


async def test_an_increment_that_nobody_answered_is_found_out(shop: Shop) -> None:
    intent = await shop.pay(
        capture_method="manual", payment_method_options={"card": HIGHER},
        metadata={"sandbox_fault": "error_after@increment"},
    )  # fmt: skip
    unsure = await shop.increment(intent, amount=12_000)
    await shop.settle()
    after = await shop.now(intent)
    assert unsure["status"] == "processing"
    assert (after["status"], after["amount_capturable"]) == ("requires_capture", 12_000)
    await shop.check_books()


async def test_a_card_that_wants_its_holder_is_declined_when_nobody_is_there(shop: Shop) -> None:
    error = await shop.pay("pm_card_authenticationRequired", off_session=True)
    assert (error["code"], error["decline_code"]) == (
        "authentication_required", "authentication_required",
    )  # fmt: skip
    assert error["payment_intent"]["status"] == "requires_payment_method"


async def test_the_card_option_manual_waits_for_a_capture(shop: Shop) -> None:
    options = {"card": {"capture_method": "manual"}}
    intent = await shop.pay(payment_method_options=options)
    assert (intent["status"], intent["capture_method"]) == ("requires_capture", "automatic")
    assert intent["payment_method_options"]["card"]["capture_method"] == "manual"


async def _customer(shop: Shop) -> str:
    answer = await shop.core.customers.create(shop.caller, {}, None)
    return str(orjson.loads(answer.body)["id"])


async def _keeps(shop: Shop, customer: str) -> list[str]:
    found, _ = await shop.core.payment_methods.page(
        shop.caller.merchant, {"customer": customer}, Page()
    )
    return [method.id for method in found]


async def test_a_method_for_future_use_is_kept_by_its_customer_once_the_payment_took(
    shop: Shop,
) -> None:
    customer = await _customer(shop)
    future = {"customer": customer, "setup_future_usage": "off_session"}
    declined = await shop.pay("pm_card_chargeDeclined", **future)
    assert declined["code"] == "card_declined"
    assert await _keeps(shop, customer) == []
    intent = await shop.pay(**future)
    assert await _keeps(shop, customer) == [intent["payment_method"]]
    assert "payment_method.attached" in await shop.events({"id": intent["payment_method"]})
    again = await shop.pay(intent["payment_method"], customer=customer, off_session=True)
    assert again["status"] == "succeeded"
    assert (await shop.pay(intent["payment_method"]))["code"] == "payment_method_unexpected_state"


async def test_a_method_is_kept_also_when_the_outcome_comes_late(shop: Shop) -> None:
    customer = await _customer(shop)
    intent = await shop.pay(
        customer=customer, setup_future_usage="on_session",
        metadata={"sandbox_fault": "error_after@authorize"},
    )  # fmt: skip
    assert intent["status"] == "processing"
    await shop.settle()
    after = await shop.now(intent)
    assert after["status"] == "succeeded"
    assert await _keeps(shop, customer) == [after["payment_method"]]


async def test_a_payment_method_can_be_sent_as_data(shop: Shop) -> None:
    data = {
        "type": "card", "card": {"token": "tok_mastercard"},
        "billing_details": {"name": "Jenny Rosen"},
    }  # fmt: skip
    params = {"amount": 500, "currency": "usd", "confirm": True, "payment_method_data": data}
    answer = await shop.core.payments.create_intent(shop.caller, params, None)
    charge = await shop.charge_of(orjson.loads(answer.body))
    assert charge["payment_method_details"]["card"]["brand"] == "mastercard"
    assert charge["billing_details"]["name"] == "Jenny Rosen"


async def test_an_older_client_charges_a_customers_default_card(shop: Shop) -> None:
    answer = await shop.core.customers.create(shop.caller, {"source": "tok_amex"}, None)
    customer = orjson.loads(answer.body)
    charge = await shop.charge(source=None, customer=customer["id"])
    assert charge["payment_method"] == customer["default_source"]
    assert charge["payment_method_details"]["card"]["brand"] == "amex"
    assert (await shop.charge(source=None))["param"] == "source"


async def test_a_charge_that_holds_nothing_cannot_be_captured(shop: Shop) -> None:
    held = await shop.charge(capture=False)
    shown = await _capture_charge(shop, held)
    assert (shown["captured"], shown["amount_captured"]) == (True, 10_000)
    assert (await _capture_charge(shop, held))["code"] == "charge_already_captured"
    expired = await shop.charge(capture=False)
    await shop.later(8 * DAY)
    assert (await _capture_charge(shop, expired))["code"] == "charge_expired_for_capture"
    assert await shop.events(expired) == ["charge.succeeded", "charge.expired"]


async def _capture_charge(shop: Shop, charge: Any) -> Any:
    payments = shop.core.payments
    try:
        answer = await payments.capture_charge(shop.caller, charge["id"], {}, None)
    except Refusal as refusal:
        answer = shop.core.idempotency.refused(refusal)
    body = orjson.loads(answer.body)
    return body.get("error", body)
