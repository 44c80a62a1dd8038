"""Routes of charges."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import charges as params
from hazina.api.params.others import NOTHING
from hazina.api.route import Call, Result, Route
from hazina.api.searches import search_route

_KIND = "charge"


async def create(call: Call) -> Result:
    """Charge a source without a payment intent of the client's."""
    return await call.core.payments.create_charge(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one charge."""
    return await call.core.payments.retrieve(call.caller, _KIND, call.ids[0])


async def update(call: Call) -> Result:
    """Change what is only kept with a charge."""
    return await call.core.payments.update_charge(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def capture(call: Call) -> Result:
    """Capture an authorized charge."""
    return await call.core.payments.capture_charge(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def list_all(call: Call) -> Result:
    """Return charges, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.payments.list(call.caller, _KIND, filters, page))


ROUTES = (
    Route("POST", "/v1/charges", create, params.CREATE, _KIND, "Create a charge"),
    Route("GET", "/v1/charges", list_all, params.LIST, _KIND, "List charges", listed=True),
    search_route("/v1/charges", _KIND, "Search charges"),
    Route("GET", "/v1/charges/{id}", retrieve, NOTHING, _KIND, "Retrieve a charge"),
    Route("POST", "/v1/charges/{id}", update, params.UPDATE, _KIND, "Update a charge"),
    Route("POST", "/v1/charges/{id}/capture", capture, params.CAPTURE, _KIND, "Capture a charge"),
)
