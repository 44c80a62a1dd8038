"""A page of another origin, in a real browser, that pays with the publishable key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser import DESKTOP, Visitor, apart, chromium, skip_reason
from tests.support.system import Shop, System

pytestmark = pytest.mark.skipif(skip_reason() is not None, reason=skip_reason() or "")

_CONFIRM = """
async ({url, key, secret}) => {
    const headers = {Authorization: `Bearer ${key}`, "Idempotency-Key": "of this page"};
    const body = new URLSearchParams({client_secret: secret, payment_method: "pm_card_visa"});
    const answer = await fetch(`${url}/confirm`, {method: "POST", headers, body});
    return {request: answer.headers.get("request-id"), intent: await answer.json()};
}
"""
_LIST = """
async ({url, key}) => {
    const headers = {Authorization: `Bearer ${key}`};
    return fetch(`${url}/v1/customers`, {headers}).then(() => "shown", () => "kept from the page");
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def shop(system: System) -> Shop:
    return apart(system.merchant)


def test_a_page_of_another_origin_confirms_a_payment_and_reaches_nothing_else(
    browser: Any, system: System, shop: Shop
) -> None:
    made = shop.post(
        "/v1/payment_intents", amount=2_000, currency="kes", **{"metadata[order]": "7"}
    ).body
    visitor = Visitor(browser, DESKTOP)
    visitor.page.goto(f"{system.simulator.url}/nowhere")
    asked = {
        "url": f"{shop.url}/v1/payment_intents/{made['id']}", "key": shop.publishable_key,
        "secret": made["client_secret"],
    }  # fmt: skip

    paid = visitor.page.evaluate(_CONFIRM, asked)
    listed = visitor.page.evaluate(_LIST, {"url": shop.url, "key": shop.publishable_key})
    visitor.close()

    assert paid["intent"]["status"] == "succeeded"
    assert "metadata" not in paid["intent"]
    assert paid["request"].startswith("req_")
    assert listed == "kept from the page"
