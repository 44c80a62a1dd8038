"""Routes of tokens and of customers' cards, as older clients use them."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import payment_methods as params
from hazina.api.params.others import NOTHING
from hazina.api.route import Call, Result, Route

_TOKEN = "token"
_CARD = "card"


async def create_token(call: Call) -> Result:
    """Make a token from a card."""
    return await call.core.tokens.create(call.caller, call.params, call.idempotency)


async def retrieve_token(call: Call) -> Result:
    """Return one token."""
    return await call.core.tokens.retrieve(call.caller, call.ids[0])


async def create(call: Call) -> Result:
    """Add a card to a customer."""
    return await call.core.sources.create(call.caller, call.ids[0], call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one card of a customer."""
    return await call.core.sources.retrieve(call.caller, call.ids[0], call.ids[1])


async def update(call: Call) -> Result:
    """Change a card of a customer."""
    return await call.core.sources.update(
        call.caller, call.ids[0], call.ids[1], call.params, call.idempotency
    )


async def delete(call: Call) -> Result:
    """Take a card from a customer."""
    return await call.core.sources.delete(call.caller, call.ids[0], call.ids[1], call.idempotency)


async def list_all(call: Call) -> Result:
    """Return a customer's cards, newest first."""
    filters, page = split(call.params)
    found = await call.core.sources.list(call.caller, call.ids[0], filters, page)
    return listing(call.path, found)


_ALL = "/v1/customers/{customer}/sources"
_ONE = f"{_ALL}/{{id}}"
ROUTES = (
    Route(
        "POST", "/v1/tokens", create_token, params.TOKEN_CREATE, _TOKEN, "Create a token",
        publishable=True,
    ),
    Route(
        "GET", "/v1/tokens/{id}", retrieve_token, NOTHING, _TOKEN, "Retrieve a token",
        publishable=True,
    ),
    Route("POST", _ALL, create, params.SOURCE_CREATE, _CARD, "Add a card to a customer"),
    Route("GET", _ALL, list_all, params.SOURCE_LIST, _CARD, "List a customer's cards", listed=True),
    Route("GET", _ONE, retrieve, NOTHING, _CARD, "Retrieve a customer's card"),
    Route("POST", _ONE, update, params.SOURCE_UPDATE, _CARD, "Update a customer's card"),
    Route("DELETE", _ONE, delete, NOTHING, _CARD, "Delete a customer's card"),
)  # fmt: skip
