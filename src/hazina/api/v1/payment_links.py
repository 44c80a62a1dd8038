"""Routes of payment links."""

from __future__ import annotations

from hazina.api.lists import cut, listing, split
from hazina.api.params import checkout as params
from hazina.api.params.others import NOTHING, PLAIN_LIST
from hazina.api.route import Call, Result, Route
from hazina.checkout.items import item_view

_KIND = "payment_link"


async def create(call: Call) -> Result:
    """Make a link that opens a session per visit."""
    return await call.core.checkout.links.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one link."""
    return await call.core.checkout.links.retrieve(call.caller, call.ids[0])


async def update(call: Call) -> Result:
    """Change what later visits are offered."""
    return await call.core.checkout.links.update(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def line_items(call: Call) -> Result:
    """Return what a link sells."""
    found = await call.core.checkout.sessions.line_items(call.caller, _KIND, call.ids[0])
    _, page = split(call.params)
    return listing(call.path, cut([item_view(item) for item in found], page))


async def list_all(call: Call) -> Result:
    """Return links, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.checkout.links.list(call.caller, filters, page))


_ALL = "/v1/payment_links"
_ONE = f"{_ALL}/{{id}}"
ROUTES = (
    Route("POST", _ALL, create, params.LINK_CREATE, _KIND, "Create a payment link"),
    Route("GET", _ALL, list_all, params.LINK_LIST, _KIND, "List payment links", listed=True),
    Route("GET", _ONE, retrieve, NOTHING, _KIND, "Retrieve a payment link"),
    Route("POST", _ONE, update, params.LINK_UPDATE, _KIND, "Update a payment link"),
    Route(
        "GET", f"{_ONE}/line_items", line_items, PLAIN_LIST, "item",
        "List a payment link's line items", listed=True,
    ),
)  # fmt: skip
