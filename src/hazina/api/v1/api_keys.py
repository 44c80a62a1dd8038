"""Routes of API keys. Stripe has none; ours stand under a path that can never be Stripe's."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import api_keys as params
from hazina.api.params.others import NOTHING, PLAIN_LIST
from hazina.api.route import Call, Result, Route

_KIND = "hazina.api_key"


async def create(call: Call) -> Result:
    """Make a key; the answer alone shows it."""
    return await call.core.api_keys.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return what is known of one key."""
    return await call.core.api_keys.retrieve(call.caller, call.ids[0])


async def list_all(call: Call) -> Result:
    """Return keys, newest first."""
    _, page = split(call.params)
    return listing(call.path, await call.core.api_keys.list(call.caller, page))


async def roll(call: Call) -> Result:
    """Replace a key; the answer shows the new one."""
    grace_seconds = call.params.get("grace_seconds", 0)
    return await call.core.api_keys.roll(call.caller, call.ids[0], grace_seconds, call.idempotency)


async def revoke(call: Call) -> Result:
    """End a key."""
    grace_seconds = call.params.get("grace_seconds", 0)
    return await call.core.api_keys.revoke(
        call.caller, call.ids[0], grace_seconds, call.idempotency
    )


_ALL = "/v1/hazina/api_keys"
_ONE = "/v1/hazina/api_keys/{id}"
ROUTES = (
    Route("POST", _ALL, create, params.CREATE, _KIND, "Create an API key"),
    Route("GET", _ALL, list_all, PLAIN_LIST, _KIND, "List API keys", listed=True),
    Route("GET", _ONE, retrieve, NOTHING, _KIND, "Retrieve an API key"),
    Route("POST", f"{_ONE}/roll", roll, params.END, _KIND, "Replace an API key"),
    Route("POST", f"{_ONE}/revoke", revoke, params.END, _KIND, "Revoke an API key"),
)
