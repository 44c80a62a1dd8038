"""Callbacks from the sandbox provider: verified first, then read."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

import orjson

from hazina.connectors.sandbox.mapping import told
from hazina.rails.contract import Callback, CallbackRefused

TOLERANCE_SECONDS = 300
_BODY_BYTES_MAX = 65_536


def read(secret: str, headers: Mapping[str, str], body: bytes, now_unix: int) -> Callback:
    """Return what a callback says. Raises `CallbackRefused` if forged, altered, old or garbled."""
    if len(body) > _BODY_BYTES_MAX:
        raise CallbackRefused("the body is too large")
    _verify(secret, _signature(headers), body, now_unix)
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise CallbackRefused("the body is not JSON") from None
    if not isinstance(content, dict):
        raise CallbackRefused("the body is not an object")
    key, reference = content.get("id"), content.get("reference")
    if not isinstance(key, str) or not key or not isinstance(reference, str) or not reference:
        raise CallbackRefused("the body names no id or no reference")
    # The callback's own id is for recognising repeats; the operation's id is the provider's
    # reference, the same as in the reply.
    return Callback(key, reference, told({**content, "id": content.get("operation_id")}))


def _signature(headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        if name.lower() == "sandbox-signature":
            return value
    raise CallbackRefused("there is no signature")


def _verify(secret: str, signature: str, body: bytes, now_unix: int) -> None:
    parts = dict(part.strip().partition("=")[::2] for part in signature.split(","))
    at, given = parts.get("t", ""), parts.get("v1", "")
    if not (at.isascii() and at.isdigit() and len(at) <= 12):
        raise CallbackRefused("the signature has no time")
    if not secret:
        raise CallbackRefused("no secret is set to verify callbacks with")
    right = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right.encode(), given.encode("utf-8", "replace")):
        raise CallbackRefused("the signature does not match")
    if abs(now_unix - int(at)) > TOLERANCE_SECONDS:
        raise CallbackRefused("the signature is too old")
