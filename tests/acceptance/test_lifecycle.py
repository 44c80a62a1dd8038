"""Lives of payments that do not go straight: unknown, failed, canceled, refunded, replayed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.cardholder_browser import answer_challenge
from tests.support.system import Shop, System

_RETURN_URL = "http://127.0.0.1:9/merchant/return"


def test_a_lost_answer_shows_as_processing_and_is_found_by_asking(
    system: System, shop: Shop
) -> None:
    fault: dict[str, Any] = {"metadata[sandbox_fault]": "timeout_after_effect,no_callback"}

    made = shop.pay(**fault)

    assert made["status"] == "processing"
    found = shop.until(f"/v1/payment_intents/{made['id']}", "succeeded")
    assert found["amount_received"] == 2000
    charges = shop.get(f"/v1/charges?payment_intent={made['id']}").body["data"]
    assert len(charges) == 1
    assert system.broken_invariants() == []


def test_a_failed_3d_secure_challenge_asks_for_another_method(shop: Shop) -> None:
    made = shop.pay("pm_card_threeDSecure2Required", return_url=_RETURN_URL)
    assert made["status"] == "requires_action"

    answer_challenge(made["next_action"]["redirect_to_url"]["url"], "fail", _RETURN_URL)

    ended = shop.until(f"/v1/payment_intents/{made['id']}", "requires_payment_method")
    assert ended["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert ended["last_payment_error"]["payment_method"]["id"] == "pm_card_threeDSecure2Required"
    assert ended["amount_received"] == 0


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ("requires_payment_method", {}),
        ("requires_confirmation", {"payment_method": "pm_card_visa"}),
        (
            "requires_action",
            {
                "payment_method": "pm_card_threeDSecure2Required",
                "confirm": "true",
                "return_url": _RETURN_URL,
            },
        ),
        (
            "requires_capture",
            {"payment_method": "pm_card_visa", "confirm": "true", "capture_method": "manual"},
        ),
    ],
)
def test_an_intent_is_canceled_in_each_state_that_allows_it(
    system: System, shop: Shop, status: str, fields: dict[str, str]
) -> None:
    basics: dict[str, Any] = {"amount": 2300, "currency": "usd", "payment_method_types[]": "card"}
    made = shop.post("/v1/payment_intents", **basics, **fields).body
    assert made["status"] == status

    answer = shop.post(f"/v1/payment_intents/{made['id']}/cancel")

    assert answer.status == 200, answer.raw
    ended = shop.until(f"/v1/payment_intents/{made['id']}", "canceled")
    assert (ended["amount_received"], ended["amount_capturable"]) == (0, 0)
    assert system.broken_invariants() == []


def test_a_succeeded_intent_is_not_canceled(shop: Shop) -> None:
    paid = shop.pay()

    refused = shop.post(f"/v1/payment_intents/{paid['id']}/cancel")

    assert refused.status == 400
    assert refused.error["code"] == "payment_intent_unexpected_state"


def test_a_pending_refund_succeeds_later(system: System, shop: Shop) -> None:
    paid = shop.pay("pm_card_pendingRefund")

    refund = shop.post("/v1/refunds", payment_intent=paid["id"]).body

    assert refund["status"] == "pending"
    shop.until(f"/v1/refunds/{refund['id']}", "succeeded")
    assert system.broken_invariants() == []


def test_a_refund_that_fails_late_gives_the_amount_back(system: System, shop: Shop) -> None:
    paid = shop.pay("pm_card_refundFail")

    refund = shop.post("/v1/refunds", payment_intent=paid["id"]).body

    ended = shop.until(f"/v1/refunds/{refund['id']}", "failed")
    assert ended["failure_reason"]
    charge = shop.get(f"/v1/charges/{paid['latest_charge']}").body
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    assert system.broken_invariants() == []


def test_a_replayed_key_answers_byte_for_byte_and_other_parameters_are_refused(
    shop: Shop,
) -> None:
    fields: dict[str, Any] = {"amount": 2000, "currency": "usd", "payment_method_types[]": "card"}
    first = shop.post("/v1/payment_intents", idempotency_key="one", **fields)

    again = shop.post("/v1/payment_intents", idempotency_key="one", **fields)
    other = shop.post("/v1/payment_intents", idempotency_key="one", **(fields | {"amount": 2001}))

    assert first.status == 200
    assert (again.status, again.raw) == (200, first.raw)
    assert other.status == 400
    assert other.error["type"] == "idempotency_error"
    assert len(shop.get("/v1/payment_intents").body["data"]) == 1


def test_a_publishable_key_does_not_take_payments(shop: Shop) -> None:
    refused = shop.post(
        "/v1/payment_intents", key=shop.publishable_key, amount=2000, currency="usd"
    )

    assert refused.status in (401, 403)
    assert refused.error["code"] == "secret_key_required"


def test_a_revoked_key_is_refused(system: System, shop: Shop) -> None:
    system.revoke(shop.secret_key)

    refused = shop.get("/v1/payment_intents")

    assert refused.status == 401
    assert refused.error["code"] == "api_key_expired"


def test_objects_of_another_merchant_do_not_exist(system: System, shop: Shop) -> None:
    paid = shop.pay()
    stranger = system.merchant()

    for path in (f"/v1/payment_intents/{paid['id']}", f"/v1/charges/{paid['latest_charge']}"):
        refused = stranger.get(path)
        assert refused.status == 404
        assert refused.error["code"] == "resource_missing"
    assert stranger.post("/v1/refunds", payment_intent=paid["id"]).status in (400, 404)


def test_refunds_at_the_same_time_never_exceed_the_payment(system: System, shop: Shop) -> None:
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            paid = shop.pay(amount=1000)
            answers = list(
                pool.map(
                    lambda _, intent=paid["id"]: shop.post(
                        "/v1/refunds", payment_intent=intent, amount=400
                    ),
                    range(4),
                )
            )
            accepted = [answer for answer in answers if answer.status == 200]
            charge = shop.get(f"/v1/charges/{paid['latest_charge']}").body
            assert 1 <= len(accepted) <= 2
            assert charge["amount_refunded"] == 400 * len(accepted)
    assert system.broken_invariants() == []
