"""The `Stripe-Signature` header: proof that a webhook is ours, and of when it was sent."""

from __future__ import annotations

from collections.abc import Sequence

from hazina.secrets import same, sign_hex

HEADER = "Stripe-Signature"
TOLERANCE_SECONDS = 300


def header(secrets: Sequence[str], sent_at: int, body: bytes) -> str:
    """Return the header's value: the time, and one HMAC over time and body per secret.

    Two secrets stand side by side while an endpoint changes from one to the other.
    """
    return ",".join([f"t={sent_at}", *(f"v1={_signature(key, sent_at, body)}" for key in secrets)])


def verify(value: str, secret: str, body: bytes, now: int) -> bool:
    """Say whether the header was made with this secret over this body, at most 5 minutes ago."""
    pairs = [part.split("=", 1) for part in value.split(",") if "=" in part]
    times = [text for name, text in pairs if name == "t" and text.isdecimal()]
    if len(times) != 1 or abs(now - int(times[0])) > TOLERANCE_SECONDS:
        return False
    expected = _signature(secret, int(times[0]), body)
    return any(same(text, expected) for name, text in pairs if name == "v1")


def _signature(secret: str, sent_at: int, body: bytes) -> str:
    return sign_hex(secret.encode(), b"%d.%b" % (sent_at, body))
