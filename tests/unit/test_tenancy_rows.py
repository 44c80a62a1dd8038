"""Every route has its row in the tenancy matrix."""

from __future__ import annotations

import pytest

from hazina.api.route import Route
from hazina.api.table import ROUTES
from tests.support.tenancy import named_in, needed_for
from tests.support.tenancy_rows import MAKE, ROWS


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_has_a_row_that_aims_at_objects_that_can_be_made(route: Route) -> None:
    row = ROWS.get(route.name)
    assert row is not None, f"add {route.name} to ROWS in tests/support/tenancy_rows.py"
    aimed = len(named_in(row.path))
    assert aimed == route.path.count("{"), f"{row.path} is not aimed as {route.path} is"
    for name in needed_for(route):
        assert name in MAKE, f"say in MAKE of tests/support/tenancy_rows.py how to make a {name}"


def test_no_row_is_left_of_a_route_that_is_gone() -> None:
    assert ROWS.keys() - {route.name for route in ROUTES} == set()
