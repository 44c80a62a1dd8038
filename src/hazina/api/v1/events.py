"""Routes of events."""

from __future__ import annotations

from hazina.api.lists import spliced, split
from hazina.api.params import others as params
from hazina.api.route import Call, Result, Route

_KIND = "event"


async def retrieve(call: Call) -> Result:
    """Return one event, as the bytes that webhooks carried."""
    return await call.core.events.retrieve(call.caller.merchant.merchant_id, call.ids[0])


async def list_all(call: Call) -> Result:
    """Return events, newest first."""
    filters, page = split(call.params)
    merchant = call.caller.merchant
    span = await call.core.clocks.span(merchant, "evt", filters.get("created") or {})
    found = await call.core.events.list(merchant.merchant_id, filters, page, span)
    return spliced(call.path, found)


ROUTES = (
    Route("GET", "/v1/events", list_all, params.EVENT_LIST, _KIND, "List events", listed=True),
    Route("GET", "/v1/events/{id}", retrieve, params.NOTHING, _KIND, "Retrieve an event"),
)
