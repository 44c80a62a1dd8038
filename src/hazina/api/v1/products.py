"""Routes of products."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import catalog as params
from hazina.api.params.others import NOTHING
from hazina.api.route import Call, Result, Route
from hazina.api.searches import search_route

_KIND = "product"


async def create(call: Call) -> Result:
    """Add a product."""
    return await call.core.catalog.create_product(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one product."""
    return await call.core.catalog.retrieve(call.caller, _KIND, call.ids[0])


async def update(call: Call) -> Result:
    """Change a product."""
    return await call.core.catalog.update_product(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def delete(call: Call) -> Result:
    """Delete a product that has no prices."""
    return await call.core.catalog.delete_product(call.caller, call.ids[0], call.idempotency)


async def list_all(call: Call) -> Result:
    """Return products, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.catalog.list_products(call.caller, filters, page))


_ONE = "/v1/products/{id}"
ROUTES = (
    Route("POST", "/v1/products", create, params.PRODUCT_CREATE, _KIND, "Create a product"),
    Route(
        "GET", "/v1/products", list_all, params.PRODUCT_LIST, _KIND, "List products", listed=True
    ),
    search_route("/v1/products", _KIND, "Search products"),
    Route("GET", _ONE, retrieve, NOTHING, _KIND, "Retrieve a product"),
    Route("POST", _ONE, update, params.PRODUCT_UPDATE, _KIND, "Update a product"),
    Route("DELETE", _ONE, delete, NOTHING, _KIND, "Delete a product"),
)
