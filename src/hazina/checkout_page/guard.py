"""What keeps the form ours: a cookie, a token bound to it and to the session, and headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie

from hazina.secrets import same, sign_hex

COOKIE = "hazina_checkout"
_VALUE_LENGTH = 52

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Headers of every page: nothing from elsewhere, no frame around it, nothing kept or passed on."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Issues and checks the tokens of forms; `key` is known to our processes alone."""

    key: bytes
    secure: bool

    def cookie_of(self, header: str) -> str | None:
        """Return the value of our cookie, or None."""
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(header)
        except Exception:  # Whatever else a browser sends: then there is no cookie of ours.
            return None
        found = jar.get(COOKIE)
        value = found.value if found is not None else ""
        return value if len(value) == _VALUE_LENGTH and value.isalnum() else None

    def set_cookie(self, value: str) -> str:
        """Return the header that sets the cookie, for our pages alone."""
        secure = "; Secure" if self.secure else ""
        return f"{COOKIE}={value}; Path=/c/; Max-Age=86400; HttpOnly; SameSite=Lax{secure}"

    def token(self, cookie: str, session_id: str) -> str:
        """Return the form's token for this browser and this session."""
        return sign_hex(self.key, f"checkout form {cookie} {session_id}".encode())

    def allows(
        self, cookie: str | None, session_id: str, token: str, headers: Mapping[str, str]
    ) -> bool:
        """Tell whether a form that was sent is one that we gave to this browser."""
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        if cookie is None or not token.isascii():
            return False
        return same(self.token(cookie, session_id), token)
