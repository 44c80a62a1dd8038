"""Bad input over HTTP: each is refused by a stable code, echoes nothing and writes nothing."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from hazina.refusals import Code
from tests.support import stripe_schema
from tests.support.postgres import TestRun
from tests.support.served import FORM, Answer, Served, served

MARKER = "zebra9041"
"""Planted in values; it must never come back."""

JSON = "application/json"
INTENTS = "/v1/payment_intents"
CUSTOMERS = "/v1/customers"
GOOD = b"amount=1000&currency=kes&description=zebra9041"


@dataclass(frozen=True, slots=True)
class Bad:
    """One bad request and how it is refused."""

    why: str
    body: bytes
    code: Code
    param: str | None = None
    status: int = 400
    method: str = "POST"
    path: str = INTENTS
    content_type: str = FORM
    headers: dict[str, str] = field(default_factory=dict)


def as_json(why: str, body: bytes, code: Code, param: str | None = None) -> Bad:
    """Return a bad request with a JSON body."""
    return Bad(why, body, code, param, content_type=JSON)


def amount(why: str, value: str, code: Code = Code.PARAMETER_INVALID_INTEGER) -> Bad:
    """Return a payment of a bad amount, as a form."""
    return Bad(f"amount {why}", f"amount={value}&currency=kes".encode(), code, "amount")


def json_amount(why: str, value: str) -> Bad:
    """Return a payment of a bad amount, as JSON."""
    body = f'{{"amount":{value},"currency":"kes","description":"{MARKER}"}}'.encode()
    return as_json(f"JSON amount {why}", body, Code.PARAMETER_INVALID_INTEGER, "amount")


def unauthenticated(why: str, value: str) -> Bad:
    """Return a good payment with a bad Authorization header."""
    headers = {"Authorization": value}
    return Bad(f"auth {why}", GOOD, Code.API_KEY_INVALID, status=401, headers=headers)


def read(why: str, path: str, code: Code, param: str | None = None, status: int = 400) -> Bad:
    """Return a bad GET."""
    return Bad(why, b"", code, param, status, method="GET", path=path)


_BODY = Code.BODY_INVALID
_INVALID = Code.PARAMETER_INVALID
_UNKNOWN = Code.PARAMETER_UNKNOWN
_MANY = "&".join(f"metadata[k{index}]={MARKER}" for index in range(51)).encode()
_DEEP = b'{"a":' * 50_000 + b"1" + b"}" * 50_000

BODIES = [
    Bad("oversize form", b"description=" + b"x" * (1024 * 1024), Code.BODY_TOO_LARGE, status=413),
    Bad("deep form", b"a" + b"[b]" * 20 + b"=zebra9041", _BODY),
    as_json("deep JSON", b'{"a":' * 12 + b'"zebra9041"' + b"}" * 12, _BODY),
    as_json("JSON deeper than the parser", _DEEP, _BODY),
    as_json("JSON of deep lists", b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}", _BODY),
    Bad("too many parameters", b"&".join(b"a%d=1" % index for index in range(1_001)), _BODY),
    Bad("raw bytes that are not UTF-8", GOOD + b"\xff\xfe", _BODY),
    Bad("escaped bytes that are not UTF-8", GOOD + b"%ff", _BODY),
    as_json("JSON that is not UTF-8", b'{"description":"zebra9041\xff"}', _BODY),
    Bad("escaped U+0000", GOOD + b"%00", _BODY),
    Bad("raw U+0000", GOOD + b"\0", _BODY),
    as_json("JSON U+0000", b'{"description":"zebra9041\\u0000"}', _BODY),
    as_json("JSON U+0000 in a name", b'{"metadata":{"a\\u0000":"zebra9041"}}', _BODY),
    as_json("lone surrogate", b'{"description":"zebra9041\\ud800"}', _BODY),
    as_json("lone surrogate in a name", b'{"\\udfff":"zebra9041"}', _BODY),
    Bad("escaped surrogate", GOOD + b"%ED%A0%80", _BODY),
    Bad("duplicate field", GOOD + b"&amount=2", _BODY, "amount"),
    as_json("duplicate JSON field", b'{"amount":1,"amount":2,"x":"zebra9041"}', _BODY, "amount"),
    Bad("duplicate inner field", b"metadata[a]=1&metadata[a]=2", _BODY, "metadata[a]"),
    Bad("a field both plain and nested", b"metadata=1&metadata[a]=2", _BODY, "metadata[a]"),
    Bad("brackets that do not match", b"metadata[a=zebra9041", _BODY),
    as_json("not JSON", b"zebra9041", _BODY),
    as_json("JSON list", b'["zebra9041"]', _BODY),
    as_json("JSON NaN", b'{"amount":NaN,"x":"zebra9041"}', _BODY),
    Bad("multipart", GOOD, _BODY, content_type="multipart/form-data; boundary=x"),
    Bad("text", GOOD, _BODY, content_type="text/plain"),
    Bad("no content type", GOOD, _BODY, content_type=""),
    Bad("Latin-1", GOOD, _BODY, content_type=FORM + "; charset=iso-8859-1"),
    Bad("body of a GET", GOOD, _BODY, method="GET", path=CUSTOMERS),
]
FIELDS = [
    Bad("unknown field", GOOD + b"&colour=zebra9041", _UNKNOWN, "colour"),
    Bad("unknown inner field", GOOD + b"&shipping[colour]=zebra9041", _UNKNOWN, "shipping[colour]"),
    Bad("card number as a name", GOOD + b"&4242424242424242=1", _UNKNOWN, "(name not shown)"),
    Bad("card data", GOOD + b"&card[number]=zebra9041", _UNKNOWN, "card"),
    Bad("missing amount", b"currency=kes", Code.PARAMETER_MISSING, "amount"),
    Bad("missing currency", b"amount=1000", Code.PARAMETER_MISSING, "currency"),
    Bad("empty amount", b"amount=&currency=kes", Code.PARAMETER_INVALID_EMPTY, "amount"),
    Bad("over-long string", GOOD + b"x" * 5_000, _INVALID, "description"),
    Bad("string as list", b"amount=1&currency=kes&description[]=z", _INVALID, "description"),
    Bad("unknown choice", GOOD + b"&capture_method=zebra9041", _INVALID, "capture_method"),
    Bad("bad boolean", GOOD + b"&confirm=zebra9041", _INVALID, "confirm"),
    Bad("too many metadata keys", GOOD + b"&" + _MANY, _INVALID, "metadata"),
    Bad("over-long metadata value", GOOD + b"&metadata[a]=" + b"x" * 501, _INVALID, "metadata[a]"),
    Bad("over-long metadata key", GOOD + b"&metadata[" + b"x" * 41 + b"]=1", _INVALID, "metadata"),
    Bad("unknown expansion", GOOD + b"&expand[]=colour", _INVALID, "expand"),
    Bad("card number as expansion", GOOD + b"&expand[]=4242424242424242", _INVALID, "expand"),
    Bad("deep expansion", GOOD + b"&expand[]=latest_charge.a.b.c.d.e", _INVALID, "expand"),
    Bad(
        "unknown payment method", GOOD + b"&payment_method=4242424242424242&confirm=true",
        Code.RESOURCE_MISSING, "payment_method", status=404,
    ),
    Bad(
        "refund of an unknown charge", b"charge=4242424242424242", Code.RESOURCE_MISSING, "charge",
        path="/v1/refunds", status=404,
    ),
]  # fmt: skip
AMOUNTS = [
    amount("negative", "-5"),
    amount("zero", "0"),
    amount("fractional", "10.5"),
    amount("with an exponent", "1e3"),
    amount("with a sign", "%2B5"),
    amount("with a space", "1%20000"),
    amount("in other digits", "%D9%A1%D9%A2"),
    amount("in words", MARKER),
    amount("of 2**63", str(2**63)),
    amount("of 2**63-1", str(2**63 - 1), Code.AMOUNT_TOO_LARGE),
    amount("of 5000 digits", "9" * 5_000),
    json_amount("negative", "-5"),
    json_amount("zero", "0"),
    json_amount("fractional", "10.5"),
    json_amount("with a zero fraction", "10.0"),
    json_amount("with an exponent", "1e3"),
    json_amount("of 2**63", str(2**63)),
    json_amount("of 4000 digits", "9" * 4_000),
    json_amount("true", "true"),
    as_json("JSON amount of 5000 digits", b'{"amount":' + b"9" * 5_000 + b"}", _BODY),
    Bad(
        "unknown customer",
        GOOD + b"&customer=4242424242424242",
        Code.RESOURCE_MISSING,
        "customer",
        404,
    ),
    Bad("currency unknown", b"amount=1000&currency=zzz", Code.CURRENCY_INVALID, "currency"),
    Bad("currency long", b"amount=1000&currency=zebra9041", Code.CURRENCY_INVALID, "currency"),
    Bad("currency not text", b"amount=1000&currency[]=kes", Code.CURRENCY_INVALID, "currency"),
]
_BASIC = base64.b64encode(b"zebra9041:").decode()
REQUESTS = [
    unauthenticated("empty", ""),
    unauthenticated("of another scheme", "Digest zebra9041"),
    unauthenticated("without a key", "Bearer "),
    unauthenticated("with an unknown key", "Bearer sk_test_zebra9041zebra9041"),
    unauthenticated("over-long", "Bearer " + "sk_test_" + "x" * 300),
    unauthenticated("not ASCII", "Bearer sk_test_\xe9zebra9041"),
    unauthenticated("not base64", "Basic !!zebra9041"),
    unauthenticated("basic unknown", f"Basic {_BASIC}"),
    Bad("wrong method", GOOD, Code.METHOD_NOT_ALLOWED, status=405, method="PUT"),
    Bad("wrong method of one", b"", Code.METHOD_NOT_ALLOWED, status=405, method="DELETE",
        path=INTENTS + "/pi_x"),
    Bad("wrong method outside", GOOD, Code.METHOD_NOT_ALLOWED, status=405, path="/openapi.json"),
    Bad("unknown route", GOOD, Code.ROUTE_UNKNOWN, status=404, path="/v1/zebra9041"),
    Bad("unknown route outside", GOOD, Code.ROUTE_UNKNOWN, status=404, path="/v2/zebra9041"),
    Bad("route of Stripe's", b"", Code.ROUTE_NOT_SUPPORTED, status=404, path="/v1/subscriptions"),
    Bad("route of Stripe's v2", b"", Code.ROUTE_NOT_SUPPORTED, status=404,
        path="/v2/core/accounts"),
    Bad("parameter of Stripe's", GOOD + b"&payment_details[order_reference]=zebra9041",
        Code.NOT_SUPPORTED, "payment_details"),
    Bad("unknown connector", GOOD, Code.ROUTE_UNKNOWN, status=404, path="/callbacks/zebra9041"),
    Bad("unverified callback", GOOD, _BODY, path="/callbacks/sandbox"),
    Bad("oversize callback", b"x" * (256 * 1024 + 1), Code.BODY_TOO_LARGE, status=413,
        path="/callbacks/sandbox"),
    read("id with U+0000", CUSTOMERS + "/%00", Code.RESOURCE_MISSING, status=404),
    read("id with surrogate", CUSTOMERS + "/%ED%A0%80", Code.RESOURCE_MISSING, status=404),
    read("over-long id", CUSTOMERS + "/" + "x" * 5_000, Code.RESOURCE_MISSING, status=404),
    read("cursor unknown", f"{INTENTS}?starting_after=4242424242424242", Code.RESOURCE_MISSING,
         "starting_after", 404),
    read("cursor of another kind", CUSTOMERS + "?ending_before=pi_x", Code.RESOURCE_MISSING,
         "ending_before", 404),
    read("cursor of no event", "/v1/events?ending_before=evt_x", Code.RESOURCE_MISSING,
         "ending_before", 404),
    read("cursor of no endpoint", "/v1/webhook_endpoints?starting_after=we_x",
         Code.RESOURCE_MISSING, "starting_after", 404),
    read("cursor of no line", "/v1/balance_transactions?starting_after=txn_x",
         Code.RESOURCE_MISSING, "starting_after", 404),
    read("cursors both ways", f"{CUSTOMERS}?ending_before=cus_a&starting_after=cus_b", _INVALID,
         "ending_before"),
    read("limit zero", CUSTOMERS + "?limit=0", Code.PARAMETER_INVALID_INTEGER, "limit"),
    read("limit 101", CUSTOMERS + "?limit=101", Code.PARAMETER_INVALID_INTEGER, "limit"),
    read("limit in words", f"{CUSTOMERS}?limit={MARKER}", Code.PARAMETER_INVALID_INTEGER, "limit"),
    read("unknown bound", CUSTOMERS + "?created[after]=1", _UNKNOWN, "created[after]"),
    read("bound far off", f"{CUSTOMERS}?created[gt]={10**15}", Code.PARAMETER_INVALID_INTEGER,
         "created[gt]"),
    read("query with U+0000", CUSTOMERS + "?email=%00", _BODY),
    read("expansion of a list without data", INTENTS + "?expand[]=customer", _INVALID, "expand"),
    Bad("long idempotency key", GOOD, _INVALID, headers={"Idempotency-Key": "k" * 256}),
    Bad("empty idempotency key", GOOD, _INVALID, headers={"Idempotency-Key": ""}),
    Bad("idempotency key not ASCII", GOOD, _INVALID, headers={"Idempotency-Key": "k\xe9"}),
    Bad("another account", GOOD, Code.ACCOUNT_INVALID, status=403,
        headers={"Stripe-Account": "4242424242424242 zebra9041"}),
    Bad("webhook to nowhere", b"url=zebra9041&enabled_events[]=*", _INVALID, "url",
        path="/v1/webhook_endpoints"),
]  # fmt: skip
EVERY = BODIES + FIELDS + AMOUNTS + REQUESTS


@pytest.fixture(scope="module")
def api(test_run: TestRun) -> Iterator[Served]:
    with test_run.database() as url, served(url) as running:
        yield running


def demand_refusal(answer: Answer, status: int, code: Code, param: str | None) -> None:
    """Demand a refusal that a client can act on and that repeats nothing of the request."""
    error = answer.body["error"]
    assert (answer.status, error["code"], error.get("param")) == (status, code.value, param), error
    assert stripe_schema.check(answer.body) == []
    assert error["doc_url"] == f"http://127.0.0.1:8420/docs/errors#{code.value}"
    message = error["message"]
    assert len(message.split()) > 2
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["content-type"] == "application/json"
    assert MARKER.encode() not in answer.raw
    assert b"4242424242424242" not in answer.raw
    assert len(answer.raw) < 2_000


@pytest.mark.parametrize("bad", EVERY, ids=lambda bad: bad.why)
def test_bad_input_is_refused_and_neither_echoed_nor_written(api: Served, bad: Bad) -> None:
    before = api.row_counts()
    answer = api.send(
        bad.method, bad.path, bad.body, content_type=bad.content_type, headers=bad.headers
    )
    demand_refusal(answer, bad.status, bad.code, bad.param)
    assert api.row_counts() == before


def test_the_good_request_beside_the_bad_ones_is_taken_and_written(api: Served) -> None:
    before = api.row_counts()
    answer = api.send("POST", INTENTS, GOOD)
    assert (answer.status, answer.body["description"]) == (200, MARKER)
    assert api.row_counts() != before


def test_a_request_without_a_key_is_told_how_to_send_one(api: Served) -> None:
    body = _raw(api, b"GET /v1/customers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert body.startswith(b"HTTP/1.1 401 ")
    assert b"Bearer YOUR_SECRET_KEY" in body


def test_a_body_in_pieces_is_refused_when_it_grows_too_large(api: Served) -> None:
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    head = (
        f"POST {INTENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.key}\r\n"
        f"Content-Type: {FORM}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    answer = _raw(api, head.encode() + piece * 16 + b"1\r\nx\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "body_too_large"


@pytest.mark.parametrize(
    "line", [b"GET /v1/customers/\xff HTTP/1.1", b"GET /v1/customers?a=\xff HTTP/1.1", b"nonsense"]
)
def test_a_request_line_of_raw_bytes_is_never_our_failure(api: Served, line: bytes) -> None:
    head = f"\r\nHost: x\r\nAuthorization: Bearer {api.key}\r\nConnection: close\r\n\r\n".encode()
    assert _raw(api, line + head).startswith(b"HTTP/1.1 4")


def test_a_publishable_key_is_refused_where_a_secret_one_is_needed(api: Served) -> None:
    before = api.row_counts()
    headers = {"Authorization": f"Bearer {api.publishable_key}"}
    answer = api.send("POST", INTENTS, GOOD, headers=headers)
    demand_refusal(answer, 403, Code.SECRET_KEY_REQUIRED, None)
    assert api.row_counts() == before


def _raw(api: Served, request: bytes) -> bytes:
    """Send bytes as they are and return the whole answer."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
        return b"".join(parts)
