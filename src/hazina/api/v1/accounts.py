"""Routes of accounts: the caller's own, and those that are connected to a platform."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import accounts as params
from hazina.api.params.others import NOTHING
from hazina.api.route import Call, Result, Route

_KIND = "account"


async def own(call: Call) -> Result:
    """Return the account that is being acted for."""
    return await call.core.accounts.retrieve(call.caller, call.caller.merchant.account_id)


async def create(call: Call) -> Result:
    """Open a connected account."""
    return await call.core.accounts.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one account: one's own, or a connected one."""
    return await call.core.accounts.retrieve(call.caller, call.ids[0])


async def update(call: Call) -> Result:
    """Change what is told of an account."""
    return await call.core.accounts.update(call.caller, call.ids[0], call.params, call.idempotency)


async def reject(call: Call) -> Result:
    """End a connected account."""
    reason = call.params["reason"]
    return await call.core.accounts.reject(call.caller, call.ids[0], reason, call.idempotency)


async def list_all(call: Call) -> Result:
    """Return connected accounts, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.accounts.list(call.caller, filters, page))


_ALL = "/v1/accounts"
_ONE = "/v1/accounts/{id}"
ROUTES = (
    Route("GET", "/v1/account", own, NOTHING, _KIND, "Retrieve your account"),
    Route("POST", _ALL, create, params.CREATE, _KIND, "Create a connected account"),
    Route("GET", _ALL, list_all, params.LIST, _KIND, "List connected accounts", listed=True),
    Route("GET", _ONE, retrieve, NOTHING, _KIND, "Retrieve an account"),
    Route("POST", _ONE, update, params.UPDATE, _KIND, "Update an account"),
    Route("POST", f"{_ONE}/reject", reject, params.REJECT, _KIND, "Reject a connected account"),
)
