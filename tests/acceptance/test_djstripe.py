"""dj-stripe, unmodified and in an environment of its own, keeps a merchant's data and webhooks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.callback_receiver import CallbackReceiver, Received
from tests.support.checking_proxy import CheckingProxy
from tests.support.system import Shop

_FOLDER = Path(__file__).parents[1] / "clients" / "djstripe"
_PYTHON = _FOLDER / ".venv" / "bin" / "python"

pytestmark = pytest.mark.skipif(
    not _PYTHON.exists(), reason="dj-stripe is absent: run make clients"
)


@pytest.fixture
def receiver() -> Iterator[CallbackReceiver]:
    with CallbackReceiver() as running:
        yield running


def test_dj_stripe_keeps_what_hazina_has_and_takes_its_webhooks(
    shop: Shop, receiver: CallbackReceiver, tmp_path: Path
) -> None:
    endpoint = shop.post(
        "/v1/webhook_endpoints", url=receiver.url, **{"enabled_events[]": "*"}
    ).body
    customer = shop.post("/v1/customers", name="Amina Wanjiru", email="amina@example.com").body
    method = shop.post("/v1/payment_methods", type="card", **{"card[token]": "tok_visa"}).body
    shop.post(f"/v1/payment_methods/{method['id']}/attach", customer=customer["id"])
    paid = shop.pay(method["id"], customer=customer["id"])
    refund = shop.post("/v1/refunds", charge=paid["latest_charge"], amount=500).body

    def succeeded(webhook: Received) -> bool:
        return bool(json.loads(webhook.body)["type"] == "payment_intent.succeeded")

    (webhook,) = receiver.wait_for(succeeded)

    kept = _kept(shop, endpoint, webhook, tmp_path)

    found = kept["found"]
    assert found["Customer"] == [customer["id"]]
    assert method["id"] in found["PaymentMethod"]
    assert found["PaymentIntent"] == [paid["id"]]
    assert found["Charge"] == [paid["latest_charge"]]
    assert found["Refund"] == [refund["id"]]
    events = shop.get("/v1/events?limit=100").body["data"]
    assert found["Event"] == sorted(event["id"] for event in events)
    assert kept["webhook"] == {
        "altered": 400, "accepted": 200, "processed": True,
        "event": json.loads(webhook.body)["id"],
    }  # fmt: skip


def _kept(shop: Shop, endpoint: dict[str, Any], webhook: Received, folder: Path) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in webhook.headers.items()}
    given = {
        "payload": webhook.body.decode(), "header": headers["stripe-signature"],
        "endpoint": endpoint["id"], "secret": endpoint["secret"],
    }  # fmt: skip
    with CheckingProxy(shop.url) as proxy:
        done = subprocess.run(
            [_PYTHON, "shop.py", folder],
            cwd=_FOLDER,
            env={
                "PATH": os.environ["PATH"],
                "HAZINA_URL": proxy.url,
                "HAZINA_SECRET_KEY": shop.secret_key,
            },
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    kept: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return kept
