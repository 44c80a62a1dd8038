"""Secrets: keyed hashes of them, comparing them, and values that must not be shown."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256


def keyed_hash(pepper: bytes, secret: str) -> bytes:
    """Return the 32 bytes under which a secret is stored (HMAC-SHA256, RFC 2104)."""
    return hmac.digest(pepper, secret.encode(), "sha256")


def sign(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of a message."""
    return hmac.digest(key, message, "sha256")


def sign_hex(key: bytes, message: bytes) -> str:
    """Return the hexadecimal HMAC-SHA256 of a message."""
    return hmac.new(key, message, sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time; anything that is not ASCII is simply not the same."""
    return hmac.compare_digest(left.encode(), right.encode())


@dataclass(frozen=True, slots=True, repr=False)
class Concealed:
    """A value that may be used and must not be kept, logged or shown; it prints as `shown`."""

    value: str
    shown: str = "(concealed)"

    def __repr__(self) -> str:
        return self.shown

    __str__ = __repr__
