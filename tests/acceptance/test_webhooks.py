"""Webhooks that the official packages accept, and refuse once they were altered."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import stripe

from tests.support.callback_receiver import CallbackReceiver, Received
from tests.support.stripe_cli import CLIENTS
from tests.support.system import Shop


@pytest.fixture
def receiver() -> Iterator[CallbackReceiver]:
    with CallbackReceiver() as running:
        yield running


def _delivered(shop: Shop, receiver: CallbackReceiver) -> tuple[str, str, Received]:
    made = shop.post("/v1/webhook_endpoints", url=receiver.url, **{"enabled_events[]": "*"})
    assert made.status == 200, made.raw
    paid = shop.pay()

    def succeeded(webhook: Received) -> bool:
        return bool(json.loads(webhook.body)["type"] == "payment_intent.succeeded")

    (webhook,) = receiver.wait_for(succeeded)
    return made.body["secret"], paid["id"], webhook


def _signature(webhook: Received) -> str:
    return {name.lower(): value for name, value in webhook.headers.items()}["stripe-signature"]


def test_the_python_package_accepts_a_webhook_and_refuses_an_altered_one(
    shop: Shop, receiver: CallbackReceiver
) -> None:
    secret, intent, webhook = _delivered(shop, receiver)

    event = stripe.Webhook.construct_event(webhook.body, _signature(webhook), secret)

    assert event.type == "payment_intent.succeeded"
    assert event.data.object["id"] == intent
    altered = webhook.body.replace(b"2000", b"9000")
    assert altered != webhook.body
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(altered, _signature(webhook), secret)


@pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENTS / "node_modules" / "stripe").is_dir(),
    reason="the npm package is absent: run npm ci in tests/clients/node",
)
def test_the_npm_package_accepts_a_webhook(shop: Shop, receiver: CallbackReceiver) -> None:
    secret, _, webhook = _delivered(shop, receiver)
    given = {"payload": webhook.body.decode(), "header": _signature(webhook), "secret": secret}

    done = subprocess.run(
        ["node", "verify.mjs"], cwd=CLIENTS, input=json.dumps(given), capture_output=True,
        text=True, timeout=30, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["type"] == "payment_intent.succeeded"
