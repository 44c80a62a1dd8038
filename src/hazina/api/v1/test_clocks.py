"""Routes of test clocks."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import others as params
from hazina.api.route import Call, Result, Route

_KIND = "test_helpers.test_clock"


async def create(call: Call) -> Result:
    """Make a test clock."""
    return await call.core.test_clocks.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one test clock."""
    return await call.core.test_clocks.retrieve(call.caller, call.ids[0])


async def advance(call: Call) -> Result:
    """Start to advance a test clock."""
    return await call.core.test_clocks.advance(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def delete(call: Call) -> Result:
    """Delete a test clock and the customers that were made with it."""
    await call.core.customers.delete_of_clock(call.caller, call.ids[0])
    return await call.core.test_clocks.delete(call.caller, call.ids[0], call.idempotency)


async def list_all(call: Call) -> Result:
    """Return test clocks, newest first."""
    _, page = split(call.params)
    return listing(call.path, await call.core.test_clocks.list(call.caller, page))


_ALL = "/v1/test_helpers/test_clocks"
_ONE = f"{_ALL}/{{id}}"
ROUTES = (
    Route("POST", _ALL, create, params.TEST_CLOCK_CREATE, _KIND, "Create a test clock"),
    Route("GET", _ALL, list_all, params.PLAIN_LIST, _KIND, "List test clocks", listed=True),
    Route("GET", _ONE, retrieve, params.NOTHING, _KIND, "Retrieve a test clock"),
    Route("DELETE", _ONE, delete, params.NOTHING, _KIND, "Delete a test clock"),
    Route(
        "POST", f"{_ONE}/advance", advance, params.TEST_CLOCK_ADVANCE, _KIND, "Advance a test clock"
    ),
)
