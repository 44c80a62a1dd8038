"""What pages of other origins may do: what a publishable key is for, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from hazina.api.reply import Header, Reply, Scope
from hazina.api.route import Router

_SHOWN = b"Idempotent-Replayed, Original-Request, Request-Id, Retry-After, Stripe-Should-Retry"
_SENT = b"Authorization, Content-Type, Idempotency-Key, Stripe-Account, Stripe-Version"
_KEPT_SECONDS = b"300"


def allowed(router: Router, scope: Scope, headers: Mapping[bytes, bytes]) -> list[Header]:
    """Return the headers by which a browser shows an answer to a page of another origin.

    There are none for routes that a publishable key may not call: no page has a use for them. Any
    origin will do, since a key is sent on purpose and never by the browser of itself.
    """
    if b"origin" not in headers or not _methods(router, scope):
        return []
    return [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-expose-headers", _SHOWN),
    ]


def preflight(router: Router, scope: Scope, headers: Mapping[bytes, bytes]) -> Reply | None:
    """Answer a browser that asks before it sends a request; None for any other request."""
    if scope["method"] != "OPTIONS" or b"access-control-request-method" not in headers:
        return None
    methods = _methods(router, scope)
    if not methods:
        return None
    return Reply(
        200,
        b"",
        [
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", _SENT),
            (b"access-control-max-age", _KEPT_SECONDS),
        ],
    )


def _methods(router: Router, scope: Scope) -> list[str]:
    found = router.find(scope["path"])
    routes = found[0] if found is not None else {}
    return sorted(method for method, route in routes.items() if route.publishable)
