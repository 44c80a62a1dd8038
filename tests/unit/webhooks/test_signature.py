"""The signature header, checked against the official package."""

from __future__ import annotations

import json

import pytest
import stripe

from hazina.clock import SystemClock, unix
from hazina.webhooks.signature import header, verify

SECRET = "whsec_test"
BODY = json.dumps({"id": "evt_1", "object": "event", "type": "charge.succeeded"}).encode()


def now() -> int:
    return unix(SystemClock().now())


def test_official_package_accepts_the_header() -> None:
    event = stripe.Webhook.construct_event(BODY, header([SECRET], now(), BODY), SECRET)
    assert event["id"] == "evt_1"


def test_either_secret_is_accepted_while_they_change() -> None:
    value = header(["whsec_old", SECRET], now(), BODY)
    stripe.Webhook.construct_event(BODY, value, SECRET)
    stripe.Webhook.construct_event(BODY, value, "whsec_old")


@pytest.mark.parametrize(
    ("body", "secret", "age"),
    [
        pytest.param(BODY + b" ", SECRET, 0, id="changed body"),
        pytest.param(BODY, "whsec_other", 0, id="other secret"),
        pytest.param(BODY, SECRET, 301, id="old"),
    ],
)
def test_what_was_not_signed_just_so_is_refused(body: bytes, secret: str, age: int) -> None:
    value = header([SECRET], now() - age, BODY)
    assert not verify(value, secret, body, now())
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, value, secret)


@pytest.mark.parametrize("value", ["", "t=", "v1=abc", "t=1,t=2,v1=a", "t=x,v1=é", "nonsense"])
def test_headers_that_are_none_are_refused(value: str) -> None:
    assert not verify(value, SECRET, BODY, now())
