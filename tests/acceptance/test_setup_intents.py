"""Setup intents whose outcome comes later: by inquiry, and by a customer who authenticates."""

from __future__ import annotations

from typing import Any

from tests.support.cardholder_browser import answer_challenge
from tests.support.system import Shop, System

_INTENTS = "/v1/setup_intents"
_RETURN_URL = "http://127.0.0.1:1/back"


def _confirmed(shop: Shop, method: str, **more: Any) -> dict[str, Any]:
    answer = shop.post(_INTENTS, confirm="true", payment_method=method, **more)
    assert answer.status == 200, answer.raw
    return answer.body


def _types(shop: Shop, object_id: str) -> list[str]:
    found = shop.get("/v1/events?limit=100").body["data"]
    return [one["type"] for one in found if one["data"]["object"]["id"] == object_id]


def test_a_setup_of_unknown_outcome_settles_by_inquiry(system: System, shop: Shop) -> None:
    customer = shop.post("/v1/customers").body["id"]
    fault = {"metadata[sandbox_fault]": "timeout_after_effect,no_callback"}
    made = _confirmed(shop, "pm_card_visa", customer=customer, **fault)
    assert made["status"] == "processing"

    done = shop.until(f"{_INTENTS}/{made['id']}", "succeeded")
    method = shop.get(f"/v1/payment_methods/{done['payment_method']}").body
    assert method["customer"] == customer
    assert _types(shop, made["id"]).count("setup_intent.succeeded") == 1
    assert system.broken_invariants() == []


def test_a_setup_that_never_reached_the_provider_fails_and_can_be_tried_again(shop: Shop) -> None:
    made = _confirmed(shop, "pm_card_visa", **{"metadata[sandbox_fault]": "timeout_before_effect"})
    assert made["status"] == "processing"

    failed = shop.until(f"{_INTENTS}/{made['id']}", "requires_payment_method", 30)
    assert failed["last_setup_error"]["code"] == "processing_error"
    path = f"{_INTENTS}/{made['id']}/confirm"
    assert shop.post(path, payment_method="pm_card_visa").status == 200


def test_a_customer_who_authenticates_completes_the_setup(shop: Shop) -> None:
    customer = shop.post("/v1/customers").body["id"]
    method = "pm_card_authenticationRequiredOnSetup"
    made = _confirmed(shop, method, customer=customer, return_url=_RETURN_URL)
    url = made["next_action"]["redirect_to_url"]["url"]

    assert answer_challenge(url, "complete", _RETURN_URL).startswith(_RETURN_URL)
    done = shop.until(f"{_INTENTS}/{made['id']}", "succeeded")
    assert done["next_action"] is None
    # Set up once, this card asks no more.
    paid = shop.pay(done["payment_method"], customer=customer)
    assert paid["status"] == "succeeded"


def test_a_customer_who_fails_to_authenticate_is_asked_for_another_card(shop: Shop) -> None:
    made = _confirmed(shop, "pm_card_threeDSecureRequired", return_url=_RETURN_URL)
    answer_challenge(made["next_action"]["redirect_to_url"]["url"], "fail", _RETURN_URL)

    failed = shop.until(f"{_INTENTS}/{made['id']}", "requires_payment_method")
    assert failed["last_setup_error"]["code"] == "setup_intent_authentication_failure"
    (attempt,) = shop.get(f"/v1/setup_attempts?setup_intent={made['id']}").body["data"]
    assert attempt["status"] == "failed"


def test_a_canceled_setup_stays_so_when_the_customer_authenticates_late(shop: Shop) -> None:
    made = _confirmed(shop, "pm_card_authenticationRequired", return_url=_RETURN_URL)
    assert shop.post(f"{_INTENTS}/{made['id']}/cancel").status == 200
    answer_challenge(made["next_action"]["redirect_to_url"]["url"], "complete", _RETURN_URL)

    # A later payment's callback is worked off after this one's.
    shop.until(f"/v1/payment_intents/{shop.pay()['id']}", "succeeded")
    assert shop.get(f"{_INTENTS}/{made['id']}").body["status"] == "canceled"
    assert "setup_intent.succeeded" not in _types(shop, made["id"])
