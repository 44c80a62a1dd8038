"""A repeated key reads what the first request read, whatever has happened since."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.system import Answer, Shop

_CARD: dict[str, Any] = {"amount": 2000, "currency": "usd", "payment_method_types[]": "card"}


def _header(answer: Answer, name: str) -> str | None:
    found = {key.lower(): value for key, value in answer.headers.items()}
    return found.get(name)


@pytest.mark.parametrize(
    ("method", "status"), [("pm_card_visa", 200), ("pm_card_chargeDeclined", 402)]
)
def test_a_replay_names_the_request_that_was_carried_out(
    shop: Shop, method: str, status: int
) -> None:
    fields = _CARD | {"payment_method": method, "confirm": "true"}
    first, second, third = (
        shop.post("/v1/payment_intents", idempotency_key="one", **fields) for _ in range(3)
    )

    original = _header(first, "request-id")
    assert _header(first, "original-request") == original
    assert _header(first, "idempotent-replayed") is None
    for again in (second, third):
        assert (again.status, again.raw) == (status, first.raw)
        assert _header(again, "idempotent-replayed") == "true"
        assert _header(again, "original-request") == original
        assert _header(again, "request-id") != original


def test_a_replay_shows_expanded_objects_as_they_were(shop: Shop) -> None:
    fields = _CARD | {
        "payment_method": "pm_card_visa", "confirm": "true", "expand[0]": "customer",
        "expand[1]": "latest_charge.balance_transaction", "expand[2]": "latest_charge.refunds",
    }  # fmt: skip
    first = shop.post("/v1/payment_intents", idempotency_key="one", **fields)
    charge = first.body["latest_charge"]
    assert charge["balance_transaction"]["object"] == "balance_transaction"
    assert charge["refunds"]["data"] == []

    refund = shop.post("/v1/refunds", payment_intent=first.body["id"])
    assert refund.status == 200
    again = shop.post("/v1/payment_intents", idempotency_key="one", **fields)

    assert shop.get(f"/v1/charges/{charge['id']}").body["amount_refunded"] == 2000
    assert again.raw == first.raw
    assert _header(again, "idempotent-replayed") == "true"


def test_a_key_that_asks_for_another_expansion_is_another_request(shop: Shop) -> None:
    first = shop.post("/v1/payment_intents", idempotency_key="one", **_CARD)
    assert first.status == 200

    other = shop.post(
        "/v1/payment_intents", idempotency_key="one", **(_CARD | {"expand[]": "customer"})
    )

    assert other.status == 400
    assert other.error["type"] == "idempotency_error"
