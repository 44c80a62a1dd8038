"""SEPA debits and bank transfers over HTTP: shapes, refusals, and that no IBAN is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from hazina.payment_methods.test_ibans import all_ibans, passes_check
from tests.support.postgres import TestRun
from tests.support.served import Answer, Served, served

IBAN = "AT611904300234573201"
DEBIT = {"type": "sepa_debit", "sepa_debit[iban]": "at61 1904 3002 3457 3201"}
MANDATE = {"mandate_data[customer_acceptance][type]": "offline"}
PAY_DEBIT = {
    "amount": "1000", "currency": "eur", "payment_method_types[]": "sepa_debit", "confirm": "true",
    **MANDATE,
}  # fmt: skip
OPTIONS = "payment_method_options[customer_balance]"
TRANSFERS = {
    "eu_bank_transfer": ("eur", ["iban"]),
    "gb_bank_transfer": ("gbp", ["sort_code"]),
    "jp_bank_transfer": ("jpy", ["zengin"]),
    "mx_bank_transfer": ("mxn", ["spei"]),
    "us_bank_transfer": ("usd", ["aba", "swift"]),
}


@pytest.fixture(scope="module")
def api(test_run: TestRun) -> Iterator[Served]:
    with test_run.database() as url, served(url) as running:
        yield running


def post(api: Served, path: str, fields: dict[str, str]) -> Answer:
    answer = api.send("POST", path, urlencode(fields).encode())
    assert IBAN.encode() not in answer.raw
    return answer


def made(api: Served, path: str, fields: dict[str, str]) -> Any:
    answer = post(api, path, fields)
    assert answer.status == 200, answer.body
    return answer.body


def refused(api: Served, path: str, fields: dict[str, str]) -> tuple[str, str | None]:
    answer = post(api, path, fields)
    assert answer.status >= 400, answer.body
    return answer.body["error"]["code"], answer.body["error"].get("param")


def debit(api: Served) -> str:
    method_id: str = made(api, "/v1/payment_methods", DEBIT)["id"]
    return method_id


def transfer(api: Served, kind: str = "gb_bank_transfer", **changes: str) -> dict[str, str]:
    """Return what pays by a bank transfer of this kind; an empty change takes a field away."""
    fields = {
        "amount": "20000", "currency": TRANSFERS[kind][0], "confirm": "true",
        "customer": made(api, "/v1/customers", {"name": "Amina"})["id"],
        "payment_method_types[]": "customer_balance",
        "payment_method_data[type]": "customer_balance",
        f"{OPTIONS}[funding_type]": "bank_transfer",
        f"{OPTIONS}[bank_transfer][type]": kind,
    }  # fmt: skip
    if kind == "eu_bank_transfer":
        fields[f"{OPTIONS}[bank_transfer][eu_bank_transfer][country]"] = "DE"
    return {name: value for name, value in (fields | changes).items() if value}


def test_an_account_is_shown_by_its_bank_last_four_and_fingerprint_and_its_iban_is_not_kept(
    api: Served,
) -> None:
    method = made(api, "/v1/payment_methods", DEBIT | {"billing_details[name]": "Bob"})
    again = made(api, "/v1/payment_methods", DEBIT)
    account = method["sepa_debit"]
    shown = [account[name] for name in ("country", "bank_code", "branch_code", "last4")]
    assert (method["type"], shown) == ("sepa_debit", ["AT", "19043", None, "3201"])
    assert account["fingerprint"] == again["sepa_debit"]["fingerprint"]
    made(api, "/v1/payment_intents", PAY_DEBIT | {"payment_method": method["id"]})
    for table in api.row_counts():
        assert IBAN not in api.table_text(table.removeprefix("public.")), table


def test_methods_are_listed_by_their_type(api: Served) -> None:
    method_id = debit(api)
    customer = made(api, "/v1/customers", {"name": "Amina"})["id"]
    made(api, f"/v1/payment_methods/{method_id}/attach", {"customer": customer})
    made(api, "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})
    path = f"/v1/customers/{customer}/payment_methods"
    debits = api.send("GET", f"{path}?type=sepa_debit").body["data"]
    cards = api.send("GET", f"{path}?type=card").body["data"]
    assert [one["id"] for one in debits] == [method_id]
    assert [one["type"] for one in cards] == ["card"]
    assert len(api.send("GET", path).body["data"]) == 2


def test_a_debit_is_confirmed_with_a_mandate_and_is_processing(api: Served) -> None:
    intent = made(api, "/v1/payment_intents", PAY_DEBIT | {"payment_method": debit(api)})
    assert (intent["status"], intent["processing"]) == ("processing", None)
    assert intent["payment_method_types"] == ["sepa_debit"]
    charge = api.send("GET", f"/v1/charges/{intent['latest_charge']}").body
    assert charge["payment_method_details"]["type"] == "sepa_debit"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"currency": "usd"}, "currency_invalid", "currency"),
        ({"capture_method": "manual"}, "parameter_invalid", "capture_method"),
        ({"mandate_data[customer_acceptance][type]": ""}, "parameter_missing", "mandate_data"),
        (
            {"mandate_data[customer_acceptance][type]": "online"},
            "parameter_missing", "mandate_data[customer_acceptance][online]",
        ),
        (
            {"payment_method_types[]": "card"},
            "payment_intent_incompatible_payment_method", "payment_method",
        ),
        (
            {"payment_method": "pm_card_visa"},
            "payment_intent_incompatible_payment_method", "payment_method",
        ),
        (
            {"payment_method": "pm_card_visa", "payment_method_types[]": "card"},
            "parameter_invalid", "mandate_data",
        ),
        ({"confirm": "false"}, "parameter_invalid", "mandate_data"),
    ],
)  # fmt: skip
def test_a_debit_is_refused_with(
    api: Served, changes: dict[str, str], code: str, param: str
) -> None:
    fields = PAY_DEBIT | {"payment_method": debit(api)} | changes
    sent = {name: value for name, value in fields.items() if value}
    assert refused(api, "/v1/payment_intents", sent) == (code, param)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        (DEBIT | {"sepa_debit[iban]": "AT611904300234573202"}, "invalid_bank_account_iban",
         "sepa_debit[iban]"),
        (DEBIT | {"sepa_debit[iban]": "GB82WEST12345698765432"}, "invalid_bank_account_iban",
         "sepa_debit[iban]"),
        (DEBIT | {"sepa_debit[iban]": "x"}, "invalid_bank_account_iban", "sepa_debit[iban]"),
        ({"type": "sepa_debit"}, "parameter_missing", "sepa_debit[iban]"),
        (DEBIT | {"card[token]": "tok_visa"}, "parameter_invalid", "card"),
        ({"type": "card"}, "parameter_missing", "card[number]"),
    ],
)  # fmt: skip
def test_a_method_is_refused_with(
    api: Served, fields: dict[str, str], code: str, param: str
) -> None:
    assert refused(api, "/v1/payment_methods", fields) == (code, param)


@pytest.mark.parametrize("kind", TRANSFERS)
def test_a_bank_transfer_shows_whom_to_pay(api: Served, kind: str) -> None:
    fields = transfer(api, kind)
    intent = made(api, "/v1/payment_intents", fields)
    action = intent["next_action"]
    told = action["display_bank_transfer_instructions"]
    assert (intent["status"], intent["latest_charge"]) == ("requires_action", None)
    assert action["type"] == "display_bank_transfer_instructions"
    assert (told["amount_remaining"], told["currency"]) == (20_000, TRANSFERS[kind][0])
    assert (told["type"], bool(told["reference"])) == (kind, True)
    assert [one["type"] for one in told["financial_addresses"]] == TRANSFERS[kind][1]
    # A customer always pays to the same account, another customer to another.
    again = made(api, "/v1/payment_intents", fields)["next_action"]
    assert again[action["type"]]["financial_addresses"] == told["financial_addresses"]
    other = made(api, "/v1/payment_intents", transfer(api, kind))["next_action"]
    assert other[action["type"]]["financial_addresses"] != told["financial_addresses"]


@pytest.mark.parametrize("country", ["BE", "DE", "ES", "FR", "IE", "NL"])
def test_the_account_of_a_euro_transfer_is_in_the_country_that_was_asked_for(
    api: Served, country: str
) -> None:
    where = {f"{OPTIONS}[bank_transfer][eu_bank_transfer][country]": country}
    intent = made(api, "/v1/payment_intents", transfer(api, "eu_bank_transfer", **where))
    (address,) = intent["next_action"]["display_bank_transfer_instructions"]["financial_addresses"]
    assert address["iban"]["iban"].startswith(country)
    assert passes_check(address["iban"]["iban"])


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"customer": ""}, "parameter_missing", "customer"),
        ({"currency": "usd"}, "currency_invalid", "currency"),
        ({"capture_method": "manual"}, "parameter_invalid", "capture_method"),
        ({"setup_future_usage": "off_session"}, "parameter_invalid", "setup_future_usage"),
        ({f"{OPTIONS}[funding_type]": ""}, "parameter_missing", f"{OPTIONS}[funding_type]"),
        ({f"{OPTIONS}[bank_transfer][type]": ""}, "parameter_missing",
         f"{OPTIONS}[bank_transfer][type]"),
        ({f"{OPTIONS}[bank_transfer][type]": "eu_bank_transfer", "currency": "eur"},
         "parameter_missing", f"{OPTIONS}[bank_transfer][eu_bank_transfer][country]"),
    ],
)  # fmt: skip
def test_a_bank_transfer_is_refused_with(
    api: Served, changes: dict[str, str], code: str, param: str
) -> None:
    assert refused(api, "/v1/payment_intents", transfer(api, **changes)) == (code, param)


def test_a_transfer_that_is_awaited_can_be_canceled_and_nothing_else(api: Served) -> None:
    first = made(api, "/v1/payment_intents", transfer(api, confirm="false"))
    path = f"/v1/payment_intents/{first['id']}"
    assert first["status"] == "requires_confirmation"
    assert made(api, f"{path}/confirm", {})["status"] == "requires_action"
    code = "payment_intent_unexpected_state"
    for verb in ("confirm", "capture"):
        assert refused(api, f"{path}/{verb}", {})[0] == code
    assert refused(api, path, {"amount": "30000"})[0] == code
    assert made(api, path, {"description": "x"})["status"] == "requires_action"
    canceled = made(api, f"{path}/cancel", {})
    assert (canceled["status"], canceled["next_action"]) == ("canceled", None)


def test_what_is_for_cards_refuses_other_methods(api: Served) -> None:
    method_id, code = debit(api), "payment_method_unexpected_state"
    setup = {"payment_method": method_id, "confirm": "true"}
    assert refused(api, "/v1/setup_intents", setup)[0] == code
    charge = {"amount": "1000", "currency": "eur", "source": method_id}
    assert refused(api, "/v1/charges", charge) == ("parameter_invalid", "source")
    expiry = {"card[exp_year]": "2040"}
    assert refused(api, f"/v1/payment_methods/{method_id}", expiry)[0] == code
    waiting = made(api, "/v1/payment_methods", {"type": "customer_balance"})
    assert (waiting["type"], waiting["customer_balance"]) == ("customer_balance", {})
    customer = made(api, "/v1/customers", {"name": "Amina"})["id"]
    attach = f"/v1/payment_methods/{waiting['id']}/attach"
    assert refused(api, attach, {"customer": customer})[0] == code


def test_every_test_iban_has_right_check_digits() -> None:
    assert [iban for iban in all_ibans() if not passes_check(iban)] == []
