"""What Stripe has and we do not is told apart from what nobody has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hazina.api import nearest
from hazina.api.params.kinds import Boolean, Fields, Param
from hazina.api.route import Call, Result, Route, Router
from hazina.api.stripe_surface import line_of, read_line, surface
from hazina.api.table import ROUTES
from hazina.refusals import Code, Refusal


async def _never(_: Call) -> Result:
    raise AssertionError("no handler is called here")


_ROUTES = tuple(
    Route(method, path, _never, Fields({}), "thing", "Do a thing")
    for method, path in (
        ("POST", "/v1/payment_intents"),
        ("POST", "/v1/customers/{id}"),
        ("GET", "/v1/customers/{id}"),
    )
)


@pytest.mark.parametrize(
    ("method", "path", "near"),
    [
        ("POST", "/v1/subscriptions", "POST /v1/payment_intents"),
        ("POST", "/v1/checkout/sessions", "POST /v1/payment_intents"),
        ("GET", "/v1/customers/cus_1/tax_ids", "GET /v1/customers/{id}"),
        ("DELETE", "/v1/customers/cus_1/discount", "POST /v1/customers/{id}"),
        ("GET", "/v1/issuing/cards", "nothing like it"),
    ],
)
def test_an_endpoint_of_stripes_is_refused_with_the_nearest_of_ours(
    method: str, path: str, near: str
) -> None:
    refusal = nearest.unknown_route(method, path, _ROUTES)

    assert refusal.code is Code.ROUTE_NOT_SUPPORTED
    assert near in refusal.message


def test_an_address_that_nobody_has_is_unknown_and_like_one_of_ours() -> None:
    refusal = nearest.unknown_route("POST", "/v1/payment_intent", _ROUTES)

    assert refusal.code is Code.ROUTE_UNKNOWN
    assert "Did you mean /v1/payment_intents?" in refusal.message


@pytest.mark.parametrize(
    ("method", "path", "near"),
    [
        ("DELETE", "/v1/accounts/acct_1", "POST /v1/accounts/{id}/reject;"),
        ("POST", "/v1/accounts/acct_1/persons", "GET /v1/accounts/{id};"),
        ("POST", "/v1/account_links", "POST /v1/accounts;"),
        ("POST", "/v1/credit_notes", "POST /v1/refunds;"),
        ("GET", "/v1/mandates/mandate_1", "GET /v1/payment_methods/{id};"),
    ],
)
def test_what_is_named_as_nearest_serves_the_same_purpose(
    method: str, path: str, near: str
) -> None:
    refusal = nearest.unknown_route(method, path, ROUTES)

    assert refusal.code is Code.ROUTE_NOT_SUPPORTED
    assert f"The nearest thing here is {near}" in refusal.message


def test_an_address_with_digits_is_not_shown() -> None:
    refusal = nearest.unknown_route("GET", "/v1/x/4242424242424242", _ROUTES)

    assert "4242" not in refusal.message
    assert "/v1/x/{id}" in refusal.message


def test_an_address_with_an_id_is_like_one_of_ours_with_any() -> None:
    refusal = nearest.unknown_route("POST", "/v1/charges/ch_01m80fbcqsfh/refund", ROUTES)

    assert "Did you mean /v1/charges/{id}/refunds?" in refusal.message


def test_a_word_in_the_path_is_no_id() -> None:
    route = _ROUTES[2]

    assert nearest.is_word("GET", "/v1/customers/search", route, ("search",))
    assert not nearest.is_word("GET", "/v1/customers/absent", route, ("absent",))
    assert not nearest.is_word("GET", "/v1/customers/cus_1", route, ("cus_1",))


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("customer_account", Code.NOT_SUPPORTED, "Hazina does not support the parameter"),
        ("automatic_payment_methods[allow_redirects]", Code.NOT_SUPPORTED, "leave it out"),
        ("payment_details[order_reference]", Code.NOT_SUPPORTED, "yet"),
        ("colour", Code.PARAMETER_UNKNOWN, "Received unknown parameter: colour"),
        ("confrim", Code.PARAMETER_UNKNOWN, "Did you mean confirm?"),
        ("automatic_payment_methods[enable]", Code.PARAMETER_UNKNOWN, "Did you mean enabled?"),
    ],
)
def test_a_parameter_of_stripes_is_told_from_one_that_nobody_has(
    name: str, code: Code, words: str
) -> None:
    enabled = Fields({"enabled": Param(Boolean())})
    params = Fields({"confirm": Param(Boolean()), "automatic_payment_methods": Param(enabled)})
    route = replace(_ROUTES[0], params=params)
    unknown = Refusal(Code.PARAMETER_UNKNOWN, f"Received unknown parameter: {name}", param=name)

    refusal = nearest.unknown_parameter(unknown, route)

    assert (refusal.code, refusal.param) == (code, name)
    assert words in refusal.message


def test_the_surface_reads_what_it_writes() -> None:
    for endpoint in surface().all():
        assert read_line(line_of(endpoint)) == endpoint


def test_a_router_knows_its_routes() -> None:
    assert Router(_ROUTES).routes == _ROUTES
