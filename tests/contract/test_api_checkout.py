"""Checkout sessions and payment links over HTTP on a served API, in Stripe's shape."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import stripe_schema
from tests.support.served import Served, served

SALE = {
    "line_items[0][price_data][currency]": "kes",
    "line_items[0][price_data][unit_amount]": 150_000,
    "line_items[0][price_data][product_data][name]": "Kikoi",
    "line_items[0][quantity]": 2,
    "mode": "payment",
    "success_url": "https://shop.example/thanks?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://shop.example/basket",
}


class Client:
    """Sends forms and checks the shape of everything that comes back."""

    def __init__(self, api: Served) -> None:
        self.api = api

    def __call__(
        self, method: str, path: str, fields: dict[str, Any] | None = None, status: int = 200
    ) -> dict[str, Any]:
        body = urlencode(fields or {}).encode()
        if method == "GET" and body:
            path, body = f"{path}?{body.decode()}", b""
        answer = self.api.send(method, path, body)
        assert stripe_schema.check(answer.body) == []
        assert answer.status == status, answer.body
        found: dict[str, Any] = answer.body
        return found

    def event_types(self, object_id: str) -> list[str]:
        """Return the types of the events about an object, oldest first."""
        found = self("GET", "/v1/events", {"limit": 100})["data"]
        return [one["type"] for one in reversed(found) if one["data"]["object"]["id"] == object_id]


@pytest.fixture(scope="module")
def api(test_run: Any) -> Iterator[Served]:
    with test_run.database() as url, served(url) as running:
        yield running


@pytest.fixture
def client(api: Served) -> Client:
    return Client(api)


def test_a_session_says_what_it_sells_and_where_it_is_paid(client: Client) -> None:
    made = client("POST", "/v1/checkout/sessions", SALE | {"client_reference_id": "order 7"})

    assert (made["amount_total"], made["currency"]) == (300_000, "kes")
    assert (made["status"], made["payment_status"], made["payment_intent"]) == (
        "open", "unpaid", None,
    )  # fmt: skip
    assert made["url"].endswith(f"/c/pay/{made['id']}")
    assert made["expires_at"] - made["created"] == 24 * 3600
    one = f"/v1/checkout/sessions/{made['id']}"
    assert client("GET", one) == made
    items = client("GET", f"{one}/line_items")["data"]
    assert [(item["description"], item["amount_total"]) for item in items] == [("Kikoi", 300_000)]
    price = client("GET", f"/v1/prices/{items[0]['price']['id']}")
    assert (price["active"], price["unit_amount"]) == (False, 150_000)
    wanted = {"expand[0]": "line_items", "expand[1]": "line_items.data.price.product"}
    expanded = client("GET", one, wanted)
    assert expanded["line_items"]["data"][0]["price"]["product"]["name"] == "Kikoi"
    changed = client("POST", one, {"metadata[order]": "7"})
    assert client("GET", "/v1/checkout/sessions", {"limit": 1})["data"] == [changed]


def test_an_expired_session_says_so_once_and_for_good(client: Client) -> None:
    made = client("POST", "/v1/checkout/sessions", SALE)
    one = f"/v1/checkout/sessions/{made['id']}"

    expired = client("POST", f"{one}/expire")

    assert (expired["status"], expired["url"]) == ("expired", None)
    refused = client("POST", f"{one}/expire", status=400)
    assert refused["error"]["code"] == "checkout_session_unexpected_state"
    assert client.event_types(made["id"]) == ["checkout.session.expired"]


def test_sessions_sell_prices_of_the_catalog(client: Client) -> None:
    fields = {"currency": "usd", "unit_amount": 1_250, "product_data[name]": "Soap"}
    price = client("POST", "/v1/prices", fields)["id"]
    items = {"line_items[0][price]": price, "line_items[0][quantity]": 3}
    customer = client("POST", "/v1/customers", {"email": "amina@example.com"})["id"]
    made = client("POST", "/v1/checkout/sessions", items | {"customer": customer})
    assert (made["amount_total"], made["customer"], made["success_url"]) == (3_750, customer, None)
    client("POST", f"/v1/prices/{price}", {"active": "false"})
    refused = client("POST", "/v1/checkout/sessions", items, status=400)
    assert refused["error"]["param"] == "line_items[0][price]"
    items["customer"] = "cus_none"
    refused = client("POST", "/v1/checkout/sessions", items, status=404)
    assert refused["error"]["param"] == "customer"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"mode": "subscription"}, "not_supported"),
        ({"mode": "setup"}, "not_supported"),
        ({"ui_mode": "embedded_page"}, "parameter_invalid"),
        ({"discounts[0][coupon]": "x"}, "not_supported"),
        ({"line_items[0][adjustable_quantity][enabled]": "true"}, "parameter_invalid"),
        ({"line_items[0][price_data][recurring][interval]": "month"}, "not_supported"),
        ({"line_items[0][quantity]": 0}, "parameter_invalid_integer"),
        ({"line_items[0][price]": "price_none"}, "parameter_missing"),
        ({"line_items[1][price]": "price_none", "line_items[1][quantity]": 1}, "resource_missing"),
        ({"customer": "cus_none"}, "resource_missing"),
        ({"success_url": "javascript:alert(1)"}, "parameter_invalid"),
        ({"expires_at": int(time.time()) + 60}, "parameter_invalid_integer"),
        ({"expires_at": int(time.time()) + 90_000}, "parameter_invalid_integer"),
        ({"payment_intent_data[transfer_data][destination]": "acct_1"}, "not_supported"),
        ({"line_items[0][price_data][unit_amount]": 0}, "amount_too_small"),
    ],
)
def test_what_a_session_cannot_be_is_refused(
    client: Client, fields: dict[str, Any], code: str
) -> None:
    before = client.api.row_counts()
    refused = client("POST", "/v1/checkout/sessions", SALE | fields, status=_status(code))
    assert refused["error"]["code"] == code
    assert client.api.row_counts() == before


def _status(code: str) -> int:
    return 404 if code == "resource_missing" else 400


def test_two_currencies_are_not_one_sale(client: Client) -> None:
    second = {
        "line_items[1][price_data][currency]": "usd",
        "line_items[1][price_data][unit_amount]": 100,
        "line_items[1][price_data][product_data][name]": "Tea",
        "line_items[1][quantity]": 1,
    }
    refused = client("POST", "/v1/checkout/sessions", SALE | second, status=400)
    assert "kes, usd" in refused["error"]["message"]


def test_a_recurring_price_is_not_sold(client: Client) -> None:
    fields = {"currency": "usd", "unit_amount": 100, "product_data[name]": "Gym"}
    price = client("POST", "/v1/prices", fields | {"recurring[interval]": "month"})["id"]
    items = {"line_items[0][price]": price, "line_items[0][quantity]": 1}
    refused = client("POST", "/v1/checkout/sessions", items, status=400)
    assert refused["error"]["code"] == "not_supported"

    link = client("POST", "/v1/payment_links", items)

    assert link["active"] is False
    one = f"/v1/payment_links/{link['id']}"
    assert client("POST", one, {"active": "true"}, status=400)["error"]["code"] == "not_supported"


def test_a_payment_link_is_made_changed_and_listed(client: Client) -> None:
    items = {name: value for name, value in SALE.items() if name.startswith("line_items")}
    link = client("POST", "/v1/payment_links", items | {"metadata[stall]": "4"})
    one = f"/v1/payment_links/{link['id']}"
    assert link["url"].endswith(f"/c/link/{link['id']}")
    assert (link["active"], link["currency"]) == (True, "kes")

    changed = client("POST", one, {"active": "false", "inactive_message": "Sold out."})

    assert (changed["active"], changed["inactive_message"]) == (False, "Sold out.")
    assert client("GET", one) == changed
    assert client("GET", "/v1/payment_links", {"active": "false", "limit": 1})["data"] == [changed]
    assert client("GET", f"{one}/line_items")["data"][0]["description"] == "Kikoi"
    assert client.event_types(link["id"]) == ["payment_link.created", "payment_link.updated"]
