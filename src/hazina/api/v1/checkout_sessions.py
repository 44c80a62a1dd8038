"""Routes of checkout sessions."""

from __future__ import annotations

from hazina.api.lists import cut, listing, split
from hazina.api.params import checkout as params
from hazina.api.params.others import NOTHING, PLAIN_LIST
from hazina.api.route import Call, Result, Route
from hazina.checkout.items import item_view
from hazina.refusals import Code, Refusal

_KIND = "checkout.session"


async def create(call: Call) -> Result:
    """Open a session whose page takes one payment."""
    mode = call.params.pop("mode", "payment")
    if mode != "payment":
        raise Refusal(
            Code.NOT_SUPPORTED,
            f"Checkout Sessions in {mode} mode are not supported here: use mode=payment with "
            "one-off prices.",
            param="mode",
        )
    return await call.core.checkout.sessions.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one session."""
    return await call.core.checkout.sessions.retrieve(call.caller, call.ids[0])


async def update(call: Call) -> Result:
    """Change a session's metadata."""
    return await call.core.checkout.sessions.update(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def expire(call: Call) -> Result:
    """End an open session."""
    return await call.core.checkout.sessions.expire(call.caller, call.ids[0], call.idempotency)


async def line_items(call: Call) -> Result:
    """Return what a session sells."""
    found = await call.core.checkout.sessions.line_items(call.caller, _KIND, call.ids[0])
    _, page = split(call.params)
    return listing(call.path, cut([item_view(item) for item in found], page))


async def list_all(call: Call) -> Result:
    """Return sessions, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.checkout.sessions.list(call.caller, filters, page))


_ALL = "/v1/checkout/sessions"
_ONE = f"{_ALL}/{{id}}"
ROUTES = (
    Route("POST", _ALL, create, params.SESSION_CREATE, _KIND, "Create a checkout session"),
    Route(
        "GET", _ALL, list_all, params.SESSION_LIST, _KIND, "List checkout sessions", listed=True
    ),
    Route("GET", _ONE, retrieve, NOTHING, _KIND, "Retrieve a checkout session"),
    Route("POST", _ONE, update, params.SESSION_UPDATE, _KIND, "Update a checkout session"),
    Route("POST", f"{_ONE}/expire", expire, NOTHING, _KIND, "Expire a checkout session"),
    Route(
        "GET", f"{_ONE}/line_items", line_items, PLAIN_LIST, "item",
        "List a checkout session's line items", listed=True,
    ),
)  # fmt: skip
