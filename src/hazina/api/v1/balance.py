"""Routes of the balance and its lines."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import others as params
from hazina.api.route import Call, Result, Route

_KIND = "balance_transaction"


async def balance(call: Call) -> Result:
    """Return what the merchant has."""
    return await call.core.balances.balance(call.caller)


async def retrieve(call: Call) -> Result:
    """Return one line of the balance."""
    return await call.core.payments.retrieve(call.caller, _KIND, call.ids[0])


async def list_all(call: Call) -> Result:
    """Return the balance's lines, newest first."""
    filters, page = split(call.params)
    return listing(call.path, await call.core.payments.list(call.caller, _KIND, filters, page))


_LIST = params.BALANCE_TRANSACTION_LIST
_SUMMARY = "List balance transactions"
ROUTES = (
    Route("GET", "/v1/balance", balance, params.NOTHING, "balance", "Retrieve the balance"),
    Route("GET", "/v1/balance_transactions", list_all, _LIST, _KIND, _SUMMARY, listed=True),
    Route("GET", "/v1/balance/history", list_all, _LIST, _KIND, _SUMMARY, listed=True),
    Route(
        "GET", "/v1/balance_transactions/{id}", retrieve, params.NOTHING, _KIND,
        "Retrieve a balance transaction",
    ),
    Route(
        "GET", "/v1/balance/history/{id}", retrieve, params.NOTHING, _KIND,
        "Retrieve a balance transaction",
    ),
)  # fmt: skip
