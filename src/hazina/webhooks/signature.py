"""The signatures of a webhook: proof that it is ours, and of when it was sent.

Two schemes stand side by side, over the same secret: Stripe's, whose key is the secret as it is
written, and that of the Standard Webhooks specification, whose key is what the secret encodes.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import lru_cache

from hazina.secrets import same, sign

HEADER = "Stripe-Signature"
TOLERANCE_SECONDS = 300
PREFIX = "whsec_"


def headers(
    secrets: Sequence[str], event_id: str, sent_at: int, body: bytes
) -> list[tuple[str, str]]:
    """Return the headers that sign a webhook: one signature per secret in each scheme.

    Two secrets stand side by side while an endpoint changes from one to the other.
    """
    message = b"%b.%d.%b" % (event_id.encode(), sent_at, body)
    return [
        (HEADER, header(secrets, sent_at, body)),
        ("webhook-id", event_id),
        ("webhook-timestamp", str(sent_at)),
        (
            "webhook-signature",
            " ".join([f"v1,{b64encode(sign(_key(one), message)).decode()}" for one in secrets]),
        ),
    ]


def header(secrets: Sequence[str], sent_at: int, body: bytes) -> str:
    """Return the value of `Stripe-Signature`: the time, and one HMAC per secret."""
    return ",".join([f"t={sent_at}", *(f"v1={_signature(key, sent_at, body)}" for key in secrets)])


def verify(value: str, secret: str, body: bytes, now: int) -> bool:
    """Say whether the header was made with this secret over this body, at most 5 minutes ago."""
    pairs = [part.split("=", 1) for part in value.split(",") if "=" in part]
    times = [text for name, text in pairs if name == "t" and text.isdecimal()]
    if len(times) != 1 or abs(now - int(times[0])) > TOLERANCE_SECONDS:
        return False
    expected = _signature(secret, int(times[0]), body)
    return any(same(text, expected) for name, text in pairs if name == "v1")


@lru_cache(maxsize=4_096)
def _key(secret: str) -> bytes:
    # Secrets are 52 letters and digits, which are base64 (of 39 bytes) as they are.
    return b64decode(secret.removeprefix(PREFIX), validate=True)


def _signature(secret: str, sent_at: int, body: bytes) -> str:
    return sign(secret.encode(), b"%d.%b" % (sent_at, body)).hex()
