"""Authentication: which API key a request carries."""

from __future__ import annotations

import base64
import binascii

from hazina.refusals import Code, Refusal

_KEY_LENGTH_MAX = 255


def api_key(authorization: bytes | None) -> str:
    """Return the key of `Bearer KEY` or of `Basic` with the key as user name.

    Refuses `api_key_invalid`, without repeating what was sent.
    """
    if not authorization:
        raise _refusal(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY')."
        )
    scheme, _, credentials = authorization.partition(b" ")
    credentials = credentials.strip()
    match scheme.lower():
        case b"bearer":
            key = credentials
        case b"basic":
            key = _user_name(credentials)
        case _:
            raise _malformed()
    if not key or len(key) > _KEY_LENGTH_MAX or not key.isascii() or b" " in key or b"\0" in key:
        raise _malformed()
    return key.decode("ascii")


def _user_name(credentials: bytes) -> bytes:
    try:
        decoded = base64.b64decode(credentials, validate=True)
    except binascii.Error:
        raise _malformed() from None
    return decoded.partition(b":")[0]


def _malformed() -> Refusal:
    return _refusal(
        "Invalid Authorization header: send 'Authorization: Bearer YOUR_SECRET_KEY', or Basic "
        "with the key as user name and no password."
    )


def _refusal(message: str) -> Refusal:
    return Refusal(Code.API_KEY_INVALID, message)
