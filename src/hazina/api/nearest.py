"""Refusals of what Stripe has and we do not, each naming the nearest thing that we have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from hazina.api.params.kinds import Fields
from hazina.api.route import Route
from hazina.api.stripe_surface import Names, surface
from hazina.refusals import Code, Refusal

_PATH_SHOWN = re.compile(r"/v[12](?:/(?:[A-Za-z_]{1,40}|\{id\})){1,6}/?")
_WORD_SHOWN = re.compile(r"v[12]|[A-Za-z_]{0,40}")
_METHODS = frozenset({"GET", "POST", "DELETE"})
_PARTS = re.compile(r"[^\[\]]+")
_WORD = re.compile(r"[a-z]+")

# What serves the same purpose here, by the start of Stripe's path; the first that exists is named.
_INSTEAD: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/v1/subscription", ("POST /v1/payment_intents",)),
    ("/v1/invoice", ("POST /v1/payment_intents",)),
    ("/v1/checkout/", ("POST /v1/checkout/sessions", "POST /v1/payment_intents")),
    ("/v1/payment_links", ("POST /v1/payment_links", "POST /v1/payment_intents")),
    ("/v1/setup_intents", ("POST /v1/setup_intents", "POST /v1/payment_intents")),
    ("/v1/payment_method", ("GET /v1/payment_methods/{id}",)),
    ("/v1/confirmation_tokens", ("POST /v1/payment_methods", "GET /v1/payment_methods/{id}")),
    ("/v1/sources", ("POST /v1/tokens", "GET /v1/payment_methods/{id}")),
    ("/v1/tokens", ("POST /v1/tokens", "GET /v1/payment_methods/{id}")),
    ("/v1/disputes", ("GET /v1/charges/{id}",)),
    ("/v1/credit_notes", ("POST /v1/refunds",)),
    ("/v1/mandates", ("GET /v1/payment_methods/{id}",)),
    ("/v1/plans", ("POST /v1/prices", "POST /v1/payment_intents")),
    ("/v1/prices", ("POST /v1/prices", "POST /v1/payment_intents")),
    ("/v1/products", ("POST /v1/products", "POST /v1/payment_intents")),
    ("/v1/payouts", ("GET /v1/balance",)),
    ("/v1/topups", ("GET /v1/balance",)),
    ("/v1/transfers", ("GET /v1/balance_transactions",)),
    ("/v1/reporting/", ("GET /v1/balance_transactions",)),
    ("/v1/balance", ("GET /v1/balance",)),
    ("/v1/accounts/{id}/", ("GET /v1/accounts/{id}",)),
    ("/v1/accounts/{id}", ("POST /v1/accounts/{id}/reject",)),
    ("/v1/account_", ("POST /v1/accounts",)),
    ("/v1/account", ("GET /v1/account",)),
    ("/v2/core/accounts", ("GET /v1/account",)),
    ("/v2/core/events", ("GET /v1/events",)),
    ("/v2/core/event_destinations", ("POST /v1/webhook_endpoints",)),
)


def unknown_route(method: str, path: str, routes: Iterable[Route]) -> Refusal:
    """Return the refusal of a path that we do not have: Stripe's, or nobody's."""
    rows = tuple(routes)
    known = surface().find(method, path) if method in _METHODS else None
    if known is not None:
        return Refusal(
            Code.ROUTE_NOT_SUPPORTED,
            f"Hazina does not have {known.name} of Stripe's API yet; nothing was done. "
            f"{_nearest(known.method, known.path, rows)}",
        )
    # What is no word may be an id, or a card number: it is not repeated.
    words = [one if _WORD_SHOWN.fullmatch(one) else "{id}" for one in path.split("/")]
    shown = "/".join(words)
    if not _PATH_SHOWN.fullmatch(shown):
        shown = "(path not shown)"
    advice = _alike(shown, rows)
    return Refusal(
        Code.ROUTE_UNKNOWN, f"Unrecognized request URL ({method[:8]}: {shown}). {advice}"
    )


def is_word(method: str, path: str, route: Route, ids: Iterable[str]) -> bool:
    """Tell whether what a route took for an id is a word of a path of Stripe's, as `search` is."""
    if not any(_WORD.fullmatch(one) for one in ids):
        return False
    known = surface().find(method, path)
    return known is not None and known.path.count("{") < route.path.count("{")


def _nearest(method: str, path: str, routes: tuple[Route, ...]) -> str:
    names = {route.name for route in routes}
    for start, candidates in _INSTEAD:
        found = next((one for one in candidates if one in names), None)
        if path.startswith(start) and found is not None:
            return f"The nearest thing here is {found}; see /docs."
    parts = path.split("/")
    # From `/v1/customers/{id}/tax_ids` back to `/v1/customers/{id}`, the thing it belongs to.
    for length in range(len(parts), 2, -1):
        start = "/".join(parts[:length])
        same = [route for route in routes if route.path == start]
        same.sort(key=lambda route: route.method != method)
        if same:
            return f"The nearest thing here is {same[0].name}; see /docs."
    return "There is nothing like it here; see /docs for the routes that exist."


def _alike(path: str, routes: tuple[Route, ...]) -> str:
    found = get_close_matches(path, [route.path for route in routes], 1, 0.75)
    if not found:
        return "See /docs for the routes that exist."
    return f"Did you mean {found[0]}? See /docs for the routes that exist."


def unknown_parameter(refusal: Refusal, route: Route) -> Refusal:
    """Tell a parameter of Stripe's from one that nobody has; `refusal` is `parameter_unknown`."""
    name = refusal.param or ""
    path = [part for part in _PARTS.findall(name) if not part.isdigit()]
    known = surface().find(route.method, route.path)
    if known is not None and _has(known.params, path):
        return Refusal(
            Code.NOT_SUPPORTED,
            f"Hazina does not support the parameter {name} of {route.name} yet; leave it out. "
            "See /docs for the parameters that it takes.",
            param=name,
        )
    likely = get_close_matches(path[-1], _beside(route.params, path), 1, 0.75) if path else []
    if not likely:
        return refusal
    return Refusal(
        refusal.code, f"{refusal.message}. Did you mean {likely[0]}?", param=refusal.param
    )


def _has(names: Names, path: list[str]) -> bool:
    for part in path:
        if part not in names:
            return False
        names = names[part]
    return bool(path)


def _beside(fields: Fields, path: list[str]) -> list[str]:
    """Return the names that are right where the wrong one stands."""
    for part in path[:-1]:
        param = fields.params.get(part)
        if param is None or not isinstance(param.kind, Fields):
            return []
        fields = param.kind
    return list(fields.params)
