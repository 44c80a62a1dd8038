"""Products and prices over HTTP on a served API, each answer checked against Stripe's shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import stripe_schema
from tests.support.served import Served, served


class Client:
    """Sends forms and checks the shape of everything that comes back."""

    def __init__(self, api: Served) -> None:
        self._api = api

    def __call__(
        self, method: str, path: str, fields: dict[str, Any] | None = None, status: int = 200
    ) -> dict[str, Any]:
        body = urlencode(fields or {}).encode()
        if method == "GET" and body:
            path, body = f"{path}?{body.decode()}", b""
        answer = self._api.send(method, path, body)
        assert stripe_schema.check(answer.body) == []
        assert answer.status == status, answer.body
        found: dict[str, Any] = answer.body
        return found

    def events(self, object_id: str) -> list[dict[str, Any]]:
        """Return the events about an object, oldest first."""
        found = self("GET", "/v1/events", {"limit": 100})["data"]
        return [one for one in reversed(found) if one["data"]["object"]["id"] == object_id]


@pytest.fixture(scope="module")
def api(test_run: Any) -> Iterator[Served]:
    with test_run.database() as url, served(url) as running:
        yield running


@pytest.fixture
def client(api: Served) -> Client:
    return Client(api)


def test_a_product_is_created_changed_listed_and_deleted_and_each_step_is_an_event(
    client: Client,
) -> None:
    made = client("POST", "/v1/products", {"name": "Kikapu", "images[]": "https://a.example/x.png"})
    one = f"/v1/products/{made['id']}"
    changed = client("POST", one, {"description": "Sisal", "metadata[a]": "1", "active": "false"})
    assert (changed["description"], changed["metadata"]) == ("Sisal", {"a": "1"})
    assert client("GET", one) == changed
    listed = client("GET", "/v1/products", {"active": "false", "limit": 1})["data"]
    assert listed == [changed]

    deleted = client("DELETE", one)

    assert deleted == {"id": made["id"], "object": "product", "deleted": True}
    client("GET", one, status=404)
    events = client.events(made["id"])
    assert [event["type"] for event in events] == [
        "product.created", "product.updated", "product.deleted",
    ]  # fmt: skip
    previous = events[1]["data"]["previous_attributes"]
    assert {name: previous[name] for name in ("active", "description", "metadata")} == {
        "active": True, "description": None, "metadata": {},
    }  # fmt: skip


def test_a_product_comes_with_its_default_price_which_can_be_expanded(client: Client) -> None:
    fields = {
        "name": "Kikoi", "default_price_data[currency]": "kes",
        "default_price_data[unit_amount]": 150_000, "expand[]": "default_price",
    }  # fmt: skip

    made = client("POST", "/v1/products", fields)

    price = made["default_price"]
    assert (price["unit_amount"], price["product"]) == (150_000, made["id"])
    assert [event["type"] for event in client.events(price["id"])] == ["price.created"]
    refused = client("DELETE", f"/v1/products/{made['id']}", status=400)
    assert refused["error"]["code"] == "product_in_use"
    refused = client("POST", f"/v1/prices/{price['id']}", {"active": "false"}, status=400)
    assert refused["error"]["code"] == "price_in_use"


def test_an_id_is_a_products_for_good(client: Client) -> None:
    client("POST", "/v1/products", {"name": "A", "id": "kanga"})
    refused = client("POST", "/v1/products", {"name": "B", "id": "kanga"}, status=400)
    assert refused["error"]["code"] == "resource_already_exists"
    client("DELETE", "/v1/products/kanga")
    client("POST", "/v1/products", {"name": "B", "id": "kanga"}, status=400)


def test_products_are_listed_by_age_whatever_their_ids_are(client: Client) -> None:
    ids = ["zebra", "apple", "mango"]
    for one in ids:
        client("POST", "/v1/products", {"name": one, "id": one})
    wanted = {f"ids[{index}]": one for index, one in enumerate(ids)}
    found = client("GET", "/v1/products", wanted | {"limit": 2})
    assert [one["id"] for one in found["data"]] == ["mango", "apple"]
    assert found["has_more"] is True
    rest = client("GET", "/v1/products", wanted | {"starting_after": "apple"})
    assert [one["id"] for one in rest["data"]] == ["zebra"]
    back = client("GET", "/v1/products", wanted | {"ending_before": "zebra", "limit": 1})
    assert [one["id"] for one in back["data"]] == ["apple"]


def test_a_price_says_its_amount_in_both_ways(client: Client) -> None:
    base = {"currency": "usd", "product_data[name]": "Soap"}
    price = client("POST", "/v1/prices", base | {"unit_amount_decimal": "1250.00"})
    assert (price["unit_amount"], price["unit_amount_decimal"]) == (1250, "1250")
    assert price["type"] == "one_time"
    refused = client("POST", "/v1/prices", base | {"unit_amount_decimal": "0.5"}, status=400)
    assert refused["error"]["code"] == "not_supported"
    client("POST", "/v1/prices", base, status=400)
    client("POST", "/v1/prices", base | {"unit_amount": 1, "unit_amount_decimal": "1"}, status=400)
    client("POST", "/v1/prices", {"currency": "usd", "unit_amount": 5}, status=400)
    client("POST", "/v1/prices", {"currency": "zzz", "product": "x", "unit_amount": 5}, status=404)


def test_what_is_said_about_a_price_changes_and_its_amount_does_not(client: Client) -> None:
    fields = {"currency": "jpy", "unit_amount": 900, "product_data[name]": "Tea"}
    price = client("POST", "/v1/prices", fields)
    one = f"/v1/prices/{price['id']}"
    changed = client(
        "POST", one, {"nickname": "old", "active": "false", "tax_behavior": "inclusive"}
    )
    assert (changed["nickname"], changed["active"]) == ("old", False)
    client("POST", one, {"unit_amount": 800}, status=400)
    client("POST", one, {"tax_behavior": "exclusive"}, status=400)
    last = client.events(price["id"])[-1]
    assert last["type"] == "price.updated"
    assert last["data"]["previous_attributes"] == {
        "active": True, "nickname": None, "tax_behavior": "unspecified",
    }  # fmt: skip
    listed = client("GET", "/v1/prices", {"product": price["product"], "expand[]": "data.product"})
    assert listed["data"][0]["product"]["name"] == "Tea"


def test_a_lookup_key_belongs_to_one_price_and_moves_only_when_asked_to(client: Client) -> None:
    base = {"currency": "usd", "unit_amount": 100, "product_data[name]": "Mat", "lookup_key": "mat"}
    first = client("POST", "/v1/prices", base)
    refused = client("POST", "/v1/prices", base | {"unit_amount": 120}, status=400)
    assert refused["error"]["code"] == "resource_already_exists"

    second = client("POST", "/v1/prices", base | {"transfer_lookup_key": "true"})

    assert client("GET", f"/v1/prices/{first['id']}")["lookup_key"] is None
    assert client("GET", "/v1/prices", {"lookup_keys[]": "mat"})["data"] == [second]
    assert client.events(first["id"])[-1]["data"]["previous_attributes"] == {"lookup_key": "mat"}
    released = client("POST", f"/v1/prices/{second['id']}", {"lookup_key": ""})
    assert released["lookup_key"] is None
    client("POST", f"/v1/prices/{first['id']}", {"lookup_key": "mat"})


def test_a_recurring_price_is_kept_as_it_was_described(client: Client) -> None:
    fields = {"currency": "usd", "unit_amount": 5, "product_data[name]": "Gym"}
    price = client("POST", "/v1/prices", fields | {"recurring[interval]": "month"})
    assert (price["type"], price["recurring"]["interval_count"]) == ("recurring", 1)
    metered = fields | {"recurring[interval]": "month", "recurring[usage_type]": "metered"}
    client("POST", "/v1/prices", metered, status=400)
    tiered = client("POST", "/v1/prices", fields | {"tiers_mode": "graduated"}, status=400)
    assert tiered["error"]["code"] == "not_supported"
