"""Two API processes over one database, and clients that want the same thing of both at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.support.books import check_requests
from tests.support.system import Answer, Shop, System

pytestmark = pytest.mark.timeout(900)

_ROUNDS = 100 if os.environ.get("HAZINA_FAULTS") == "whole" else 8
_CLIENTS = 50
_AGAIN = {"idempotency_key_in_use", "operation_in_progress", "lock_timeout", "overloaded"}
_KEY_CACHE_SECONDS = 5.0


@pytest.fixture(scope="module")
def system(test_run: Any) -> Iterator[System]:
    """The provider and two API processes, each with its workers."""
    with test_run.database() as database_url, System(database_url) as running:
        running.api()
        yield running


@pytest.fixture
def shops(system: System) -> Iterator[tuple[Shop, Shop]]:
    """One merchant, reached through either process; afterwards all books must agree."""
    shop = system.merchant()
    yield shop, replace(shop, url=system.urls[1])
    assert system.broken_invariants() == []
    check_requests(system.simulator.requests())


def _at_once(*asked: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(len(asked)) as pool:
        return [future.result() for future in [pool.submit(one) for one in asked]]


def _patiently(asked: Callable[[], Answer]) -> Answer:
    """Do as the official clients do: send the request again while that is what they are told."""
    for _ in range(200):
        answer = asked()
        if answer.status < 400 or answer.error.get("code") not in _AGAIN:
            return answer
        assert answer.headers.get("stripe-should-retry", "true") == "true"
        time.sleep(0.05)
    raise AssertionError(f"never answered: {answer.raw!r}")


def _effects(system: System, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the provider did about an intent after its authorization, by its own books."""
    (command,) = system.rows(
        "SELECT authorize_command FROM charge WHERE payment_intent = %s", (intent["id"],)
    )
    books = system.simulator.books(command["authorize_command"])
    return [entry for entry in books if entry["kind"] != "authorize"]


def test_of_a_capture_and_a_cancel_one_is_done_and_the_other_refused(
    system: System, shops: tuple[Shop, Shop]
) -> None:
    here, there = shops
    done = set()
    for _ in range(_ROUNDS):
        held = here.pay(capture_method="manual")
        path = f"/v1/payment_intents/{held['id']}"
        answers = _at_once(
            lambda path=path: here.post(f"{path}/capture"),
            lambda path=path: there.post(f"{path}/cancel"),
        )

        assert sorted(answer.status for answer in answers)[0] == 200
        (refused,) = (answer for answer in answers if answer.status != 200)
        assert refused.error["code"] in ("operation_in_progress", "payment_intent_unexpected_state")
        status = "succeeded" if answers[0].status == 200 else "canceled"
        assert here.get(path).body["status"] == status
        (effect,) = _effects(system, held)
        assert effect["kind"] == ("capture" if status == "succeeded" else "void")
        done.add(status)
    print(f"in {_ROUNDS} rounds: {sorted(done)}")


def test_fifty_clients_with_one_key_make_one_refund_and_read_the_same_bytes(
    system: System, shops: tuple[Shop, Shop]
) -> None:
    def refund(shop: Shop, intent: str, key: str) -> Answer:
        return _patiently(
            lambda: shop.post("/v1/refunds", idempotency_key=key, payment_intent=intent, amount=500)
        )

    for number in range(max(2, _ROUNDS // 10)):
        paid = shops[0].pay()
        key = f"refund-{number}"
        asked = [partial(refund, shops[client % 2], paid["id"], key) for client in range(_CLIENTS)]
        answers = _at_once(*asked)

        assert {answer.status for answer in answers} == {200}
        assert len({answer.raw for answer in answers}) == 1
        replayed = [a for a in answers if a.headers.get("idempotent-replayed") == "true"]
        assert len(replayed) == _CLIENTS - 1, "more than one client was told that it was first"
        (effect,) = _effects(system, paid)
        assert (effect["kind"], effect["amount"]) == ("refund", 500)


def test_a_key_in_flight_in_one_process_is_refused_by_the_other_and_then_replayed(
    system: System, shops: tuple[Shop, Shop]
) -> None:
    here, there = shops
    fields: dict[str, Any] = {
        "amount": 2000, "currency": "usd", "payment_method_types[]": "card", "confirm": "true",
        "payment_method": "pm_card_visa", "metadata[sandbox_fault]": "slow",
        "metadata[sandbox_delay_ms]": "1000",
    }  # fmt: skip

    def second() -> Answer:
        time.sleep(0.4)
        return there.post("/v1/payment_intents", idempotency_key="one", **fields)

    first, refused = _at_once(
        lambda: here.post("/v1/payment_intents", idempotency_key="one", **fields), second
    )
    again = _patiently(lambda: there.post("/v1/payment_intents", idempotency_key="one", **fields))

    assert first.status == 200
    assert (refused.status, refused.error["code"]) == (409, "idempotency_key_in_use")
    assert refused.headers["stripe-should-retry"] == "true"
    assert again.raw == first.raw
    assert len(here.get("/v1/payment_intents").body["data"]) == 1


def test_a_cancel_is_refused_while_the_payment_is_processing(
    system: System, shops: tuple[Shop, Shop]
) -> None:
    here, there = shops
    fault: dict[str, Any] = {"metadata[sandbox_fault]": "timeout_after_effect,no_callback"}
    unknown = here.pay(**fault)
    assert unknown["status"] == "processing"

    refused = there.post(f"/v1/payment_intents/{unknown['id']}/cancel")

    assert refused.status in (400, 409)
    assert refused.error["code"] in ("operation_in_progress", "payment_intent_unexpected_state")
    paid = there.until(f"/v1/payment_intents/{unknown['id']}", "succeeded")
    assert paid["amount_received"] == 2000
    assert _effects(system, paid) == []


def test_two_refunds_that_fit_are_made_and_the_third_is_refused(
    system: System, shops: tuple[Shop, Shop]
) -> None:
    def refund(shop: Shop, intent: str) -> Answer:
        return _patiently(lambda: shop.post("/v1/refunds", payment_intent=intent, amount=400))

    for _ in range(_ROUNDS):
        paid = shops[0].pay(amount=1000)
        asked = [partial(refund, shops[client % 2], paid["id"]) for client in range(3)]
        answers = _at_once(*asked)

        assert sorted(answer.status for answer in answers) == [200, 200, 400]
        (refused,) = (answer for answer in answers if answer.status == 400)
        assert (
            refused.error["code"] == "refund_exceeds_charge"
            or "greater" in (refused.error["message"])
        )
        effects = _effects(system, paid)
        assert [(one["kind"], one["amount"]) for one in effects] == [("refund", 400)] * 2
        charge = shops[0].get(f"/v1/charges/{paid['latest_charge']}").body
        assert charge["amount_refunded"] == 800


def test_a_decline_is_replayed_by_the_other_process(shops: tuple[Shop, Shop]) -> None:
    here, there = shops
    fields: dict[str, Any] = {
        "amount": 2000, "currency": "usd", "payment_method_types[]": "card", "confirm": "true",
        "payment_method": "pm_card_chargeDeclinedInsufficientFunds",
    }  # fmt: skip
    first = here.post("/v1/payment_intents", idempotency_key="one", **fields)
    again = there.post("/v1/payment_intents", idempotency_key="one", **fields)

    assert (first.status, first.error["decline_code"]) == (402, "insufficient_funds")
    assert (again.status, again.raw) == (402, first.raw)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(here.get("/v1/payment_intents").body["data"]) == 1


def test_a_revoked_key_ends_in_every_process_within_the_age_of_its_cache(
    system: System, shops: tuple[Shop, Shop]
) -> None:
    for shop in shops:
        assert shop.get("/v1/balance").status == 200
    # Revoked by a third process: both have it in their caches now.
    system.revoke(shops[0].secret_key)
    time.sleep(_KEY_CACHE_SECONDS + 0.5)

    for shop in shops:
        refused = shop.get("/v1/balance")
        assert (refused.status, refused.error["code"]) == (401, "api_key_expired")
