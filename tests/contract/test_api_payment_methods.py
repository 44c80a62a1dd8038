"""Payment methods, tokens and customers' cards over HTTP, in the whole API on real PostgreSQL."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import stripe_schema
from tests.support.postgres import TestRun
from tests.support.served import Answer, Served, served

VISA = "4242424242424242"
CVC = "987"
_KEYS = itertools.count()


@pytest.fixture(scope="module")
def api(test_run: TestRun) -> Iterator[Served]:
    with test_run.database() as url, served(url) as running:
        yield running


def send(api: Served, method: str, path: str, **fields: Any) -> Answer:
    """Send a form and demand an answer in Stripe's shape that holds no card number."""
    headers = {"Idempotency-Key": fields.pop("key", f"k{next(_KEYS)}")}
    body = urlencode(fields).encode()
    answer = api.send(method, path, body, headers=headers if method == "POST" else {})
    assert stripe_schema.check(answer.body) == []
    assert VISA.encode() not in answer.raw
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


def card(number: str = VISA, prefix: str = "card", **more: Any) -> dict[str, Any]:
    """Return the form fields of a card."""
    fields = {"number": number, "exp_month": "12", "exp_year": "2034", "cvc": CVC} | more
    return {f"{prefix}[{name}]": value for name, value in fields.items() if value is not None}


def method(api: Served, number: str = VISA, **more: Any) -> dict[str, Any]:
    """Create a payment method."""
    return ok(api, "/v1/payment_methods", type="card", **card(number), **more)


def events(api: Served, object_id: str) -> list[tuple[str, Any]]:
    """Return type and previous attributes of an object's events, oldest first."""
    found = get(api, "/v1/events?limit=100")["data"]
    return [
        (event["type"], event["data"].get("previous_attributes"))
        for event in reversed(found)
        if event["data"]["object"]["id"] == object_id
    ]


def test_a_test_number_becomes_a_method_that_shows_only_what_may_be_shown(api: Served) -> None:
    made = method(api, **{"billing_details[name]": "Amina", "metadata[a]": "1"})

    assert (made["card"]["brand"], made["card"]["last4"]) == ("visa", "4242")
    assert (made["card"]["exp_month"], made["card"]["exp_year"]) == (12, 2034)
    assert made["card"]["checks"]["cvc_check"] == "unchecked"
    assert (made["billing_details"]["name"], made["metadata"]) == ("Amina", {"a": "1"})
    assert get(api, f"/v1/payment_methods/{made['id']}") == made


def test_no_table_holds_a_number_or_a_security_code(api: Served) -> None:
    customer = ok(api, "/v1/customers")["id"]
    made = method(api, key="digest")
    ok(api, f"/v1/payment_methods/{made['id']}/attach", customer=customer)
    ok(api, "/v1/tokens", **card())
    send(api, "POST", "/v1/payment_methods", type="card", **card("4111111111111111"))

    for table in ("payment_method", "token", "event", "idempotency_key", "customer", "command"):
        stored = api.table_text(table)
        for secret in (VISA, "4111111111111111", CVC + '"'):
            assert secret not in stored
            assert secret.encode().hex() not in stored


def test_one_card_has_one_fingerprint_however_it_comes(api: Served) -> None:
    customer = ok(api, "/v1/customers")["id"]
    known = ok(api, "/v1/payment_methods/pm_card_visa/attach", customer=customer)
    token = ok(api, "/v1/tokens", **card(exp_year="2040"))
    other = method(api, "5555555555554444")

    prints = {method(api)["card"]["fingerprint"], known["card"]["fingerprint"],
              token["card"]["fingerprint"],
              get(api, "/v1/payment_methods/pm_card_visa")["card"]["fingerprint"]}  # fmt: skip
    assert len(prints) == 1
    assert other["card"]["fingerprint"] not in prints


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        (card("4242424242424241"), "incorrect_number", "card[number]"),
        (card("zebra"), "incorrect_number", "card[number]"),
        (card("4111111111111111"), "card_declined", "card[number]"),
        (card(exp_year="2020"), "invalid_expiry_year", "card[exp_year]"),
        (card(exp_year="2999"), "invalid_expiry_year", "card[exp_year]"),
        (card(exp_month="13"), "invalid_expiry_month", "card[exp_month]"),
        (card(exp_month=None), "invalid_expiry_month", "card[exp_month]"),
        (card(cvc="12"), "invalid_cvc", "card[cvc]"),
        (card(cvc="1234"), "invalid_cvc", "card[cvc]"),
        (card("378282246310005"), "invalid_cvc", "card[cvc]"),
    ],
)
def test_a_bad_card_is_refused_by_its_code(
    api: Served, fields: dict[str, Any], code: str, param: str
) -> None:
    answer = send(api, "POST", "/v1/payment_methods", type="card", **fields)

    error = answer.body["error"]
    assert (answer.status, error["type"]) == (402, "card_error")
    assert (error["code"], error["param"]) == (code, param)
    assert str(fields.get("card[number]")) not in answer.raw.decode()


def test_a_number_that_is_no_test_number_is_declined_as_a_live_card(api: Served) -> None:
    fields = card("4111111111111111")
    answer = send(api, "POST", "/v1/payment_methods", type="card", **fields)

    assert answer.body["error"]["decline_code"] == "test_mode_live_card"


def test_a_well_known_method_is_cloned_for_the_customer_that_it_is_attached_to(
    api: Served,
) -> None:
    customer = ok(api, "/v1/customers")["id"]
    kept = ok(api, "/v1/payment_methods/pm_card_visa/attach", customer=customer)

    assert kept["id"].startswith("pm_")
    assert kept["id"] != "pm_card_visa"
    assert kept["customer"] == customer
    assert events(api, kept["id"]) == [("payment_method.attached", None)]
    listed = get(api, f"/v1/customers/{customer}/payment_methods?type=card")
    assert listed["data"] == [kept]
    assert get(api, f"/v1/customers/{customer}/payment_methods/{kept['id']}") == kept
    assert get(api, f"/v1/payment_methods?customer={customer}&type=card")["data"] == [kept]
    assert get(api, f"/v1/payment_methods?customer={customer}&type=us_bank_account")["data"] == []


def test_pages_of_methods_run_from_the_newest_to_the_oldest(api: Served) -> None:
    customer = ok(api, "/v1/customers")["id"]
    ids = [
        ok(api, f"/v1/payment_methods/{name}/attach", customer=customer)["id"]
        for name in ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")
    ]
    path = f"/v1/customers/{customer}/payment_methods"
    first = get(api, f"{path}?limit=2")
    assert ([one["id"] for one in first["data"]], first["has_more"]) == ([ids[2], ids[1]], True)
    rest = get(api, f"{path}?limit=2&starting_after={ids[1]}")
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == ([ids[0]], False)
    back = get(api, f"{path}?limit=1&ending_before={ids[0]}")
    assert [one["id"] for one in back["data"]] == [ids[1]]


def test_a_change_says_what_was_before(api: Served) -> None:
    made = method(api)
    path = f"/v1/payment_methods/{made['id']}"
    changed = ok(api, path, **{"card[exp_year]": "2040", "billing_details[name]": "Amina",
                               "metadata[a]": "1"})  # fmt: skip

    assert (changed["card"]["exp_year"], changed["billing_details"]["name"]) == (2040, "Amina")
    before = {"card": {"exp_year": 2034}, "billing_details": {"name": None},
              "metadata": {"a": None}}  # fmt: skip
    assert events(api, made["id"]) == [("payment_method.updated", before)]


def test_a_detached_method_can_be_read_and_never_used_again(api: Served) -> None:
    customer = ok(api, "/v1/customers")["id"]
    kept = ok(api, "/v1/payment_methods/pm_card_visa/attach", customer=customer)
    path = f"/v1/payment_methods/{kept['id']}"
    ok(api, f"/v1/customers/{customer}",
       **{"invoice_settings[default_payment_method]": kept["id"]})  # fmt: skip
    gone = ok(api, f"{path}/detach")

    assert gone["customer"] is None
    assert events(api, kept["id"])[-1] == ("payment_method.detached", {"customer": customer})
    settings = get(api, f"/v1/customers/{customer}")["invoice_settings"]
    assert settings["default_payment_method"] is None
    assert get(api, path) == gone
    for again in ("attach", "detach"):
        fields = {"customer": customer} if again == "attach" else {}
        answer = send(api, "POST", f"{path}/{again}", **fields)
        assert answer.body["error"]["code"] == "payment_method_unexpected_state"
    assert send(api, "POST", path, **{"metadata[a]": "1"}).status == 400


def test_two_customers_cannot_keep_one_method(api: Served) -> None:
    first, second = ok(api, "/v1/customers")["id"], ok(api, "/v1/customers")["id"]
    kept = ok(api, "/v1/payment_methods/pm_card_visa/attach", customer=first)
    answer = send(api, "POST", f"/v1/payment_methods/{kept['id']}/attach", customer=second)

    assert answer.body["error"]["code"] == "payment_method_unexpected_state"
    assert send(api, "GET", f"/v1/customers/{second}/payment_methods/{kept['id']}").status == 404


def test_a_customer_comes_with_a_method_and_its_default(api: Served) -> None:
    made = ok(api, "/v1/customers", payment_method="pm_card_visa",
              **{"invoice_settings[default_payment_method]": "pm_card_visa"})  # fmt: skip
    default = made["invoice_settings"]["default_payment_method"]

    assert get(api, f"/v1/payment_methods/{default}")["customer"] == made["id"]
    answer = send(api, "POST", f"/v1/customers/{made['id']}",
                  **{"invoice_settings[default_payment_method]": method(api)["id"]})  # fmt: skip
    assert answer.body["error"]["code"] == "resource_missing"
    answer = send(api, "POST", f"/v1/customers/{made['id']}",
                  **{"invoice_settings[default_payment_method]": "pm_card_visa"})  # fmt: skip
    assert answer.body["error"]["message"].endswith("Attach it first.")
    ok(api, f"/v1/customers/{made['id']}", **{"invoice_settings[default_payment_method]": ""})
    before = {"invoice_settings": {"default_payment_method": default}}
    assert events(api, made["id"])[-1] == ("customer.updated", before)


@pytest.mark.parametrize(
    ("of_all", "of_cards", "kept"),
    [
        (None, None, 0), ("on_session", None, 1), (None, "off_session", 1),
        ("off_session", "none", 0), (None, "none", 0), ("on_session", "off_session", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at_once", [True, False])
def test_a_card_is_kept_as_its_options_say_and_else_as_the_intent_does(
    api: Served, of_all: str | None, of_cards: str | None, kept: int, at_once: bool
) -> None:
    customer = ok(api, "/v1/customers")["id"]
    wanted = {"amount": "900", "currency": "kes", "customer": customer}
    if of_all is not None:
        wanted["setup_future_usage"] = of_all
    if of_cards is not None:
        wanted["payment_method_options[card][setup_future_usage]"] = of_cards
    if at_once:
        ok(api, "/v1/payment_intents", **wanted, payment_method="pm_card_visa", confirm="true")
    else:
        intent = ok(api, "/v1/payment_intents", **wanted)["id"]
        ok(api, f"/v1/payment_intents/{intent}/confirm", payment_method=method(api)["id"])

    assert len(get(api, f"/v1/customers/{customer}/payment_methods")["data"]) == kept


def test_a_capture_of_a_charge_names_its_own_amount(api: Served) -> None:
    held = ok(api, "/v1/charges", amount="900", currency="kes", source="tok_visa", capture="false")
    answer = send(api, "POST", f"/v1/charges/{held['id']}/capture", amount="901")

    assert answer.body["error"]["code"] == "amount_too_large_for_capture"
    assert answer.body["error"]["param"] == "amount"


def test_a_token_works_once(api: Served) -> None:
    token = ok(api, "/v1/tokens", **card("5555555555554444", name="Amina"))
    assert (token["card"]["brand"], token["card"]["name"]) == ("MasterCard", "Amina")
    assert token["used"] is False
    made = ok(api, "/v1/payment_methods", type="card", **{"card[token]": token["id"]})

    assert (made["card"]["last4"], made["billing_details"]["name"]) == ("4444", "Amina")
    assert get(api, f"/v1/tokens/{token['id']}")["used"] is True
    again = send(api, "POST", "/v1/customers", source=token["id"])
    assert again.body["error"]["code"] == "token_already_used"


def test_older_clients_keep_cards_as_sources(api: Served) -> None:
    customer = ok(api, "/v1/customers", source="tok_visa")
    path = f"/v1/customers/{customer['id']}/sources"
    first = get(api, f"{path}/{customer['default_source']}")
    token = ok(api, "/v1/tokens", **card("5555555555554444"))
    second = ok(api, path, source=token["id"], **{"metadata[a]": "1"})
    third = ok(api, path, **card(prefix="source", object="card"))

    assert (first["object"], first["brand"], first["customer"]) == ("card", "Visa", customer["id"])
    assert (second["id"], second["metadata"]) == (token["card"]["id"], {"a": "1"})
    assert [one["id"] for one in get(api, path)["data"]] == [
        third["id"], second["id"], first["id"],
    ]  # fmt: skip
    changed = ok(api, f"{path}/{second['id']}", name="Amina", address_city="Nairobi")
    assert (changed["name"], changed["address_city"]) == ("Amina", "Nairobi")
    assert [name for name, _ in events(api, second["id"])] == [
        "customer.source.created", "customer.source.updated",
    ]  # fmt: skip
    gone = send(api, "DELETE", f"{path}/{first['id']}").body
    assert gone == {"id": first["id"], "object": "card", "deleted": True}
    assert events(api, first["id"])[-1][0] == "customer.source.deleted"
    after = get(api, f"/v1/customers/{customer['id']}")
    assert after["default_source"] == third["id"]
    assert events(api, customer["id"])[-1] == (
        "customer.updated", {"default_source": first["id"]},
    )  # fmt: skip
    assert send(api, "GET", f"{path}/{first['id']}").status == 404


def test_a_new_source_on_an_update_takes_the_place_of_the_default(api: Served) -> None:
    customer = ok(api, "/v1/customers", source="tok_visa")
    after = ok(api, f"/v1/customers/{customer['id']}", source="tok_mastercard")

    kept = get(api, f"/v1/customers/{customer['id']}/sources")["data"]
    assert [one["id"] for one in kept] == [after["default_source"]]
    other = ok(api, f"/v1/customers/{customer['id']}/sources", source="tok_amex")
    moved = ok(api, f"/v1/customers/{customer['id']}", default_source=other["id"])
    assert moved["default_source"] == other["id"]


def test_a_deleted_customer_keeps_nothing(api: Served) -> None:
    customer = ok(api, "/v1/customers", source="tok_visa", payment_method="pm_card_visa")
    kept = get(api, f"/v1/customers/{customer['id']}/payment_methods")["data"]
    assert len(kept) == 2
    send(api, "DELETE", f"/v1/customers/{customer['id']}")

    for one in kept:
        assert get(api, f"/v1/payment_methods/{one['id']}")["customer"] is None
    answer = send(api, "POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
    assert (answer.status, answer.body["error"]["param"]) == (404, "customer")


def test_a_key_replays_a_card_and_refuses_another(api: Served) -> None:
    first = ok(api, "/v1/payment_methods", type="card", key="card", **card())
    again = send(api, "POST", "/v1/payment_methods", type="card", key="card", **card())
    other = send(api, "POST", "/v1/payment_methods", type="card", key="card",
                 **card("5555555555554444"))  # fmt: skip

    assert json.loads(again.raw) == first
    assert other.body["error"]["code"] == "idempotency_key_reused"


def test_a_refused_payment_tells_which_card_the_customer_must_confirm(api: Served) -> None:
    customer = ok(api, "/v1/customers", name="Amina")["id"]
    kept = method(api, "4000002760003184")["id"]
    ok(api, f"/v1/payment_methods/{kept}/attach", customer=customer)

    answer = send(
        api, "POST", "/v1/payment_intents", amount=1000, currency="kes", customer=customer,
        payment_method=kept, off_session="true", confirm="true",
    )  # fmt: skip

    error = answer.body["error"]
    assert (answer.status, error["code"]) == (402, "authentication_required")
    told = get(api, f"/v1/payment_intents/{error['payment_intent']['id']}")
    assert told["payment_method"] is None
    for shown in (error, told["last_payment_error"]):
        tried = shown["payment_method"]
        assert (tried["id"], tried["customer"], tried["card"]["last4"]) == (kept, customer, "3184")
    again = ok(
        api, f"/v1/payment_intents/{told['id']}/confirm", payment_method=tried["id"],
        return_url="https://duka.test/",
    )  # fmt: skip
    assert again["status"] == "requires_action"


def test_events_of_a_charge_and_its_refunds_tell_what_was_before(api: Served) -> None:
    charge = ok(api, "/v1/charges", amount=1000, currency="kes", source="tok_visa")["id"]
    ok(api, f"/v1/charges/{charge}", description="Mat")
    first = ok(api, "/v1/refunds", charge=charge, amount=400)["id"]
    ok(api, "/v1/refunds", charge=charge)
    ok(api, f"/v1/refunds/{first}", **{"metadata[order]": "41"})

    assert events(api, charge) == [
        ("charge.succeeded", None),
        ("charge.updated", {"description": None}),
        ("charge.refunded", {"amount_refunded": 0}),
        ("charge.refunded", {"amount_refunded": 400, "refunded": False}),
    ]
    was = {"metadata": {"order": None}}
    assert sorted(events(api, first), key=str) == [
        ("charge.refund.updated", was), ("refund.created", None), ("refund.updated", was),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
def test_a_customer_cannot_keep_a_card_that_its_bank_declines(
    api: Served, given: str, code: str, decline_code: str | None
) -> None:
    customer = ok(api, "/v1/customers", name="Amina")["id"]
    token = given.replace("pm_card_", "tok_")

    for path, fields in (
        (f"/v1/payment_methods/{given}/attach", {"customer": customer}),
        (f"/v1/customers/{customer}/sources", {"source": token}),
        ("/v1/customers", {"source": token}),
        ("/v1/customers", {"payment_method": given}),
    ):
        answer = send(api, "POST", path, **fields)
        error = answer.body["error"]
        assert (answer.status, error["type"], error["code"]) == (402, "card_error", code), path
        assert error.get("decline_code") == decline_code
    assert get(api, f"/v1/customers/{customer}/payment_methods")["data"] == []


def test_a_charge_of_a_source_shows_the_card_as_older_clients_read_it(api: Served) -> None:
    token = ok(api, "/v1/tokens", **card("4000000000000101"), **{"card[name]": "Amina"})
    charge = ok(api, "/v1/charges", amount=900, currency="kes", source=token["id"])
    plain = ok(api, "/v1/charges", amount=900, currency="kes", source="tok_mastercard")

    source = charge["source"]
    assert (source["id"], source["object"]) == (token["card"]["id"], "card")
    assert (source["brand"], source["last4"], source["name"]) == ("Visa", "0101", "Amina")
    assert source["fingerprint"] == token["card"]["fingerprint"]
    checks = charge["payment_method_details"]["card"]["checks"]
    assert source["cvc_check"] == checks["cvc_check"] == "fail"
    assert (plain["source"]["brand"], plain["source"]["cvc_check"]) == ("MasterCard", "pass")
