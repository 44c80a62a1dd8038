"""The table of all routes."""

from __future__ import annotations

from hazina.api.route import Route
from hazina.api.v1 import (
    account,
    accounts,
    balance,
    charges,
    customers,
    events,
    payment_intents,
    prices,
    products,
    refunds,
    webhook_endpoints,
)

ROUTES: tuple[Route, ...] = (
    *payment_intents.ROUTES,
    *charges.ROUTES,
    *refunds.ROUTES,
    *customers.ROUTES,
    *products.ROUTES,
    *prices.ROUTES,
    *balance.ROUTES,
    *events.ROUTES,
    *webhook_endpoints.ROUTES,
    *account.ROUTES,
    *accounts.ROUTES,
)
