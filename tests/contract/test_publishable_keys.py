"""What a browser with a publishable key can do, and what stays hidden from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.direct import Answer, Direct, direct

INTENT = {
    "amount": "2000", "currency": "kes", "metadata[order]": "7",
    "return_url": "https://duka.test/done",
}  # fmt: skip
HIDDEN = {"application", "customer", "latest_charge", "metadata", "review", "transfer_data"}


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant with both its keys."""

    api: Direct
    secret: str
    publishable: str

    async def intent(self, **fields: Any) -> dict[str, Any]:
        return await self.api.post(self.secret, "/v1/payment_intents", **INTENT, **fields)

    async def ask(self, method: str, path: str, **fields: Any) -> Answer:
        return await self.api.send(self.publishable, method, path, fields)


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with direct(database_url, checked=False) as api:
        merchants = api.core.merchants
        merchant = await merchants.create()
        publishable = await merchants.issue_key(merchant, publishable=True)
        yield Shop(api, await merchants.issue_key(merchant), publishable)


async def test_an_intent_is_shown_and_confirmed_only_with_its_client_secret(shop: Shop) -> None:
    intent, other = await shop.intent(), await shop.intent()
    one = f"/v1/payment_intents/{intent['id']}"
    for method, path in (("GET", one), ("POST", f"{one}/confirm")):
        missing = await shop.ask(method, path)
        assert (missing.status, missing.code) == (400, "parameter_missing")
        foreign = await shop.ask(method, path, client_secret=other["client_secret"])
        assert (foreign.status, foreign.code) == (404, "resource_missing")
    shown = await shop.ask("GET", one, client_secret=intent["client_secret"])
    assert shown.status == 200
    assert not HIDDEN & shown.body.keys()
    paid = await shop.ask(
        "POST", f"{one}/confirm", client_secret=intent["client_secret"],
        payment_method="pm_card_visa",
    )  # fmt: skip
    assert (paid.status, paid.body["status"]) == (200, "succeeded")
    assert not HIDDEN & paid.body.keys()


async def test_a_decline_shows_no_more_of_the_intent_than_a_success(shop: Shop) -> None:
    intent = await shop.intent()
    declined = await shop.ask(
        "POST", f"/v1/payment_intents/{intent['id']}/confirm",
        client_secret=intent["client_secret"], payment_method="pm_card_chargeDeclined",
    )  # fmt: skip
    assert (declined.status, declined.code) == (402, "card_declined")
    assert not HIDDEN & declined.body["error"]["payment_intent"].keys()


async def test_a_browser_makes_a_payment_method_and_a_token(shop: Shop) -> None:
    card = {"card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040"}
    method = await shop.ask("POST", "/v1/payment_methods", type="card", **card)
    token = await shop.ask("POST", "/v1/tokens", **card)
    assert (method.status, token.status) == (200, 200)
    assert b"4242424242424242" not in method.raw + token.raw


async def test_expansion_shows_the_payment_method_and_not_its_customer(shop: Shop) -> None:
    intent = await shop.intent(payment_method="pm_card_visa")
    one = f"/v1/payment_intents/{intent['id']}"
    for expanded, status in (
        ("payment_method", 200),
        ("payment_method.customer", 403),
        ("customer", 403),
        ("latest_charge", 403),
    ):
        answer = await shop.ask(
            "GET", one, client_secret=intent["client_secret"], **{"expand[]": expanded}
        )
        assert answer.status == status, (expanded, answer.body)


async def test_a_failed_attempt_is_told_without_what_is_the_merchants(shop: Shop) -> None:
    customer = await shop.api.post(shop.secret, "/v1/customers", name="Amina")
    card = {"card[number]": "4000000000000341", "card[exp_month]": "12", "card[exp_year]": "2040"}
    kept = await shop.api.post(
        shop.secret, "/v1/payment_methods", type="card", **card, **{"metadata[tier]": "gold"}
    )
    await shop.api.post(
        shop.secret, f"/v1/payment_methods/{kept['id']}/attach", customer=customer["id"]
    )
    for home, last_error, more in (
        ("payment_intents", "last_payment_error", {"amount": 900, "currency": "kes"}),
        ("setup_intents", "last_setup_error", {}),
    ):
        made = await shop.api.post(shop.secret, f"/v1/{home}", customer=customer["id"], **more)
        one = f"/v1/{home}/{made['id']}"
        secret = {"client_secret": made["client_secret"]}
        with_kept = secret | {"payment_method": kept["id"], "return_url": "https://duka.test/"}
        if home == "setup_intents":
            with_kept["payment_method"] = "pm_card_chargeDeclined"
        declined = await shop.ask("POST", f"{one}/confirm", **with_kept)
        assert declined.status == 402, declined.body
        shown = (await shop.ask("GET", one, **secret)).body
        for error in (declined.body["error"], shown[last_error]):
            assert error["code"] == "card_declined"
            assert not {"charge", "network_decline_code", "network_advice_code"} & error.keys()
            assert error["payment_method"]["id"] == with_kept["payment_method"] or (
                home == "setup_intents"
            )
            assert not {"customer", "metadata"} & error["payment_method"].keys()


async def test_a_replay_to_a_browser_shows_as_little_and_names_the_first_request(
    shop: Shop,
) -> None:
    intent = await shop.intent()
    fields = {
        "client_secret": intent["client_secret"], "payment_method": "pm_card_visa",
        "expand[]": "payment_method",
    }  # fmt: skip
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    send = shop.api.send
    first = await send(shop.publishable, "POST", path, fields, idempotency_key="once")
    again = await send(shop.publishable, "POST", path, fields, idempotency_key="once")
    assert first.status == 200
    assert not HIDDEN & first.body.keys()
    assert not {"customer", "metadata"} & first.body["payment_method"].keys()
    assert again.raw == first.raw
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]


@pytest.mark.parametrize(
    "param",
    [
        "capture_method", "error_on_requires_action", "off_session",
        "payment_method_options[card][capture_method]", "payment_method_types[0]",
    ],
)  # fmt: skip
async def test_a_browser_does_not_decide_how_the_merchant_is_paid(shop: Shop, param: str) -> None:
    intent = await shop.intent()
    values = {"capture_method": "manual", "payment_method_types[0]": "card"}
    value = values.get(param, "manual" if "options" in param else "true")
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    fields = {"payment_method": "pm_card_visa", param: value}
    refused = await shop.ask("POST", path, client_secret=intent["client_secret"], **fields)
    assert (refused.status, refused.code) == (403, "secret_key_required")
    assert refused.body["error"]["param"] == param.partition("[")[0]
    allowed = await shop.api.send(shop.secret, "POST", path, fields)
    assert allowed.status == 200


async def test_a_page_of_another_origin_may_do_what_a_publishable_key_is_for(shop: Shop) -> None:
    intent = await shop.intent()
    confirm = f"/v1/payment_intents/{intent['id']}/confirm"
    origin = {"origin": "https://duka.test"}
    asks = origin | {"access_control_request_method": "POST"}
    send = shop.api.send

    asked = await send("", "OPTIONS", confirm, None, **asks)
    assert (asked.status, asked.raw) == (200, b"")
    assert asked.headers["access-control-allow-origin"] == "*"
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    fields = {"client_secret": intent["client_secret"], "payment_method": "pm_card_visa"}
    paid = await send(shop.publishable, "POST", confirm, fields, **origin)
    refused = await send(shop.publishable, "POST", confirm, fields, **origin)
    assert (paid.status, refused.status) == (200, 400)
    for answer in (paid, refused):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Request-Id" in answer.headers["access-control-expose-headers"]

    assert (await send("", "OPTIONS", "/v1/customers", None, **asks)).status == 405
    listed = await send(shop.secret, "GET", "/v1/customers", None, **origin)
    assert listed.status == 200
    assert not [name for name in listed.headers if name.startswith("access-control")]
    plain = await send(shop.secret, "GET", f"/v1/payment_intents/{intent['id']}")
    assert not [name for name in plain.headers if name.startswith("access-control")]
