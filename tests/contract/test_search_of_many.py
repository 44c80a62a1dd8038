"""Searches of a merchant with so many objects that what is rare is found by indexes first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests.support import stripe_schema
from tests.support.postgres import TestRun
from tests.support.served import Served, served

_COUNT = 2_500
_COPIES = """
INSERT INTO {table} (id, {columns})
SELECT left(id, -8) || lpad(n::text, 8, 'z'), {columns}
FROM {table} CROSS JOIN generate_series(1, %(count)s) n WHERE id = %(id)s
"""


@pytest.fixture(scope="module")
def api(test_run: TestRun) -> Iterator[Served]:
    with test_run.database() as url, served(url) as one:
        yield one


@pytest.fixture(scope="module")
def rare(api: Served) -> dict[str, Any]:
    """Make one payment that nothing resembles, and then thousands that are all alike."""
    customer = made(api, "/v1/customers", name="Wanjiru", email="w@duka.example")
    pay = {"payment_method": "pm_card_visa", "confirm": "true", "payment_method_types[]": "card"}
    order = {"metadata[order]": "N-1", "customer": customer["id"]}
    intent = made(api, "/v1/payment_intents", amount=777, currency="usd", **pay, **order)
    declined = {"payment_method": "pm_card_visa_chargeDeclined"}
    fields = urlencode({"amount": 555, "currency": "usd", **pay, **declined, **order}).encode()
    refused = api.send("POST", "/v1/payment_intents", fields).body["error"]
    again = f"/v1/payment_intents/{refused['payment_intent']['id']}"
    made(api, again, amount=888)
    made(api, f"{again}/confirm", **pay | {"confirm": ""})
    legacy = made(
        api, "/v1/charges", amount=999, currency="usd", source="tok_visa", **{"metadata[old]": "y"}
    )
    made(api, "/v1/refunds", charge=legacy["id"], amount=99)
    common = made(api, "/v1/payment_intents", amount=100, currency="kes", **pay)
    nobody = made(api, "/v1/customers", name="Nobody")
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        for table, object_id in (
            ("customer", nobody["id"]),
            ("payment_intent", common["id"]),
            ("charge", common["latest_charge"]),
        ):
            copy(connection, table, object_id)
    return {"customer": customer, "intent": intent, "failed": refused["charge"], "legacy": legacy}


def copy(connection: psycopg.Connection[Any], table: str, object_id: str) -> None:
    """Add thousands of copies of a row, all of them newer."""
    found = connection.execute(
        "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
        " WHERE table_name = %s AND column_name <> 'id' AND is_generated = 'NEVER'",
        (table,),
    ).fetchone()
    assert found is not None
    text = _COPIES.format(table=table, columns=found[0])
    connection.execute(text.encode(), {"count": _COUNT, "id": object_id})


def made(api: Served, path: str, **fields: Any) -> dict[str, Any]:
    sent = {name: value for name, value in fields.items() if value != ""}
    answer = api.send("POST", path, urlencode(sent).encode())
    assert answer.status == 200, answer.raw
    body: dict[str, Any] = answer.body
    return body


def search(api: Served, kind: str, query: str, **more: Any) -> dict[str, Any]:
    answer = api.send("GET", f"/v1/{kind}/search?{urlencode({'query': query} | more)}")
    assert answer.status == 200, answer.raw
    assert stripe_schema.check(answer.body) == []
    body: dict[str, Any] = answer.body
    return body


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ('metadata["order"]:"n-1"', [888, 777]),
        ("amount:777", [777]),
        ('currency:"usd"', [888, 777]),
        ('currency:"usd" amount>777', [888]),
        ('amount>700 metadata["order"]:"N-1" -amount:888', [777]),
        ('amount:777 OR metadata["order"]:"N-1"', [888, 777]),
        ('amount:777 status:"canceled"', []),
        ('status:"canceled"', []),
        ("amount:778", []),
    ],
)
def test_rare_intents_are_found_behind_thousands(
    api: Served, rare: dict[str, Any], query: str, amounts: list[int]
) -> None:
    found = search(api, "payment_intents", query, **{"expand[]": "total_count"})
    assert [one["amount"] for one in found["data"]] == amounts
    assert (found["total_count"], found["has_more"]) == (len(amounts), False)


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("amount:777", [777]),
        ("amount:888", [888]),
        # The failed charge, whose intent amounts to something else since.
        ("amount:555", [555]),
        ("amount:999", [999]),
        ('currency:"usd"', [999, 888, 555, 777]),
        ('currency:"usd" status:"failed"', [555]),
        ('metadata["old"]:"Y"', [999]),
        ('metadata["old"]:"y" OR amount:555', [999, 555]),
    ],
)
def test_rare_charges_are_found_behind_thousands(
    api: Served, rare: dict[str, Any], query: str, amounts: list[int]
) -> None:
    found = search(api, "charges", query, **{"expand[]": "total_count"})
    assert [one["amount"] for one in found["data"]] == amounts
    assert found["total_count"] == len(amounts)


@pytest.mark.parametrize(
    ("fields", "amounts"),
    [
        ({"currency": "usd"}, [-99, 999, 888, 777]),
        ({"currency": "usd", "type": "refund"}, [-99]),
        ({"currency": "kes"}, [100]),
        ({"currency": "eur"}, []),
    ],
)
def test_the_lines_of_a_rare_and_of_a_common_currency_are_listed(
    api: Served, rare: dict[str, Any], fields: dict[str, str], amounts: list[int]
) -> None:
    listed = api.send("GET", f"/v1/balance_transactions?{urlencode(fields)}").body["data"]
    assert [one["amount"] for one in listed] == amounts


def test_what_is_common_is_found_page_by_page(api: Served, rare: dict[str, Any]) -> None:
    for kind, query in (("payment_intents", 'currency:"kes"'), ("customers", 'name:"nobody"')):
        first = search(api, kind, query, limit=100, **{"expand[]": "total_count"})
        assert (len(first["data"]), first["total_count"]) == (100, _COUNT + 1)
        second = search(api, kind, query, limit=100, page=first["next_page"])
        ids = [one["id"] for one in first["data"] + second["data"]]
        assert ids == sorted(set(ids), reverse=True)


@pytest.mark.parametrize("query", ['name:"wanjiru"', 'email:"W@duka.example" -name:null'])
def test_a_rare_customer_is_found_behind_thousands(
    api: Served, rare: dict[str, Any], query: str
) -> None:
    found = search(api, "customers", query)
    assert [one["id"] for one in found["data"]] == [rare["customer"]["id"]]
