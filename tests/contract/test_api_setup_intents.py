"""Setup intents over HTTP, in the whole API with the sandbox provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import stripe_schema
from tests.support.postgres import TestRun
from tests.support.served import Answer, Served, served

INTENTS = "/v1/setup_intents"


@pytest.fixture(scope="module")
def api(test_run: TestRun) -> Iterator[Served]:
    with test_run.database() as url, served(url) as running:
        yield running


def send(api: Served, method: str, path: str, key: str | None = None, **fields: Any) -> Answer:
    """Send a form; demand an answer in Stripe's shape."""
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = api.send(method, path, urlencode(fields).encode(), headers=headers)
    assert stripe_schema.check(answer.body) == []
    return answer


def ok(api: Served, path: str, **fields: Any) -> dict[str, Any]:
    """Post and demand success."""
    answer = send(api, "POST", path, **fields)
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def get(api: Served, path: str) -> dict[str, Any]:
    """Read and demand success."""
    answer = send(api, "GET", path)
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def events(api: Served, object_id: str) -> list[str]:
    """Return the types of an object's events, oldest first."""
    found = get(api, "/v1/events?limit=100")["data"]
    return [e["type"] for e in reversed(found) if e["data"]["object"]["id"] == object_id]


def test_a_confirmed_setup_keeps_the_method_with_its_customer(api: Served) -> None:
    customer = ok(api, "/v1/customers")["id"]
    made = ok(api, INTENTS, customer=customer, usage="on_session", **{"metadata[a]": "1"})
    assert (made["status"], made["usage"]) == ("requires_payment_method", "on_session")
    changed = ok(api, f"{INTENTS}/{made['id']}", payment_method="pm_card_mastercard")
    assert changed["status"] == "requires_confirmation"
    assert get(api, f"/v1/payment_methods/{changed['payment_method']}")["customer"] is None
    done = ok(api, f"{INTENTS}/{made['id']}/confirm")

    assert (done["status"], done["last_setup_error"]) == ("succeeded", None)
    method = get(api, f"/v1/payment_methods/{done['payment_method']}")
    assert (method["customer"], method["card"]["brand"]) == (customer, "mastercard")
    attempts = get(api, f"/v1/setup_attempts?setup_intent={made['id']}")["data"]
    assert [(one["id"], one["status"]) for one in attempts] == [
        (done["latest_attempt"], "succeeded")
    ]
    assert events(api, made["id"]) == ["setup_intent.created", "setup_intent.succeeded"]
    assert events(api, method["id"]) == ["payment_method.attached"]


def test_a_setup_without_a_customer_leaves_a_method_of_nobody(api: Served) -> None:
    done = ok(api, INTENTS, confirm="true", payment_method="pm_card_visa")

    assert done["status"] == "succeeded"
    assert get(api, f"/v1/payment_methods/{done['payment_method']}")["customer"] is None


def test_a_card_inline_is_verified_and_its_security_code_checked(api: Served) -> None:
    customer = ok(api, "/v1/customers")["id"]
    fields = {"number": "4242424242424242", "exp_month": "1", "exp_year": "2040", "cvc": "123"}
    card = {f"payment_method_data[card][{name}]": value for name, value in fields.items()}
    done = ok(api, INTENTS, confirm="true", customer=customer,
              **{"payment_method_data[type]": "card"}, **card)  # fmt: skip

    method = get(api, f"/v1/customers/{customer}/payment_methods")["data"][0]
    assert method["id"] == done["payment_method"]
    assert method["card"]["checks"]["cvc_check"] == "pass"


def test_a_declined_setup_is_a_card_error_that_shows_the_intent(api: Served) -> None:
    answer = send(api, "POST", INTENTS, confirm="true", payment_method="pm_card_chargeDeclined")

    error = answer.body["error"]
    assert (answer.status, error["type"], error["code"]) == (402, "card_error", "card_declined")
    intent = error["setup_intent"]
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_setup_error"]["decline_code"] == "generic_decline"
    assert get(api, f"{INTENTS}/{intent['id']}") == intent
    (attempt,) = get(api, f"/v1/setup_attempts?setup_intent={intent['id']}")["data"]
    assert (attempt["status"], attempt["setup_error"]["code"]) == ("failed", "card_declined")
    assert events(api, intent["id"]) == ["setup_intent.created", "setup_intent.setup_failed"]
    again = ok(api, f"{INTENTS}/{intent['id']}/confirm", payment_method="pm_card_visa")
    assert again["status"] == "succeeded"


def test_a_card_that_only_later_payments_decline_can_be_set_up(api: Served) -> None:
    done = ok(api, INTENTS, confirm="true", payment_method="pm_card_chargeCustomerFail")

    assert done["status"] == "succeeded"


def test_a_setup_that_needs_the_customer_can_be_canceled(api: Served) -> None:
    made = ok(api, INTENTS, confirm="true", payment_method="pm_card_authenticationRequired",
              return_url="https://duka.test/back")  # fmt: skip
    assert made["status"] == "requires_action"
    action = made["next_action"]["redirect_to_url"]
    assert action["return_url"] == "https://duka.test/back"
    refused = send(api, "POST", f"{INTENTS}/{made['id']}/confirm")
    assert refused.body["error"]["code"] == "setup_intent_unexpected_state"
    ended = ok(api, f"{INTENTS}/{made['id']}/cancel", cancellation_reason="abandoned")

    assert (ended["status"], ended["next_action"]) == ("canceled", None)
    (attempt,) = get(api, f"/v1/setup_attempts?setup_intent={made['id']}")["data"]
    assert attempt["status"] == "abandoned"
    assert events(api, made["id"]) == [
        "setup_intent.created", "setup_intent.requires_action", "setup_intent.canceled",
    ]  # fmt: skip


def test_an_unanswered_setup_is_processing_and_says_why(api: Served) -> None:
    made = ok(api, INTENTS, confirm="true", payment_method="pm_card_visa",
              **{"metadata[sandbox_fault]": "error_after"})  # fmt: skip

    assert made["status"] == "processing"
    assert made["hazina"]["outcome"]["operation"] == "verify"
    refused = send(api, "POST", f"{INTENTS}/{made['id']}/cancel")
    assert refused.body["error"]["code"] == "setup_intent_unexpected_state"


def test_a_key_is_answered_once_and_verifies_once(api: Served) -> None:
    first = send(api, "POST", INTENTS, key="s1", confirm="true", payment_method="pm_card_visa")
    again = send(api, "POST", INTENTS, key="s1", confirm="true", payment_method="pm_card_visa")

    assert again.raw == first.raw
    assert again.headers["idempotent-replayed"] == "true"
    attempts = get(api, f"/v1/setup_attempts?setup_intent={first.body['id']}")["data"]
    assert len(attempts) == 1


def test_a_method_of_another_customer_cannot_be_set_up(api: Served) -> None:
    first, second = ok(api, "/v1/customers")["id"], ok(api, "/v1/customers")["id"]
    kept = ok(api, "/v1/payment_methods/pm_card_visa/attach", customer=first)["id"]

    for customer in ({}, {"customer": second}):
        answer = send(api, "POST", INTENTS, payment_method=kept, **customer)
        assert answer.body["error"]["param"] == "payment_method"
    assert ok(api, INTENTS, payment_method=kept, customer=first)["payment_method"] == kept


def test_intents_are_listed_by_customer_and_by_method(api: Served) -> None:
    customer = ok(api, "/v1/customers")["id"]
    ids = [ok(api, INTENTS, customer=customer)["id"] for _ in range(3)]
    listed = get(api, f"{INTENTS}?customer={customer}&limit=2")
    assert ([one["id"] for one in listed["data"]], listed["has_more"]) == (
        [ids[2], ids[1]], True,
    )  # fmt: skip
    back = get(api, f"{INTENTS}?customer={customer}&limit=2&ending_before={ids[0]}")
    assert [one["id"] for one in back["data"]] == [ids[2], ids[1]]
    method = ok(api, f"{INTENTS}/{ids[0]}", payment_method="pm_card_visa")["payment_method"]
    assert [one["id"] for one in get(api, f"{INTENTS}?payment_method={method}")["data"]] == [ids[0]]


def test_a_browser_needs_the_client_secret_and_sees_no_metadata(api: Served) -> None:
    made = ok(api, INTENTS, payment_method="pm_card_visa", **{"metadata[a]": "secret"})
    own = {"Authorization": f"Bearer {api.publishable_key}"}
    path, secret = f"{INTENTS}/{made['id']}", f"client_secret={made['client_secret']}"

    assert api.send("GET", path, headers=own).status == 400
    assert api.send("GET", f"{path}?client_secret=no", headers=own).status == 404
    shown = api.send("GET", f"{path}?{secret}", headers=own)
    assert (shown.status, shown.body["status"]) == (200, "requires_confirmation")
    expanded = api.send("GET", f"{path}?{secret}&expand[]=payment_method", headers=own)
    assert "metadata" not in expanded.body["payment_method"]
    forbidden = api.send("GET", f"{path}?{secret}&expand[]=payment_method.customer", headers=own)
    assert forbidden.status == 403
    done = api.send("POST", f"{path}/confirm", secret.encode(), headers=own)
    assert (done.status, done.body["status"]) == (200, "succeeded")
    for answer in (shown, expanded, done):
        assert b'"a":"secret"' not in answer.raw
    assert api.send("POST", f"{path}/cancel", b"", headers=own).status == 403


def test_what_stands_behind_ids_is_shown_where_it_is_asked_for(api: Served) -> None:
    customer = ok(api, "/v1/customers", source="tok_visa", payment_method="pm_card_visa",
                  **{"invoice_settings[default_payment_method]": "pm_card_visa"})  # fmt: skip
    done = ok(api, INTENTS, confirm="true", customer=customer["id"],
              payment_method="pm_card_visa")  # fmt: skip
    names = "payment_method", "latest_attempt", "customer.default_source"
    query = "&".join(f"expand[]={name}" for name in names)
    shown = get(api, f"{INTENTS}/{done['id']}?{query}")
    assert shown["payment_method"]["object"] == "payment_method"
    assert shown["latest_attempt"]["object"] == "setup_attempt"
    assert shown["customer"]["default_source"]["object"] == "card"
    names = "sources", "invoice_settings.default_payment_method"
    query = "&".join(f"expand[]={name}" for name in names)
    whole = get(api, f"/v1/customers/{customer['id']}?{query}")
    default = whole["invoice_settings"]["default_payment_method"]
    assert default["object"] == "payment_method"
    assert [one["id"] for one in whole["sources"]["data"]] == [customer["default_source"]]
