"""Scopes of restricted keys: what they allow, and that every route is in one."""

from __future__ import annotations

import pytest

from hazina.api.route import Route
from hazina.api.table import ROUTES
from hazina.merchants.scopes import RESOURCES, allows, resource_of

# No scope allows these, on purpose.
_SECRET_KEYS_ONLY = {"api_keys"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_belongs_to_a_resource(route: Route) -> None:
    assert route.resource in {*RESOURCES, *_SECRET_KEYS_ONLY}, (
        f"add {route.resource} to RESOURCES in merchants/scopes.py, so that restricted keys can "
        f"be given {route.name}"
    )


def test_to_write_includes_to_read_and_nothing_is_allowed_unsaid() -> None:
    scopes = {"refunds": "write", "charges": "read"}

    assert allows(scopes, "refunds", True)
    assert allows(scopes, "refunds", False)
    assert allows(scopes, "charges", False)
    assert not allows(scopes, "charges", True)
    assert not allows(scopes, "customers", False)


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("payment_intent", "payment_intents"),
        ("balance", "balance"),
        ("checkout.session", "checkout_sessions"),
        ("test_helpers.test_clock", "test_clocks"),
    ],
)
def test_a_kind_of_object_names_its_resource(kind: str, resource: str) -> None:
    assert resource_of(kind) == resource
