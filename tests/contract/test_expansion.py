"""What `expand` shows: objects in place of ids, lists in objects, and null where nothing is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hazina.api.expand import NEVER_SET
from tests.support.direct import Direct, direct

PAY = {
    "amount": 2_000, "currency": "kes", "payment_method": "pm_card_bypassPending",
    "confirm": "true", "return_url": "https://duka.test/done",
}  # fmt: skip
WAYS = {
    "payment_intent": "/v1/payment_intents", "charge": "/v1/charges", "refund": "/v1/refunds",
    "setup_intent": "/v1/setup_intents", "product": "/v1/products",
    "checkout.session": "/v1/checkout/sessions", "payment_link": "/v1/payment_links",
    "setup_attempt": "/v1/setup_attempts",
}  # fmt: skip


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Direct]:
    async with direct(database_url) as one:
        yield one


async def test_what_stripe_expands_and_is_never_set_here_stays_null(api: Direct) -> None:
    key = await api.core.merchants.issue_key(await api.core.merchants.create())
    paid = await api.post(key, "/v1/payment_intents", **PAY)
    await api.post(key, "/v1/refunds", payment_intent=paid["id"], amount=100)
    setup = await api.post(
        key, "/v1/setup_intents", payment_method="pm_card_visa", confirm="true",
        return_url="https://duka.test/done",
    )  # fmt: skip
    price = await api.post(
        key, "/v1/prices", currency="kes", unit_amount=500, **{"product_data[name]": "Tea"}
    )
    item = {"line_items[0][price]": price["id"], "line_items[0][quantity]": 1}
    await api.post(key, "/v1/checkout/sessions", **item)
    await api.post(key, "/v1/payment_links", **item)
    assert WAYS.keys() == NEVER_SET.keys()
    for kind, names in NEVER_SET.items():
        asked = {"expand[]": [f"data.{name}" for name in sorted(names)], "limit": 1}
        if kind == "setup_attempt":
            asked["setup_intent"] = setup["id"]
        listed = await api.send(key, "GET", WAYS[kind], asked)
        assert listed.status == 200, listed.body
        assert [one["object"] for one in listed.body["data"]] == [kind]
        assert {listed.body["data"][0].get(name) for name in names} == {None}


async def test_lists_inside_an_object_are_expanded_item_by_item(api: Direct) -> None:
    key = await api.core.merchants.issue_key(await api.core.merchants.create())
    paid = await api.post(key, "/v1/payment_intents", **PAY)
    refund = await api.post(key, "/v1/refunds", payment_intent=paid["id"], amount=100)
    path = "latest_charge.refunds.data.balance_transaction"
    shown = await api.send(key, "GET", f"/v1/payment_intents/{paid['id']}", {"expand[]": path})
    (found,) = shown.body["latest_charge"]["refunds"]["data"]
    assert found["id"] == refund["id"]
    assert found["balance_transaction"]["amount"] == -100
    refused = await api.send(
        key, "GET", f"/v1/payment_intents/{paid['id']}", {"expand[]": "latest_charge.nothing"}
    )
    assert (refused.status, refused.code) == (400, "parameter_invalid")


async def test_a_customers_test_clock_is_shown_in_full(api: Direct) -> None:
    key = await api.core.merchants.issue_key(await api.core.merchants.create())
    clock = await api.post(key, "/v1/test_helpers/test_clocks", frozen_time=1_893_456_000)
    customer = await api.post(
        key, "/v1/customers", test_clock=clock["id"], **{"expand[]": "test_clock"}
    )
    assert customer["test_clock"] == clock
