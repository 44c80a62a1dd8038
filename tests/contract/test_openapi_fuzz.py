"""Requests generated from the served OpenAPI document: no 5xx, all answers in Stripe's shape."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from hazina.api.route import Route
from hazina.api.streaming import CONTENT_TYPE
from hazina.api.table import ROUTES
from tests.support.answers import demand_shape
from tests.support.postgres import TestRun
from tests.support.served import Served, served
from tests.support.tenancy_rows import MAKE, NEEDS_FIRST, ROWS

SEED = int(os.environ.get("HAZINA_FUZZ_SEED", "20260101"))
EXAMPLES = 300 if os.environ.get("HAZINA_FAULTS") == "whole" else 8
_SECONDS_PER_ROUTE = 900 if os.environ.get("HAZINA_FAULTS") == "whole" else 60

_NAME = re.compile(r"\{([\w.]+)\}")


@dataclass(frozen=True, slots=True)
class Target:
    """What is fuzzed: the API, its document, and ids of objects that exist, by their names."""

    api: Served
    schema: Any
    ids: dict[str, str]

    def known(self, route: Route) -> dict[str, str]:
        """Return objects for the parameters of a path, so that requests also get past a 404."""
        given = zip(route.path.split("/"), ROWS[route.name].path.split("/"), strict=True)
        return {asked[1:-1]: self._filled(name) for asked, name in given if asked.startswith("{")}

    def _id(self, name: str) -> str:
        if name not in self.ids:
            if name in NEEDS_FIRST:
                self._id(NEEDS_FIRST[name])
            make = MAKE[name]
            fields = {field: self._filled(value) for field, value in make.fields.items()}
            answer = self.api.send(make.method, self._filled(make.path), urlencode(fields).encode())
            assert answer.status == 200, (name, answer.body)
            found: Any = answer.body
            for step in make.at.split("."):
                found = found[int(step) if step.isdecimal() else step]
            self.ids[name] = found
        return self.ids[name]

    def _filled(self, text: str) -> str:
        return _NAME.sub(lambda name: self._id(name[1]), text)


@pytest.fixture(scope="module")
def target(test_run: TestRun) -> Iterator[Target]:
    with test_run.database() as url, served(url) as api:
        schema = schemathesis.openapi.from_dict(api.send("GET", "/openapi.json").body)
        yield Target(api, schema, {})


def demand_sound(target: Target, case: Any, route: Route, known: dict[str, str]) -> None:
    """Send a generated request and demand an answer in Stripe's shape that is no failure."""
    if known:
        case.path_parameters = known
    if route.streams:
        case.query = {**(case.query or {}), "follow": "false"}
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
    if CONTENT_TYPE in answer.headers["content-type"]:
        assert answer.status_code == 200
        return
    body = json.loads(answer.content)
    demand_shape(case.as_curl_command(), answer.content)
    assert ("error" in body) == (answer.status_code >= 400)


@pytest.mark.timeout(_SECONDS_PER_ROUTE)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_generated_requests_never_fail_and_are_answered_in_shape(
    target: Target, route: Route
) -> None:
    print(f"HAZINA_FUZZ_SEED={SEED}")
    operation = target.schema[route.path][route.method]
    # Made anew for each route: what an earlier one has deleted or ended teaches little.
    target.ids.clear()
    target.ids["account"] = target.api.send("GET", "/v1/account").body["id"]
    known = target.known(route)
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
            demand_sound(target, case, route, known if known_id else {})

        generated()


def test_the_document_describes_every_route(target: Target) -> None:
    described = {
        (method.upper(), path)
        for path, operations in target.schema.raw_schema["paths"].items()
        for method in operations
    }
    assert described == {(route.method, route.path) for route in ROUTES}
