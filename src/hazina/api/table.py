"""The table of all routes."""

from __future__ import annotations

from hazina.api.route import Route
from hazina.api.v1 import (
    accounts,
    api_keys,
    balance,
    charges,
    checkout_sessions,
    customers,
    event_stream,
    events,
    inbox,
    ledger,
    payment_intents,
    payment_links,
    payment_methods,
    prices,
    products,
    refunds,
    setup_intents,
    sources,
    test_clocks,
    webhook_endpoints,
)

ROUTES: tuple[Route, ...] = (
    *payment_intents.ROUTES,
    *charges.ROUTES,
    *refunds.ROUTES,
    *customers.ROUTES,
    *products.ROUTES,
    *prices.ROUTES,
    *payment_methods.ROUTES,
    *sources.ROUTES,
    *checkout_sessions.ROUTES,
    *payment_links.ROUTES,
    *setup_intents.ROUTES,
    *balance.ROUTES,
    *events.ROUTES,
    *event_stream.ROUTES,
    *webhook_endpoints.ROUTES,
    *accounts.ROUTES,
    *api_keys.ROUTES,
    *inbox.ROUTES,
    *ledger.ROUTES,
    *test_clocks.ROUTES,
)
