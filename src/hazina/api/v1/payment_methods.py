"""Routes of payment methods, alone and of a customer."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import payment_methods as params
from hazina.api.params.others import NOTHING
from hazina.api.route import Call, Result, Route

_KIND = "payment_method"


async def create(call: Call) -> Result:
    """Keep a card as a payment method."""
    return await call.core.payment_methods.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one payment method."""
    return await call.core.payment_methods.retrieve(call.caller, call.ids[0])


async def update(call: Call) -> Result:
    """Change billing details, metadata or expiry."""
    return await call.core.payment_methods.update(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def attach(call: Call) -> Result:
    """Give a payment method to a customer."""
    return await call.core.keeping.attach(call.caller, call.ids[0], call.params, call.idempotency)


async def detach(call: Call) -> Result:
    """Take a payment method from its customer, for good."""
    return await call.core.keeping.detach(call.caller, call.ids[0], call.idempotency)


async def list_all(call: Call) -> Result:
    """Return payment methods, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.payment_methods.list(call.caller, filters, page))


async def list_of_customer(call: Call) -> Result:
    """Return what a customer keeps, newest first."""
    filters, page = split(call.params)
    found = await call.core.keeping.list(call.caller, call.ids[0], filters, page)
    return listing(call.path, found)


async def retrieve_of_customer(call: Call) -> Result:
    """Return one payment method that a customer keeps."""
    return await call.core.keeping.retrieve(call.caller, call.ids[0], call.ids[1])


_ALL = "/v1/payment_methods"
_ONE = f"{_ALL}/{{id}}"
_OF_CUSTOMER = "/v1/customers/{customer}/payment_methods"
ROUTES = (
    Route(
        "POST", _ALL, create, params.CREATE, _KIND, "Create a payment method", publishable=True
    ),
    Route("GET", _ALL, list_all, params.LIST, _KIND, "List payment methods", listed=True),
    Route("GET", _ONE, retrieve, NOTHING, _KIND, "Retrieve a payment method"),
    Route("POST", _ONE, update, params.UPDATE, _KIND, "Update a payment method"),
    Route("POST", f"{_ONE}/attach", attach, params.ATTACH, _KIND, "Attach a payment method"),
    Route("POST", f"{_ONE}/detach", detach, NOTHING, _KIND, "Detach a payment method"),
    Route(
        "GET", _OF_CUSTOMER, list_of_customer, params.LIST_OF_CUSTOMER, _KIND,
        "List a customer's payment methods", listed=True,
    ),
    Route(
        "GET", f"{_OF_CUSTOMER}/{{id}}", retrieve_of_customer, NOTHING, _KIND,
        "Retrieve a customer's payment method",
    ),
)  # fmt: skip
