"""Keys, codes, routes, pages and expansion paths, without a server."""

from __future__ import annotations

import base64
import re

import orjson
import pytest

from hazina.api import auth, docs_page, error_words, errors, expand, lists, openapi
from hazina.api.route import Router
from hazina.api.table import ROUTES
from hazina.refusals import Code, Refusal
from hazina.refusals_view import TYPES, envelope
from tests.support import stripe_schema


def test_a_key_is_read_from_bearer_and_from_basic() -> None:
    assert auth.api_key(b"Bearer sk_test_1") == "sk_test_1"
    assert auth.api_key(b"basic " + base64.b64encode(b"sk_test_1:")) == "sk_test_1"


@pytest.mark.parametrize("header", [None, b"", b"Bearer", b"Bearer a b", b"Basic !!!", b"Digest x"])
def test_a_missing_or_malformed_key_is_refused(header: bytes | None) -> None:
    with pytest.raises(Refusal) as caught:
        auth.api_key(header)
    assert caught.value.code is Code.API_KEY_INVALID


def test_every_code_has_a_status_and_a_type() -> None:
    assert set(errors.STATUSES) == set(Code) == set(TYPES)


@pytest.mark.parametrize("code", list(Code))
def test_every_envelope_has_stripes_shape(code: Code) -> None:
    refusal = Refusal(code, "No.", param="a", details={"decline_code": None})
    shown = envelope(refusal, "https://pay.example/docs")
    assert stripe_schema.check(shown) == []
    assert "decline_code" not in shown["error"]


def test_routes_are_found_with_their_ids() -> None:
    router = Router(ROUTES)
    for route in ROUTES:
        found = router.find(re.sub(r"\{[a-z]+\}", "x_1", route.path))
        assert found is not None
        assert found[0][route.method] is route
        assert found[1] == ("x_1",) * route.path.count("{")
    assert router.find("/v1/nothing") is None
    assert router.find("/v1/customers/") is None


def test_two_cursors_at_once_are_refused() -> None:
    with pytest.raises(Refusal):
        lists.split({"starting_after": "a", "ending_before": "b"})


def test_event_bytes_are_spliced_into_a_list_as_they_are() -> None:
    body = lists.spliced("/v1/events", ([b'{"a": 1}', b"{}"], True))
    assert b'{"a": 1}' in body
    assert orjson.loads(body)["has_more"] is True


def test_expansion_paths_are_checked_before_anything_is_done() -> None:
    paths = expand.read_paths(["data.latest_charge.balance_transaction.source"], listed=True)
    expand.check_paths(paths, "payment_intent")
    for path in ("foo", "latest_charge.foo", "data.latest_charge"):
        with pytest.raises(Refusal, match="cannot be expanded"):
            expand.check_paths(expand.read_paths([path], listed=False), "payment_intent")


def test_the_document_and_its_page_name_every_route_and_code() -> None:
    document = orjson.loads(orjson.dumps(openapi.document(ROUTES)))
    page = docs_page.page(ROUTES)
    for route in ROUTES:
        assert route.method.lower() in document["paths"][route.path]
        assert route.path in page
    assert "<script" not in page


@pytest.mark.parametrize("code", list(Code))
def test_every_code_is_explained_where_its_doc_url_leads(code: Code) -> None:
    words = error_words.WORDS.get(code)
    assert words is not None, f"say in api/error_words.py what {code.value} means"
    assert min(map(len, (words.meaning, words.remedy, words.message))) > 10

    error = envelope(Refusal(code, "No."), "https://pay.example/docs")["error"]
    address, _, section = error["doc_url"].partition("#")

    assert address == "https://pay.example/docs/errors"
    assert f'id="{section}"' in docs_page.errors_page()
