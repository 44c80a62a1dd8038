"""Routes of setup intents and their attempts."""

from __future__ import annotations

from hazina.api.client_secret import Shown
from hazina.api.lists import listing, split
from hazina.api.params import setup_intents as params
from hazina.api.route import Call, Result, Route

_KIND = "setup_intent"
_ATTEMPT = "setup_attempt"

_SHOWN = Shown(_KIND, "last_setup_error", frozenset({"usage"}))


async def create(call: Call) -> Result:
    """Make a setup intent, and confirm it when `confirm` is true."""
    return await call.core.setup_intents.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one setup intent; with a publishable key only to a holder of its secret."""
    return await _SHOWN.retrieve(
        call, call.core.setup_intents.retrieve, call.params.get("client_secret")
    )


async def update(call: Call) -> Result:
    """Change a setup intent."""
    return await call.core.setup_intents.update(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def confirm(call: Call) -> Result:
    """Have the card verified; with a publishable key only for a holder of the secret."""
    await _SHOWN.check_confirmation(call, call.core.setup_intents.retrieve)
    return await call.core.setup_intents.confirm(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def cancel(call: Call) -> Result:
    """Cancel a setup intent."""
    return await call.core.setup_intents.cancel(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def list_all(call: Call) -> Result:
    """Return setup intents, newest first."""
    filters, page = split(call.params)
    found = await call.core.setup_intents.list(call.caller, _KIND, filters, page)
    return listing(call.path, found)


async def list_attempts(call: Call) -> Result:
    """Return the attempts of a setup intent, newest first."""
    filters, page = split(call.params)
    # An intent of somebody else has no attempts that could be listed: it is not there.
    await call.core.setup_intents.retrieve(call.caller, _KIND, filters["setup_intent"])
    found = await call.core.setup_intents.list(call.caller, _ATTEMPT, filters, page)
    return listing(call.path, found)


_ALL = "/v1/setup_intents"
_ONE = f"{_ALL}/{{id}}"
ROUTES = (
    Route("POST", _ALL, create, params.CREATE, _KIND, "Create a setup intent"),
    Route("GET", _ALL, list_all, params.LIST, _KIND, "List setup intents", listed=True),
    Route(
        "GET", _ONE, retrieve, params.RETRIEVE, _KIND, "Retrieve a setup intent",
        publishable=True, public=_SHOWN.public,
    ),
    Route("POST", _ONE, update, params.UPDATE, _KIND, "Update a setup intent"),
    Route(
        "POST", f"{_ONE}/confirm", confirm, params.CONFIRM, _KIND, "Confirm a setup intent",
        publishable=True, public=_SHOWN.public,
    ),
    Route("POST", f"{_ONE}/cancel", cancel, params.CANCEL, _KIND, "Cancel a setup intent"),
    Route(
        "GET", "/v1/setup_attempts", list_attempts, params.ATTEMPT_LIST, _ATTEMPT,
        "List the attempts of a setup intent", listed=True,
    ),
)  # fmt: skip
