"""Test clocks: what they govern follows them, and nothing else does."""

from __future__ import annotations

import time
from typing import Any

from tests.support.system import Shop, System

_CLOCKS = "/v1/test_helpers/test_clocks"
_DAY = 86_400
_THEN = 1_893_456_000
"""The first of January 2030, which has not come yet."""


def _clock(shop: Shop, frozen_time: int, **more: Any) -> dict[str, Any]:
    answer = shop.post(_CLOCKS, frozen_time=frozen_time, **more)
    assert answer.status == 200, answer.raw
    return answer.body


def _advance(shop: Shop, clock: dict[str, Any], frozen_time: int) -> dict[str, Any]:
    path = f"{_CLOCKS}/{clock['id']}"
    begun = shop.post(f"{path}/advance", frozen_time=frozen_time)
    assert begun.status == 200, begun.raw
    assert begun.body["status"] == "advancing"
    assert begun.body["status_details"] == {"advancing": {"target_frozen_time": frozen_time}}
    return shop.until(path, "ready")


def _amounts(shop: Shop) -> tuple[int, int]:
    balance = shop.get("/v1/balance").body
    return balance["pending"][0]["amount"], balance["available"][0]["amount"]


def test_a_customers_clock_governs_its_payments_and_no_others(system: System, shop: Shop) -> None:
    clock = _clock(shop, _THEN, name="January")
    customer = shop.post("/v1/customers", email="a@b.example", test_clock=clock["id"]).body
    assert (customer["test_clock"], customer["created"]) == (clock["id"], _THEN)

    governed = shop.pay(customer=customer["id"])
    other = shop.pay()

    assert governed["created"] == _THEN
    assert abs(other["created"] - time.time()) < 60
    pending, available = _amounts(shop)
    assert available == 0
    advanced = _advance(shop, clock, _THEN + 2 * _DAY)
    assert (advanced["frozen_time"], advanced["status_details"]) == (_THEN + 2 * _DAY, {})
    assert _amounts(shop) == (pending / 2, pending / 2)
    events = shop.get("/v1/events?limit=100").body["data"]
    about = [event["type"] for event in events if event["data"]["object"].get("id") == clock["id"]]
    words = ("ready", "advancing", "created")
    assert about == [f"test_helpers.test_clock.{word}" for word in words]
    assert system.broken_invariants() == []


def test_a_clock_of_the_whole_merchant_governs_everything(system: System, shop: Shop) -> None:
    clock = _clock(shop, _THEN, **{"hazina[governs]": "merchant"})
    assert clock["hazina"] == {"governs": "merchant"}

    paid = shop.pay()
    assert paid["created"] == _THEN
    charge = shop.get(f"/v1/charges/{paid['latest_charge']}").body
    assert charge["created"] == _THEN
    _advance(shop, clock, _THEN + _DAY)
    assert _amounts(shop)[1] == 0
    _advance(shop, clock, _THEN + 2 * _DAY)
    assert _amounts(shop)[0] == 0
    assert _amounts(shop)[1] > 0
    assert system.broken_invariants() == []


def test_a_clock_that_stands_in_the_past_holds_funds_back_and_keys_not(shop: Shop) -> None:
    clock = _clock(shop, 1_600_000_000, **{"hazina[governs]": "merchant"})
    fields = {
        "amount": 900, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true",
        "payment_method_types[]": "card",
    }  # fmt: skip
    first = shop.post("/v1/payment_intents", idempotency_key="past", **fields)
    assert first.body["created"] == 1_600_000_000

    _advance(shop, clock, 1_600_000_000 + _DAY)
    assert _amounts(shop)[1] == 0
    _advance(shop, clock, 1_600_000_000 + 2 * _DAY)
    assert _amounts(shop)[0] == 0
    again = shop.post("/v1/payment_intents", idempotency_key="past", **fields)
    assert again.raw == first.raw
    assert again.headers["idempotent-replayed"] == "true"


def test_lists_and_searches_find_objects_by_the_time_of_their_clock(shop: Shop) -> None:
    clock = _clock(shop, _THEN, **{"hazina[governs]": "merchant"})
    paid = shop.pay()
    around = f"created[gte]={_THEN}&created[lt]={_THEN + 1}"
    for end in ("open", "deleted"):
        if end == "deleted":
            assert shop.delete(f"{_CLOCKS}/{clock['id']}").status == 200
        listed = shop.get(f"/v1/payment_intents?{around}").body["data"]
        found = shop.get(f"/v1/payment_intents/search?query=created%3A{_THEN}").body["data"]
        assert [one["id"] for one in listed] == [one["id"] for one in found] == [paid["id"]]


def test_a_deleted_clock_takes_its_customers_along(shop: Shop) -> None:
    clock = _clock(shop, _THEN)
    mine = shop.post("/v1/customers", test_clock=clock["id"]).body
    free = shop.post("/v1/customers", name="Amina").body
    assert [one["id"] for one in shop.get("/v1/customers").body["data"]] == [free["id"]]
    listed = shop.get(f"/v1/customers?test_clock={clock['id']}").body["data"]
    assert [one["id"] for one in listed] == [mine["id"]]

    ended = shop.delete(f"{_CLOCKS}/{clock['id']}")

    assert ended.body == {
        "id": clock["id"], "object": "test_helpers.test_clock", "deleted": True,
    }  # fmt: skip
    assert shop.get(f"/v1/customers/{mine['id']}").body["deleted"] is True
    assert shop.get(f"/v1/customers/{free['id']}").body.get("deleted") is None
    assert shop.get(f"{_CLOCKS}/{clock['id']}").status == 404
    assert shop.get(_CLOCKS).body["data"] == []


def test_what_a_clock_cannot_do_is_refused(shop: Shop, system: System) -> None:
    clock = _clock(shop, _THEN, **{"hazina[governs]": "merchant"})
    advance = f"{_CLOCKS}/{clock['id']}/advance"
    for frozen_time in (_THEN, _THEN - 1, _THEN + 800 * _DAY):
        assert shop.post(advance, frozen_time=frozen_time).error["param"] == "frozen_time"
    second = shop.post(_CLOCKS, frozen_time=_THEN, **{"hazina[governs]": "merchant"})
    assert second.error["param"] == "hazina[governs]"
    unknown = shop.post("/v1/customers", test_clock="clock_none")
    assert (unknown.status, unknown.error["param"]) == (404, "test_clock")
    other = system.merchant()
    assert other.get(f"{_CLOCKS}/{clock['id']}").status == 404
    assert other.post(advance, frozen_time=_THEN + 5).status == 404
    assert shop.post(_CLOCKS, name="no time").error["code"] == "parameter_missing"


def test_what_is_kept_and_sold_happens_at_the_time_of_its_clock(shop: Shop) -> None:
    clock = _clock(shop, _THEN)
    customer = shop.post("/v1/customers", test_clock=clock["id"]).body["id"]
    method = shop.post("/v1/payment_methods/pm_card_visa/attach", customer=customer).body["id"]
    shop.post(f"/v1/payment_methods/{method}", **{"metadata[a]": "b"})
    shop.post(f"/v1/payment_methods/{method}/detach")
    shop.post(f"/v1/customers/{customer}/sources", source="tok_visa")

    _clock(shop, _THEN + _DAY, **{"hazina[governs]": "merchant"})
    product = shop.post("/v1/products", name="Tea").body
    price = shop.post("/v1/prices", product=product["id"], currency="kes", unit_amount=500).body
    items = {"line_items[0][price]": price["id"], "line_items[0][quantity]": 1}
    shop.post("/v1/payment_links", **items)
    session = shop.post("/v1/checkout/sessions", **items).body
    ended = shop.post(f"/v1/checkout/sessions/{session['id']}/expire")

    assert ended.status == 200
    assert {product["created"], price["created"], session["created"]} == {_THEN + _DAY}
    times = {
        event["type"]: event["created"] - _THEN
        for event in shop.get("/v1/events?limit=100").body["data"]
        if not event["type"].startswith("test_helpers")
    }
    assert times == {
        "customer.created": 0, "payment_method.attached": 0, "payment_method.updated": 0,
        "payment_method.detached": 0, "customer.source.created": 0, "customer.updated": 0,
        "product.created": _DAY, "price.created": _DAY, "payment_link.created": _DAY,
        "checkout.session.expired": _DAY,
    }  # fmt: skip
