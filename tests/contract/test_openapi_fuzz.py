"""Requests generated from the served OpenAPI document: no 5xx, all answers in Stripe's shape."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from hazina.api.table import ROUTES
from tests.support.answers import demand_shape
from tests.support.postgres import TestRun
from tests.support.served import Served, served

SEED = int(os.environ.get("HAZINA_FUZZ_SEED", "20260101"))
EXAMPLES = 300 if os.environ.get("HAZINA_FAULTS") == "whole" else 8
_SECONDS_PER_ROUTE = 900 if os.environ.get("HAZINA_FAULTS") == "whole" else 60

# What stands before the {id} of a route, after /v1/, and what the id can be.
_KINDS = {
    "accounts": "account",
    "balance/history": "balance_transaction",
    "balance_transactions": "balance_transaction",
    "charges": "charge",
    "checkout/sessions": "checkout_session",
    "customers": "customer",
    "events": "event",
    "hazina/api_keys": "api_key",
    "ledger/accounts": "ledger_account",
    "ledger/transfers": "ledger_transfer",
    "payment_intents": "payment_intent",
    "payment_links": "payment_link",
    "payment_methods": "payment_method",
    "prices": "price",
    "products": "product",
    "refunds": "refund",
    "setup_intents": "setup_intent",
    "tokens": "token",
    "webhook_endpoints": "webhook_endpoint",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What is fuzzed: the API, its document, and ids of objects that exist."""

    api: Served
    schema: Any
    ids: dict[str, str]


@pytest.fixture(scope="module")
def target(test_run: TestRun) -> Iterator[Target]:
    with test_run.database() as url, served(url) as api:
        schema = schemathesis.openapi.from_dict(api.send("GET", "/openapi.json").body)
        yield Target(api, schema, _objects(api))


def _objects(api: Served) -> dict[str, str]:
    """Make one object of each kind, so that generated requests also reach past a 404."""

    def made(path: str, body: bytes) -> dict[str, Any]:
        answer = api.send("POST", path, body)
        assert answer.status == 200, answer.body
        result: dict[str, Any] = answer.body
        return result

    paid = made(
        "/v1/payment_intents",
        b"amount=5000&currency=kes&payment_method=pm_card_visa&confirm=true"
        b"&return_url=https://duka.test/done&expand[]=latest_charge",
    )
    charge = paid["latest_charge"]
    refund = made("/v1/refunds", f"charge={charge['id']}&amount=100".encode())
    customer = made("/v1/customers", b"name=Amina")
    token = made(
        "/v1/tokens",
        b"card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2040&card[cvc]=123",
    )
    # A reserved name: nothing listens there, and no worker runs that would deliver to it.
    hook = made("/v1/webhook_endpoints", b"url=https://duka.test/hook&enabled_events[]=*")
    product = made("/v1/products", b"name=Kikoi")
    price = made("/v1/prices", f"product={product['id']}&currency=kes&unit_amount=5000".encode())
    basket = f"line_items[0][price]={price['id']}&line_items[0][quantity]=1"
    session = made(
        "/v1/checkout/sessions",
        f"{basket}&mode=payment&success_url=https://duka.test/done".encode(),
    )
    key = made("/v1/hazina/api_keys", b"type=secret&name=fuzzed")
    for number in (1, 2):
        made("/v1/ledger/accounts", b"id=%d&ledger=1&code=1" % number)
    made(
        "/v1/ledger/transfers",
        b"id=3&debit_account_id=1&credit_account_id=2&amount=5&ledger=1&code=1",
    )
    event = api.send("GET", "/v1/events?limit=1").body["data"][0]
    return {
        "account": api.send("GET", "/v1/account").body["id"],
        "balance_transaction": charge["balance_transaction"],
        "api_key": key["id"],
        "charge": charge["id"],
        "checkout_session": session["id"],
        "customer": customer["id"],
        "event": event["id"],
        "ledger_account": "1",
        "ledger_transfer": "3",
        "payment_intent": paid["id"],
        "payment_link": made("/v1/payment_links", basket.encode())["id"],
        "payment_method": "pm_card_visa",
        "price": price["id"],
        "product": product["id"],
        "refund": refund["id"],
        "setup_intent": made("/v1/setup_intents", b"usage=on_session")["id"],
        "token": token["id"],
        "webhook_endpoint": hook["id"],
    }


def demand_sound(target: Target, case: Any, known_id: bool) -> None:
    """Send a generated request and demand an answer in Stripe's shape that is no failure."""
    if known_id and case.path_parameters:
        kind = _KINDS[case.operation.path.removeprefix("/v1/").partition("/{")[0]]
        case.path_parameters = dict.fromkeys(case.path_parameters, target.ids[kind])
    answer = case.call(
        base_url=target.api.url,
        headers={"Authorization": f"Bearer {target.api.key}"},
        timeout=30,
    )
    assert answer.status_code < 500, (case.as_curl_command(), answer.content)
    if "request-id" not in answer.headers:
        # What is no HTTP request at all is refused by the server, before there is one to name.
        assert answer.status_code == 400, (case.as_curl_command(), answer.content)
        return
    body = json.loads(answer.content)
    demand_shape(case.as_curl_command(), answer.content)
    assert ("error" in body) == (answer.status_code >= 400)


@pytest.mark.timeout(_SECONDS_PER_ROUTE)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_generated_requests_never_fail_and_are_answered_in_shape(
    target: Target, route: Any
) -> None:
    print(f"HAZINA_FUZZ_SEED={SEED}")
    operation = target.schema[route.path][route.method]
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @seed(SEED)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=(Phase.generate,) if EXAMPLES < 100 else (Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), known_id=st.booleans())
        def generated(case: Any, known_id: bool) -> None:
            demand_sound(target, case, known_id)

        generated()


def test_the_document_describes_every_route(target: Target) -> None:
    described = {
        (method.upper(), path)
        for path, operations in target.schema.raw_schema["paths"].items()
        for method in operations
    }
    assert described == {(route.method, route.path) for route in ROUTES}
