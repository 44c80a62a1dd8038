"""Routes of webhook endpoints."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import others as params
from hazina.api.route import Call, Result, Route

_KIND = "webhook_endpoint"


async def create(call: Call) -> Result:
    """Add an endpoint; the answer alone shows its signing secret."""
    return await call.core.webhooks.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one endpoint, without its secret."""
    return await call.core.webhooks.retrieve(call.caller, call.ids[0])


async def update(call: Call) -> Result:
    """Change an endpoint."""
    return await call.core.webhooks.update(call.caller, call.ids[0], call.params, call.idempotency)


async def delete(call: Call) -> Result:
    """Remove an endpoint."""
    return await call.core.webhooks.delete(call.caller, call.ids[0], call.idempotency)


async def list_all(call: Call) -> Result:
    """Return endpoints, newest first."""
    _, page = split(call.params)
    return listing(call.path, await call.core.webhooks.list(call.caller, page))


_ALL = "/v1/webhook_endpoints"
_ONE = "/v1/webhook_endpoints/{id}"
ROUTES = (
    Route("POST", _ALL, create, params.WEBHOOK_CREATE, _KIND, "Create a webhook endpoint"),
    Route("GET", _ALL, list_all, params.PLAIN_LIST, _KIND, "List webhook endpoints", listed=True),
    Route("GET", _ONE, retrieve, params.NOTHING, _KIND, "Retrieve a webhook endpoint"),
    Route("POST", _ONE, update, params.WEBHOOK_UPDATE, _KIND, "Update a webhook endpoint"),
    Route("DELETE", _ONE, delete, params.NOTHING, _KIND, "Delete a webhook endpoint"),
)
