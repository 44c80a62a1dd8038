"""Four official packages accept what we sign, with either secret, and refuse all that is forged."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import standardwebhooks
import stripe

from hazina.clock import SystemClock, unix
from hazina.ids import SystemIds
from hazina.webhooks.signature import PREFIX, headers
from tests.support.stripe_cli import CLIENTS

IDS = SystemIds()
SECRET, OLD, OTHER = (f"{PREFIX}{IDS.secret()}" for _ in range(3))
BODY = json.dumps(
    {"id": "evt_1", "object": "event", "type": "charge.succeeded", "data": {"name": "Amina Ñ 茶"}},
    ensure_ascii=False,
).encode()


@dataclass(frozen=True, slots=True)
class Received:
    """A webhook as it comes in, and the secret that it is verified with."""

    body: bytes
    headers: dict[str, str]
    secret: str = SECRET

    def changed(self, name: str, change: Callable[[str], str]) -> Received:
        """Return it with one header changed."""
        return replace(self, headers=self.headers | {name: change(self.headers[name])})


def _now() -> int:
    return unix(SystemClock().now())


def _signed(*secrets: str, sent_at: int | None = None, event_id: str = "evt_1") -> Received:
    signed = headers(secrets, event_id, _now() if sent_at is None else sent_at, BODY)
    return Received(BODY, {name.lower(): value for name, value in signed})


_STRIPE, _STANDARD = "stripe-signature", "webhook-signature"


def _accepted() -> dict[str, Received]:
    rotating = _signed(SECRET, OLD)
    return {
        "genuine": _signed(SECRET),
        "the new secret while it rotates": rotating,
        "the old secret while it rotates": replace(rotating, secret=OLD),
    }


def _refused() -> dict[str, Received]:
    genuine, sent = _signed(SECRET), _now()
    return {
        "another's secret": replace(genuine, secret=OTHER),
        "the old secret when it is over": replace(genuine, secret=OLD),
        "an altered body": replace(genuine, body=BODY.replace(b"Amina", b"Anima")),
        "a body that goes on": replace(genuine, body=BODY + b" "),
        "a body cut short": replace(genuine, body=BODY[:-1]),
        "old": _signed(SECRET, sent_at=sent - 1_000),
        "a timestamp moved on": Received(
            BODY,
            _signed(SECRET, sent_at=sent - 1_000).headers
            | {
                "webhook-timestamp": str(sent),
                _STRIPE: f"t={sent},"
                + _signed(SECRET, sent_at=sent - 1_000).headers[_STRIPE].partition(",")[2],
            },
        ),
        "a signature cut short": genuine.changed(_STRIPE, lambda v: v[:-2]).changed(
            _STANDARD, lambda v: v[:-4]
        ),
        "a signature with a digit changed": genuine.changed(
            _STRIPE, lambda v: v[:-1] + ("0" if v[-1] != "0" else "1")
        ).changed(_STANDARD, lambda v: v[:3] + ("A" if v[3] != "A" else "B") + v[4:]),
        "no signature": genuine.changed(_STRIPE, lambda v: v.partition(",")[0]).changed(
            _STANDARD, lambda _: ""
        ),
        "signed by another": _signed(OTHER),
    }


def _python(received: Received) -> tuple[bool, bool]:
    def accepts(verify: Callable[[], object]) -> bool:
        try:
            verify()
        # The package lets other exceptions out than its own when a signature is no base64.
        except (stripe.SignatureVerificationError, standardwebhooks.WebhookVerificationError,
                ValueError):  # fmt: skip
            return False
        return True

    return (
        accepts(
            lambda: stripe.Webhook.construct_event(
                received.body, received.headers[_STRIPE], received.secret
            )
        ),
        accepts(
            lambda: standardwebhooks.Webhook(received.secret).verify(
                received.body, received.headers
            )
        ),
    )


@pytest.mark.parametrize("name", _accepted())
def test_python_packages_accept(name: str) -> None:
    assert _python(_accepted()[name]) == (True, True)


@pytest.mark.parametrize("name", _refused())
def test_python_packages_refuse(name: str) -> None:
    assert _python(_refused()[name]) == (False, False)


@pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENTS / "node_modules" / "standardwebhooks").is_dir(),
    reason="the npm package is absent: run npm ci in tests/clients/node",
)
def test_node_packages_accept_and_refuse_the_same() -> None:
    accepted = _accepted()
    cases = {**accepted, **_refused()}
    given = [
        {"payload": one.body.decode(), "headers": one.headers, "secret": one.secret}
        for one in cases.values()
    ]
    done = subprocess.run(
        ["node", "verify_many.mjs"], cwd=CLIENTS, input=json.dumps(given), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = dict(zip(cases, json.loads(done.stdout), strict=True))
    assert found == {name: [name in accepted] * 2 for name in cases}


def test_the_id_is_signed_too() -> None:
    """Stripe's scheme has no id; the other one must not accept a webhook under another id."""
    moved = _signed(SECRET).changed("webhook-id", lambda _: "evt_2")
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(moved.body, moved.headers)
