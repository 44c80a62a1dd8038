"""Payments with methods that customers keep, through the public API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.system import Shop, System


def _attached(shop: Shop, customer: str, name: str = "pm_card_visa") -> str:
    answer = shop.post(f"/v1/payment_methods/{name}/attach", customer=customer)
    assert answer.status == 200, answer.raw
    return str(answer.body["id"])


def _refused(shop: Shop, **fields: Any) -> dict[str, Any]:
    base = {"amount": 2000, "currency": "usd", "confirm": "true"}
    return shop.post("/v1/payment_intents", **(base | fields)).error


@pytest.fixture
def customer(shop: Shop) -> str:
    """A customer of the test's own merchant."""
    return str(shop.post("/v1/customers").body["id"])


def test_a_kept_method_pays_for_its_customer_alone(
    system: System, shop: Shop, customer: str
) -> None:
    method = _attached(shop, customer, "pm_card_mastercard")
    other = shop.post("/v1/customers").body["id"]
    paid = shop.pay(method, customer=customer)

    charge = shop.get(f"/v1/charges/{paid['latest_charge']}").body
    assert (paid["status"], paid["payment_method"]) == ("succeeded", method)
    assert charge["payment_method_details"]["card"]["brand"] == "mastercard"
    assert _refused(shop, payment_method=method)["param"] == "payment_method"
    assert _refused(shop, payment_method=method, customer=other)["param"] == "payment_method"
    assert system.broken_invariants() == []


def test_a_detached_method_pays_no_more(shop: Shop, customer: str) -> None:
    method = _attached(shop, customer)
    shop.post(f"/v1/payment_methods/{method}/detach")

    error = _refused(shop, payment_method=method, customer=customer)
    assert error["code"] == "payment_method_unexpected_state"


def test_another_merchants_method_is_not_there(system: System, shop: Shop) -> None:
    stranger = system.merchant()
    theirs = _attached(stranger, stranger.post("/v1/customers").body["id"])

    assert _refused(shop, payment_method=theirs)["code"] == "resource_missing"
    assert shop.get(f"/v1/payment_methods/{theirs}").status == 404


def test_a_number_that_is_declined_declines_as_its_well_known_name_does(
    shop: Shop, customer: str
) -> None:
    card = {"number": "4000000000009995", "exp_month": "12", "exp_year": "2034", "cvc": "123"}
    fields = {f"card[{name}]": value for name, value in card.items()}
    made = shop.post("/v1/payment_methods", type="card", **fields).body
    error = _refused(shop, payment_method=made["id"])

    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    charge = shop.get(f"/v1/charges/{error['charge']}").body
    assert charge["payment_method_details"]["card"]["last4"] == "9995"


def test_future_use_keeps_the_method_only_when_the_payment_succeeds(
    shop: Shop, customer: str
) -> None:
    wanted = {"customer": customer, "setup_future_usage": "off_session"}
    _refused(shop, payment_method="pm_card_chargeDeclined", **wanted)
    path = f"/v1/customers/{customer}/payment_methods"
    assert shop.get(path).body["data"] == []
    paid = shop.pay("pm_card_visa", **wanted)

    (kept,) = shop.get(path).body["data"]
    assert kept["id"] == paid["payment_method"]
    assert shop.pay(kept["id"], customer=customer)["status"] == "succeeded"


def test_a_legacy_charge_takes_the_customers_default_card(shop: Shop) -> None:
    customer = shop.post("/v1/customers", source="tok_visa").body
    charge = shop.post("/v1/charges", amount=700, currency="usd", customer=customer["id"]).body

    assert (charge["status"], charge["customer"]) == ("succeeded", customer["id"])
    assert charge["payment_method"] == customer["default_source"]
