"""`hazina events tail`: events as they happen, forwarded with signatures that are accepted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import stripe

from tests.support.callback_receiver import CallbackReceiver
from tests.support.system import Shop

pytestmark = pytest.mark.timeout(90)


@contextmanager
def _tail(shop: Shop, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"HAZINA_URL": shop.url, "HAZINA_SECRET_KEY": shop.secret_key}
    with subprocess.Popen(
        [sys.executable, "-m", "hazina", "events", "tail", *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)


def _printed(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line
    raise AssertionError(f"{word} was not printed")


def test_what_happens_is_printed_and_forwarded_with_a_signature(shop: Shop) -> None:
    shop.post("/v1/customers", name="Before")
    before = shop.get("/v1/events?limit=1").body["data"][0]["id"]
    with (
        CallbackReceiver() as receiver,
        _tail(
            shop, "--forward-to", receiver.url, "--type", "customer.created", "--after", before
        ) as process,
    ):
        secret = _printed(process, "signing secret").split()[-1]
        made = shop.post("/v1/customers", name="Amina")
        shown = _printed(process, "customer.created")
        told = _printed(process, "POST")
        (received,) = receiver.wait_for(lambda one: bool(one.body))

    assert "[200]" in told
    headers = {name.lower(): value for name, value in received.headers.items()}
    event = stripe.Webhook.construct_event(received.body, headers["stripe-signature"], secret)
    assert event.id in shown
    assert event.data.object["id"] == made.body["id"]


def test_what_was_missed_is_printed_whole_and_the_end_is_the_end(shop: Shop) -> None:
    shop.post("/v1/customers", name="Before")
    before = shop.get("/v1/events?limit=1").body["data"][0]["id"]
    made = [shop.post("/v1/customers", name=f"N{n}").body["id"] for n in range(3)]
    with _tail(shop, "--after", before, "--json") as process:
        shown = [json.loads(_printed(process, '"object":"event"')) for _ in made]

    assert [event["data"]["object"]["id"] for event in shown] == made


def test_a_wrong_key_is_one_clear_line(shop: Shop) -> None:
    wrong = Shop(shop.url, "sk_test_wrong", "")
    with _tail(wrong) as process:
        line = _printed(process, "hazina:")
        assert process.wait(20) == 1

    assert "the API refuses" in line
