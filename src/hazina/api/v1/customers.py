"""Routes of customers."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import others as params
from hazina.api.route import Call, Result, Route
from hazina.api.searches import search_route

_KIND = "customer"


async def create(call: Call) -> Result:
    """Add a customer."""
    return await call.core.customers.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one customer, or that it was deleted."""
    return await call.core.customers.retrieve(call.caller, call.ids[0])


async def update(call: Call) -> Result:
    """Change a customer."""
    return await call.core.customers.update(call.caller, call.ids[0], call.params, call.idempotency)


async def delete(call: Call) -> Result:
    """Erase a customer for good."""
    return await call.core.customers.delete(call.caller, call.ids[0], call.idempotency)


async def list_all(call: Call) -> Result:
    """Return customers, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.customers.list(call.caller, filters, page))


_ONE = "/v1/customers/{id}"
ROUTES = (
    Route("POST", "/v1/customers", create, params.CUSTOMER_CREATE, _KIND, "Create a customer"),
    Route(
        "GET", "/v1/customers", list_all, params.CUSTOMER_LIST, _KIND, "List customers",
        listed=True,
    ),
    search_route("/v1/customers", _KIND, "Search customers"),
    Route("GET", _ONE, retrieve, params.NOTHING, _KIND, "Retrieve a customer"),
    Route("POST", _ONE, update, params.CUSTOMER_UPDATE, _KIND, "Update a customer"),
    Route("DELETE", _ONE, delete, params.NOTHING, _KIND, "Delete a customer"),
)  # fmt: skip
