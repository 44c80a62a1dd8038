"""Routes of refunds."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import charges as params
from hazina.api.params.others import NOTHING
from hazina.api.route import Call, Result, Route

_KIND = "refund"


async def create(call: Call) -> Result:
    """Refund a charge, named by itself or by its payment intent."""
    return await call.core.payments.create_refund(call.caller, call.params, call.idempotency)


async def create_of_charge(call: Call) -> Result:
    """Refund the charge that the path names."""
    named = {"charge": call.ids[0], **call.params}
    return await call.core.payments.create_refund(call.caller, named, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one refund."""
    return await call.core.payments.retrieve(call.caller, _KIND, call.ids[0])


async def update(call: Call) -> Result:
    """Change a refund's metadata."""
    return await call.core.payments.update_refund(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def cancel(call: Call) -> Result:
    """Cancel a refund that waits for the customer's action."""
    await call.core.payments.cancel_refund(call.caller, call.ids[0])


async def list_all(call: Call) -> Result:
    """Return refunds, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.payments.list(call.caller, _KIND, filters, page))


async def list_of_charge(call: Call) -> Result:
    """Return the refunds of the charge that the path names. Refuses `resource_missing`."""
    _, page = split(call.params)
    # A charge of somebody else has no refunds that could be listed: it is not there.
    await call.core.payments.retrieve(call.caller, "charge", call.ids[0])
    filters = {"charge": call.ids[0]}
    return listing(call.path, await call.core.payments.list(call.caller, _KIND, filters, page))


ROUTES = (
    Route("POST", "/v1/refunds", create, params.REFUND_CREATE, _KIND, "Create a refund"),
    Route("GET", "/v1/refunds", list_all, params.REFUND_LIST, _KIND, "List refunds", listed=True),
    Route("GET", "/v1/refunds/{id}", retrieve, NOTHING, _KIND, "Retrieve a refund"),
    Route("POST", "/v1/refunds/{id}", update, params.REFUND_UPDATE, _KIND, "Update a refund"),
    Route("POST", "/v1/refunds/{id}/cancel", cancel, NOTHING, _KIND, "Cancel a refund"),
    Route(
        "POST", "/v1/charges/{id}/refunds", create_of_charge, params.REFUND_OF_CHARGE, _KIND,
        "Refund a charge",
    ),
    Route(
        "GET", "/v1/charges/{id}/refunds", list_of_charge, params.REFUNDS_OF_CHARGE, _KIND,
        "List the refunds of a charge", listed=True,
    ),
)  # fmt: skip
