"""Payments from bank accounts through their lives; after each, all books say the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from hazina.refusals import Code, Refusal
from hazina.secrets import Concealed
from tests.support.flows import DAY, Shop

SUCCESS, DELAYED = "DE89370400440532013000", "DE08370400440532013003"
FAILED, NOT_COVERED = "DE62370400440532013001", "DE65370400440002222227"
_MANDATE = {"customer_acceptance": {"type": "offline", "accepted_at": 1_590_590_577}}


async def _debit(shop: Shop, iban: str, **more: Any) -> Any:
    return await shop.pay(
        currency="eur", payment_method_types=["sepa_debit"], mandate_data=_MANDATE,
        payment_method_data={"type": "sepa_debit", "sepa_debit": {"iban": Concealed(iban)}},
        **more,
    )  # fmt: skip


async def _transfer(shop: Shop, **more: Any) -> Any:
    made = await shop.core.customers.create(shop.caller, {"name": "Amina"}, None)
    transfer = {"type": "gb_bank_transfer"}
    options = {"customer_balance": {"funding_type": "bank_transfer", "bank_transfer": transfer}}
    return await shop.pay(
        currency="gbp", customer=orjson.loads(made.body)["id"],
        payment_method_types=["customer_balance"],
        payment_method_data={"type": "customer_balance"}, payment_method_options=options, **more,
    )  # fmt: skip


async def _debited(shop: Shop) -> None:
    await _debit(shop, SUCCESS)
    await shop.settle()


async def _debited_and_refunded(shop: Shop) -> None:
    await shop.pay(currency="eur")
    intent = await _debit(shop, SUCCESS)
    await shop.settle()
    assert (await shop.refund(intent, amount=4_000))["status"] == "succeeded"
    await shop.later(3 * DAY)
    assert (await shop.refund(intent))["status"] == "succeeded"


async def _under_way(shop: Shop) -> None:
    assert (await _debit(shop, DELAYED))["status"] == "processing"


async def _not_covered(shop: Shop) -> None:
    await _debit(shop, NOT_COVERED)
    await shop.settle()


async def _refused_at_once(shop: Shop) -> None:
    error = await _debit(shop, SUCCESS, metadata={"sandbox_fault": "decline"})
    assert error["code"] == "card_declined"


async def _answer_lost(shop: Shop) -> None:
    intent = await _debit(shop, SUCCESS, metadata={"sandbox_fault": "error_after"})
    assert intent["status"] == "processing"
    await shop.settle()
    assert (await shop.now(intent))["status"] == "succeeded"


async def _transfer_awaited(shop: Shop) -> None:
    assert (await _transfer(shop))["status"] == "requires_action"


async def _transfer_canceled(shop: Shop) -> None:
    assert (await shop.cancel(await _transfer(shop)))["status"] == "canceled"


FLOWS: tuple[Callable[[Shop], Awaitable[None]], ...] = (
    _debited, _debited_and_refunded, _under_way, _not_covered, _refused_at_once, _answer_lost,
    _transfer_awaited, _transfer_canceled,
)  # fmt: skip


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__.strip("_"))
async def test_all_books_agree_after(shop: Shop, flow: Callable[[Shop], Awaitable[None]]) -> None:
    await flow(shop)
    await shop.check_books()


async def test_a_debit_is_processing_with_a_pending_charge_until_the_bank_has_paid(
    shop: Shop,
) -> None:
    intent = await _debit(shop, SUCCESS)
    charge = await shop.charge_of(intent)
    assert (intent["status"], intent["amount_received"]) == ("processing", 0)
    assert (charge["status"], charge["paid"], charge["captured"]) == ("pending", False, False)
    assert charge["payment_method_details"]["sepa_debit"]["last4"] == "3000"
    assert (await shop.refund(intent))["code"] == "charge_not_refundable"
    with pytest.raises(Refusal) as refused:
        await shop.cancel(intent)
    assert refused.value.code is Code.OPERATION_IN_PROGRESS

    await shop.settle()
    after = await shop.now(intent)
    assert (after["status"], after["amount_received"]) == ("succeeded", 10_000)
    assert after["latest_charge"] == charge["id"]
    assert await shop.events(charge) == ["charge.pending", "charge.succeeded"]
    assert await shop.events(intent) == [
        "payment_intent.created", "payment_intent.processing", "payment_intent.succeeded"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("iban", "code"),
    [(FAILED, "payment_method_provider_decline"), (NOT_COVERED, "insufficient_funds")],
)
async def test_a_debit_that_the_bank_does_not_pay_can_be_tried_with_another_method(
    shop: Shop, iban: str, code: str
) -> None:
    intent = await _debit(shop, iban)
    charge = await shop.charge_of(intent)
    await shop.settle()
    after = await shop.now(intent)
    assert after["status"] == "requires_payment_method"
    assert after["last_payment_error"]["code"] == code
    assert after["last_payment_error"]["payment_method"]["type"] == "sepa_debit"
    assert (await shop.charge_of(after))["failure_code"] == code
    assert await shop.events(charge) == ["charge.pending", "charge.failed"]
    assert (await shop.events(intent))[-1] == "payment_intent.payment_failed"


async def test_nobody_is_asked_and_nothing_is_booked_for_a_bank_transfer(shop: Shop) -> None:
    intent = await _transfer(shop)
    merchant_id = shop.caller.merchant.merchant_id
    for query in (
        "SELECT id FROM command WHERE merchant_id = %s",
        "SELECT id FROM charge WHERE merchant_id = %s",
        "SELECT id FROM account WHERE owner = %s",
    ):
        assert shop.rows(query, merchant_id) == []
    events = {"payment_intent.created", "payment_intent.requires_action"}
    assert set(await shop.events(intent)) == events
    canceled = await shop.cancel(intent)
    assert (canceled["status"], canceled["next_action"]) == ("canceled", None)
