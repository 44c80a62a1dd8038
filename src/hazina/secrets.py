"""Keyed hashes of secrets: how an API key is stored and found, and how values are compared."""

from __future__ import annotations

import hmac
from hashlib import sha256


def keyed_hash(pepper: bytes, secret: str) -> bytes:
    """Return the 32 bytes under which a secret is stored (HMAC-SHA256, RFC 2104)."""
    return hmac.digest(pepper, secret.encode(), "sha256")


def sign_hex(key: bytes, message: bytes) -> str:
    """Return the hexadecimal HMAC-SHA256 of a message."""
    return hmac.new(key, message, sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time; anything that is not ASCII is simply not the same."""
    return hmac.compare_digest(left.encode(), right.encode())
