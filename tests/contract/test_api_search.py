"""Searches over HTTP on real PostgreSQL: what is found, page by page, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests.support import stripe_schema
from tests.support.postgres import TestRun
from tests.support.served import Answer, Served, served

Object = dict[str, Any]


@pytest.fixture(scope="module")
def api(test_run: TestRun) -> Iterator[Served]:
    with test_run.database() as url, served(url) as one:
        _fill(one)
        yield one


def _fill(api: Served) -> None:
    """Make payments and customers that differ in everything that can be searched."""
    amina = _made(api, "/v1/customers", {
        "name": "Amina wa Kilifi", "email": "Amina@Duka.example", "phone": "+254 700 000001",
        "metadata[tier]": "Gold",
    })  # fmt: skip
    _made(api, "/v1/customers", {"name": "Otieno Amina Were", "email": "otieno@duka.example"})
    _made(api, "/v1/customers", {"email": "nobody@example.com", "metadata[tier]": "silver"})
    _made(api, "/v1/customers", {"description": "without anything to search"})
    for number, (currency, method) in enumerate(
        [("usd", "pm_card_visa"), ("kes", "pm_card_visa"), ("usd", "pm_card_visa_chargeDeclined")]
    ):
        for amount in (1_000, 2_000, 3_000):
            fields: dict[str, Any] = {
                "amount": amount + number, "currency": currency, "payment_method": method,
                "payment_method_types[]": "card", "confirm": "true",
                "metadata[order]": f"N-{amount}", "metadata[number]": number,
            }  # fmt: skip
            if amount == 2_000:
                fields["customer"] = amina["id"]
            made = api.send("POST", "/v1/payment_intents", urlencode(fields).encode())
            assert made.status in (200, 402), made.raw
    plain = {"amount": 500, "currency": "usd"}
    _made(api, "/v1/payment_intents", plain)
    for amount, capture in ((700, "true"), (800, "false"), (900, "true")):
        charge = _made(api, "/v1/charges", {
            "amount": amount, "currency": "usd", "source": "tok_visa", "capture": capture,
            "metadata[Legacy]": "yes", "metadata[quote'\"]": "a\"'b",
        })  # fmt: skip
        if amount != 800:
            given = 100 if amount == 700 else 900
            _made(api, "/v1/refunds", {"charge": charge["id"], "amount": given})
    _pay_after_a_decline_and_a_change(api)
    held = _made(api, "/v1/payment_intents", {
        "amount": 5_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true",
        "capture_method": "manual", "payment_method_types[]": "card",
        "payment_method_options[card][request_incremental_authorization]": "if_available",
    })  # fmt: skip
    _made(api, f"/v1/payment_intents/{held['id']}/increment_authorization", {"amount": 6_000})
    kept = _made(api, "/v1/payment_methods", {
        "type": "card", "card[number]": "5555555555554444", "card[exp_month]": 7,
        "card[exp_year]": 2040, "billing_details[address][postal_code]": "80100",
    })  # fmt: skip
    _made(api, "/v1/payment_intents", {
        "amount": 4_000, "currency": "usd", "payment_method": kept["id"], "confirm": "true",
    })  # fmt: skip
    ended = _made(api, "/v1/payment_intents", {"amount": 6_000, "currency": "usd"})
    _made(api, f"/v1/payment_intents/{ended['id']}/cancel", {})
    _copy_to_another_merchant(api)


def _pay_after_a_decline_and_a_change(api: Served) -> None:
    """Leave a failed charge behind whose intent amounts to something else since."""
    declined = {"amount": 3_000, "currency": "usd", "payment_method": "pm_card_visa_chargeDeclined"}
    fields = declined | {"confirm": "true", "payment_method_types[]": "card"}
    refused = api.send("POST", "/v1/payment_intents", urlencode(fields).encode())
    intent = f"/v1/payment_intents/{refused.body['error']['payment_intent']['id']}"
    _made(api, intent, {"amount": 3_500, "currency": "kes"})
    _made(api, f"{intent}/confirm", {"payment_method": "pm_card_visa"})


def _made(api: Served, path: str, fields: Object) -> Object:
    answer = api.send("POST", path, urlencode(fields).encode())
    assert answer.status == 200, answer.raw
    made: Object = answer.body
    return made


def _copy_to_another_merchant(api: Served) -> None:
    with psycopg.connect(api.database_url) as connection:
        for table in ("payment_intent", "charge", "customer"):
            columns = connection.execute(
                "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
                " WHERE table_name = %s AND column_name <> 'merchant_id'"
                " AND is_generated = 'NEVER'",
                (table,),
            ).fetchone()
            assert columns is not None
            text = (
                f"INSERT INTO {table} (merchant_id, {columns[0]})"
                f" SELECT 'acct_other_test', {columns[0]} FROM {table}"
            )
            connection.execute(text.encode())


def search(api: Served, kind: str, query: str, **more: Any) -> Answer:
    answer = api.send("GET", f"/v1/{kind}/search?{urlencode({'query': query} | more)}")
    assert stripe_schema.check(answer.body) == []
    return answer


def everything(api: Served, kind: str) -> list[Object]:
    listed = api.send("GET", f"/v1/{kind}?limit=100").body
    assert not listed["has_more"]
    data: list[Object] = listed["data"]
    return data


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("amount>2000", lambda o: o["amount"] > 2000),
        ("amount>=2000 amount<3000", lambda o: 2000 <= o["amount"] < 3000),
        ("-amount:1000 AND amount<='2000'", lambda o: o["amount"] <= 2000 != 1000 != o["amount"]),
        ('currency:"KES"', lambda o: o["currency"] == "kes"),
        ('-currency:"usd"', lambda o: o["currency"] != "usd"),
        ('status:"succeeded"', lambda o: o["status"] == "succeeded"),
        ('-status:"succeeded"', lambda o: o["status"] != "succeeded"),
        ('status:"requires_payment_method"',
         lambda o: o["status"] == "requires_payment_method"),
        ('status:"Requires_Capture"', lambda o: o["status"] == "requires_capture"),
        ('status:"canceled"', lambda o: o["status"] == "canceled"),
        ('-status:"canceled"', lambda o: o["status"] != "canceled"),
        ('status:"requires_action"', lambda _: False),
        ('status:"nonsense" OR status:"canceled"', lambda o: o["status"] == "canceled"),
        ('status:"succeeded" OR amount:500',
         lambda o: o["status"] == "succeeded" or o["amount"] == 500),
        ("customer:null", lambda o: o["customer"] is None),
        ("-customer:null", lambda o: o["customer"] is not None),
        ('-customer:"cus_none"', lambda _: True),
        ('metadata["order"]:"n-2000"', lambda o: o["metadata"].get("order") == "N-2000"),
        ('-metadata["order"]:"N-2000"', lambda o: o["metadata"].get("order") != "N-2000"),
        ("metadata['order']:null", lambda o: "order" not in o["metadata"]),
        ("-metadata['order']:null", lambda o: "order" in o["metadata"]),
        ("metadata['number']:1 metadata['order']:'N-3000' amount>5",
         lambda o: o["metadata"] == {"order": "N-3000", "number": "1"}),
        ('metadata["ORDER"]:"N-2000"', lambda _: False),
        ("created>1600000000 -created>99999999999", lambda _: True),
        ("created<1600000000", lambda _: False),
        ("created<1600000000 OR amount:500", lambda o: o["amount"] == 500),
        ("-created<1600000000 -amount:500", lambda o: o["amount"] != 500),
    ],
)  # fmt: skip
def test_intents_are_found_as_the_query_says(
    api: Served, query: str, holds: Callable[[Object], bool]
) -> None:
    found = search(api, "payment_intents", query, limit=100).body
    assert found["data"] == [one for one in everything(api, "payment_intents") if holds(one)]
    assert found["next_page"] is None


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ('refunded:"true"', lambda o: o["refunded"]),
        ('refunded:"false"', lambda o: 0 < o["amount_refunded"] < o["amount"]),
        ("refunded:null", lambda o: o["amount_refunded"] == 0),
        ("-refunded:null", lambda o: o["amount_refunded"] > 0),
        ('disputed:"true"', lambda _: False),
        ("amount:3000", lambda o: o["amount"] == 3_000),
        ("amount:3500", lambda o: o["amount"] == 3_500),
        ("amount:5000", lambda _: False),
        ("amount:6000", lambda o: o["amount"] == 6_000),
        ("amount>=700 amount<1000", lambda o: 700 <= o["amount"] < 1_000),
        ("-amount:3000", lambda o: o["amount"] != 3_000),
        ("amount:700 OR amount:3000", lambda o: o["amount"] in (700, 3_000)),
        ('currency:"kes"', lambda o: o["currency"] == "kes"),
        ('payment_method_details.card.last4:4242', lambda o: _card(o)["last4"] == "4242"),
        ('payment_method_details.card.last4:"0002"', lambda o: _card(o)["last4"] == "0002"),
        ('-payment_method_details.card.last4:"0002"', lambda o: _card(o)["last4"] != "0002"),
        ('payment_method_details.card.brand:"MasterCard"',
         lambda o: _card(o)["brand"] == "mastercard"),
        ("payment_method_details.card.exp_month:7", lambda o: _card(o)["exp_month"] == 7),
        ("payment_method_details.card.exp_year>2034", lambda o: _card(o)["exp_year"] > 2034),
        ("payment_method_details.card.exp_year<=2034", lambda o: _card(o)["exp_year"] <= 2034),
        ("payment_method_details.card.last4:null", lambda _: False),
        ('billing_details.address.postal_code:"80100"',
         lambda o: o["billing_details"]["address"]
         and o["billing_details"]["address"]["postal_code"] == "80100"),
        ('currency:"usd" amount:3000',
         lambda o: (o["currency"], o["amount"]) == ("usd", 3_000)),
        ('currency:"eur"', lambda _: False),
        ('-disputed:"true"', lambda _: True),
        ('status:"failed"', lambda o: o["status"] == "failed"),
        ("metadata['Legacy']:'YES'", lambda o: o["metadata"].get("Legacy") == "yes"),
        (r'''metadata["quote'\""]:"a\"'b"''', lambda o: "Legacy" in o["metadata"]),
    ],
)  # fmt: skip
def test_charges_are_found_as_the_query_says(
    api: Served, query: str, holds: Callable[[Object], bool]
) -> None:
    found = search(api, "charges", query, limit=100).body
    assert found["data"] == [one for one in everything(api, "charges") if holds(one)]


def _card(charge: Object) -> Object:
    card: Object = charge["payment_method_details"]["card"]
    return card


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('email:"amina@duka.example"', ["Amina wa Kilifi"]),
        ('email~"DUKA."', ["Otieno Amina Were", "Amina wa Kilifi"]),
        ('name:"amina"', ["Otieno Amina Were", "Amina wa Kilifi"]),
        ('name:"AMINA WA"', ["Amina wa Kilifi"]),
        ('name:"wa Amina"', []),
        ('name:"Ami"', []),
        ('name~"lif"', ["Amina wa Kilifi"]),
        ('phone:"254 700 000001"', ["Amina wa Kilifi"]),
        ("phone~'0001'", ["Amina wa Kilifi"]),
        ("metadata['tier']:'gold' OR name~'otieno'", ["Otieno Amina Were", "Amina wa Kilifi"]),
        ("name:null metadata['tier']:'silver'", [None]),
        ("-name:null -name:'amina wa'", ["Otieno Amina Were"]),
        ("email:'!!!'", []),
    ],
)
def test_customers_are_found_by_words_and_parts(
    api: Served, query: str, names: list[str | None]
) -> None:
    found = search(api, "customers", query).body["data"]
    assert [one["name"] for one in found] == names


def test_pages_stay_the_same_while_payments_are_added(api: Served) -> None:
    query = "metadata['order']:'N-1000' OR metadata['order']:'N-3000'"
    before = search(api, "payment_intents", query, limit=100).body["data"]
    assert len(before) == 6
    seen = []
    page: dict[str, str] = {}
    while True:
        answer = search(api, "payment_intents", query, limit=2, **page).body
        seen += answer["data"]
        if not answer["has_more"]:
            break
        page = {"page": answer["next_page"]}
        added = {"amount": 1_000, "currency": "usd", "metadata[order]": "N-3000"}
        _made(api, "/v1/payment_intents", added)
    assert seen == before
    other = search(api, "payment_intents", "amount>5", **page)
    assert (other.status, other.body["error"]["param"]) == (400, "page")


def test_a_search_counts_and_expands_when_it_is_asked_to(api: Served) -> None:
    query = 'status:"succeeded" -customer:null'
    more = {"limit": 1, "expand[0]": "total_count", "expand[1]": "data.customer"}
    found = search(api, "payment_intents", query, **more).body
    assert (found["total_count"], found["has_more"]) == (2, True)
    assert found["data"][0]["customer"]["name"] == "Amina wa Kilifi"
    assert "total_count" not in search(api, "payment_intents", query).body
    refused = search(api, "payment_intents", query, **{"expand[]": "customer"})
    assert refused.status == 400


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("currency:usd", "character 10"),
        ('nothing:"usd"', "character 1: there is no such field; it can search amount, created"),
        ('amount>5 status>"x"', "character 10"),
    ],
)
def test_a_query_that_cannot_be_read_is_refused_with_its_place(
    api: Served, query: str, part: str
) -> None:
    answer = search(api, "payment_intents", query)
    error = answer.body["error"]
    assert (answer.status, error["code"], error["param"]) == (400, "search_query_invalid", "query")
    assert part in error["message"]


def test_values_that_look_like_sql_are_only_values(api: Served) -> None:
    for value in ("' OR true --", "%(merchant_id)s", "'); DROP TABLE charge; --", "%s %% ?"):
        query = f'metadata["{value}"]:"{value}" OR customer:"{value}"'
        assert search(api, "charges", query).body["data"] == []
