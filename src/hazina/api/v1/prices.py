"""Routes of prices."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import catalog as params
from hazina.api.params.others import NOTHING
from hazina.api.route import Call, Result, Route
from hazina.api.searches import search_route

_KIND = "price"


async def create(call: Call) -> Result:
    """Add a price."""
    return await call.core.catalog.create_price(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one price."""
    return await call.core.catalog.retrieve(call.caller, _KIND, call.ids[0])


async def update(call: Call) -> Result:
    """Change a price."""
    return await call.core.catalog.update_price(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def list_all(call: Call) -> Result:
    """Return prices, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.catalog.list_prices(call.caller, filters, page))


_ONE = "/v1/prices/{id}"
ROUTES = (
    Route("POST", "/v1/prices", create, params.PRICE_CREATE, _KIND, "Create a price"),
    Route("GET", "/v1/prices", list_all, params.PRICE_LIST, _KIND, "List prices", listed=True),
    search_route("/v1/prices", _KIND, "Search prices"),
    Route("GET", _ONE, retrieve, NOTHING, _KIND, "Retrieve a price"),
    Route("POST", _ONE, update, params.PRICE_UPDATE, _KIND, "Update a price"),
)
