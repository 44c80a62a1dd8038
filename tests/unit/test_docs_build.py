"""The generated pages say what the code says."""

from __future__ import annotations

from docs_build import stripe_package
from docs_build.compatibility import page, standings
from hazina.api.params.kinds import Boolean, Fields, Items, Param, Text
from hazina.api.route import Call, Result, Route
from hazina.api.stripe_surface import read_line


async def _never(_: Call) -> Result:
    raise AssertionError("no handler is called here")


def _word(line: str, params: Fields) -> tuple[str, tuple[str, ...]]:
    route = Route("POST", "/v1/things", _never, params, "thing", "Make a thing")
    (one,) = standings([read_line(line)], [route])
    return one.word, one.missing


def test_an_endpoint_with_every_parameter_is_here() -> None:
    whole = Fields({"a": Param(Text()), "b": Param(Fields({"c": Param(Boolean())}))})

    assert _word("POST /v1/things a b(c)", whole) == ("yes", ())


def test_what_is_missing_is_named_also_inside_lists() -> None:
    part = Fields({"b": Param(Items(Fields({"c": Param(Boolean())})))}, {"a": "leave it out"})

    assert _word("POST /v1/things a b(c d(e))", part) == ("partly", ("a", "b[d]"))


def test_an_endpoint_without_a_route_is_not_here() -> None:
    assert _word("GET /v1/things", Fields({})) == ("no", ())


def test_the_page_names_every_endpoint_that_it_is_given() -> None:
    lines = ("GET /v1/balance", "POST /v1/checkout/orders", "GET /v2/core/things/{id}")

    made = page([read_line(line) for line in lines])

    assert all(f"| `{line}` |" in made for line in lines)


def test_an_endpoint_has_its_own_parameters_and_not_those_of_a_namesake() -> None:
    found = {endpoint.name: set(endpoint.params) for endpoint in stripe_package.surface()}

    session = found["POST /v1/checkout/sessions"]
    assert {"line_items", "custom_text"} <= session
    assert "prefetch" not in session, "financial_connections has sessions, too"
    assert "delivery_success" in found["GET /v1/events"]
    assert "business_profile" in found["POST /v1/accounts"]
    assert "configuration" not in found["POST /v1/accounts"]
