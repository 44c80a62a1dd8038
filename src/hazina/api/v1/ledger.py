"""Routes of clients' own ledgers: accounts, transfers, balances, statements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hazina.api.params import ledger as params
from hazina.api.params.others import NOTHING
from hazina.api.route import Call, Result, Route
from hazina.api.v1.ledger_once import once
from hazina.db.unit import Claim
from hazina.ledger import wire
from hazina.ledger.client import (
    AccountEvent,
    AccountRecord,
    QueryFilter,
    TransferEvent,
    TransferRecord,
    as_booked,
    stored_id,
)
from hazina.ledger.history import Line, Totals, available
from hazina.ledger.types import AMOUNT_MAX, Status
from hazina.ledger.types import Result as Judged
from hazina.refusals import Code, Refusal, shown_number
from hazina.values import value

Claims = tuple[Claim, ...]

_ACCOUNT, _TRANSFER = "hazina.ledger_account", "hazina.ledger_transfer"
_LINKED = 1
_VOID = "void_pending_transfer"
_GOOD = (Status.CREATED, Status.EXISTS)
_DEFAULT_LIMIT = 100
_NEVER = 2**63 - 1


async def create_account(call: Call) -> Result:
    """Open an account; an id that exists with the same fields is a replay."""
    event = _account(call.params)

    async def work(claims: Claims) -> dict[str, Any]:
        results = await call.core.ledgers.create_accounts(_space(call), [event], claims)
        _demand("account", event.id, results)
        return await _one_account(call, event.id)

    return await once(call, work)


async def create_accounts(call: Call) -> Result:
    """Open accounts in bulk."""
    ledgers = call.core.ledgers
    bulk = _Bulk("account", ledgers.create_accounts, ledgers.accounts_again)
    return await _create(call, bulk, [_account(one) for one in call.params["accounts"]])


async def retrieve_account(call: Call) -> Result:
    """Return an account as it stands."""
    return await _one_account(call, _path_id(call, "account"))


async def list_accounts(call: Call) -> Result:
    """Return accounts that a filter lets through."""
    records = await call.core.ledgers.query_accounts(_space(call), _filter(call.params))
    return _page(call, records)


async def balance(call: Call) -> Result:
    """Return what an account had at a moment; before its first transfer that is zero."""
    account_id = _path_id(call, "account")
    record = await _found_account(call, account_id)
    at = call.params.get("at")
    totals = await call.core.ledgers.history.at(stored_id(_space(call), account_id), at)
    return {
        "object": "hazina.ledger_balance", "account": str(account_id), "at": at,
        **_totals(totals, record),
    }  # fmt: skip


async def statement(call: Call) -> Result:
    """Return a page of an account's lines, with its opening and closing balance."""
    account_id = _path_id(call, "account")
    record = await _found_account(call, account_id)
    history, given = call.core.ledgers.history, call.params
    _demand_order("from", given.get("from"), "to", given.get("to"))
    row = await history.account(stored_id(_space(call), account_id), _space(call))
    assert row is not None, "it was found just now"
    span = await history.span(row, given.get("from"), given.get("to"))
    limit = given.get("limit", _DEFAULT_LIMIT)
    lines, has_more = await history.page(span, given.get("page", 0), limit)
    return {
        "object": "hazina.ledger_statement", "account": str(account_id),
        "opening_balance": _totals(span.opening, record),
        "closing_balance": _totals(span.closing, record), **_more(has_more, lines),
        "data": [
            {
                "line": line.line, "timestamp": line.timestamp, "transfer": line.transfer_id,
                "side": line.side, "kind": line.kind, "amount": str(line.amount),
                "counterpart": line.counterpart_id, "code": line.code,
                "reference": line.reference, "balance": _totals(line.totals, record),
            }
            for line in lines
        ],
    }  # fmt: skip


async def create_transfer(call: Call) -> Result:
    """Book a transfer; an id that exists with the same fields is a replay."""
    event = _transfer(call.params, "")

    async def work(claims: Claims) -> dict[str, Any]:
        results = await call.core.ledgers.create_transfers(_space(call), [event], claims)
        _demand("transfer", event.id, results)
        booked = None
        if results[0].status is Status.CREATED:
            booked = as_booked(event, results[0].timestamp)
        return _shown(booked) if booked else await _one_transfer(call, event.id)

    return await once(call, work)


async def create_transfers(call: Call) -> Result:
    """Book transfers in bulk, each by itself or all or nothing."""
    ledgers = call.core.ledgers
    bulk = _Bulk("transfer", ledgers.create_transfers, ledgers.transfers_again)
    events = [
        _transfer(one, f"transfers[{index}]") for index, one in enumerate(call.params["transfers"])
    ]
    return await _create(call, bulk, events)


async def retrieve_transfer(call: Call) -> Result:
    """Return a transfer as it was booked."""
    return await _one_transfer(call, _path_id(call, "transfer"))


async def list_transfers(call: Call) -> Result:
    """Return transfers that a filter lets through."""
    records = await call.core.ledgers.query_transfers(_space(call), _filter(call.params))
    return _page(call, records)


@value
class _Bulk:
    """What many of one kind are made and found with."""

    kind: str
    create: Callable[[str, list[Any], Claims], Awaitable[list[Judged]]]
    again: Callable[[str, list[Any]], Awaitable[list[Judged] | None]]
    """Compares events with what they made; None if one of them made nothing."""


async def _create(call: Call, bulk: _Bulk, events: list[Any]) -> Result:
    atomic = bool(call.params.get("atomic"))
    if atomic:
        _link(events)

    async def work(claims: Claims) -> dict[str, Any]:
        results = await bulk.create(_space(call), events, claims)
        if atomic and results[0].status is Status.EXISTS:
            again = await bulk.again(_space(call), events)
            results = results if again is None else again
        return _results(call, bulk.kind, [event.id for event in events], results)

    return await once(call, work)


def _space(call: Call) -> str:
    return call.caller.merchant.merchant_id


def _account(given: dict[str, Any]) -> AccountEvent:
    return AccountEvent(**_event(given, wire.ACCOUNT_FLAGS))


def _transfer(given: dict[str, Any], where: str) -> TransferEvent:
    """Read a transfer; only a void may leave its amount out, since zero is an amount too."""
    if given.get("amount") is None and _VOID not in (given.get("flags") or ()):
        name = f"{where}[amount]" if where else "amount"
        raise Refusal(
            Code.PARAMETER_MISSING,
            f"Missing required param: {name}, of transfer {shown_number(given['id'])}. Send the "
            f"amount to book; to post all of a pending transfer, {AMOUNT_MAX}. Only a void needs "
            "none.",
            param=name,
        )
    return TransferEvent(**_event(given, wire.TRANSFER_FLAGS))


def _event(given: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    flags = sum({1 << names.index(name) for name in given.get("flags") or ()})
    return {**{name: value for name, value in given.items() if value is not None}, "flags": flags}


def _filter(given: dict[str, Any]) -> QueryFilter:
    """Return the filter of a list, for one more than its page holds."""
    fields = {name: value for name, value in given.items() if name not in ("order", "page")}
    first, last = given.get("timestamp_min", 0), given.get("timestamp_max") or _NEVER
    _demand_order("timestamp_min", first, "timestamp_max", last)
    newest_first = given.get("order") == "newest_first"
    page = given.get("page")
    if page is not None:
        first, last = (first, min(last, page - 1)) if newest_first else (max(first, page + 1), last)
    # A last moment of 0 would be none, and before 1 there is nothing.
    limit = given.get("limit", _DEFAULT_LIMIT) + 1 if max(first, 1) <= last else 0
    bounds = {"timestamp_min": first, "timestamp_max": last, "limit": limit}
    return QueryFilter(**{**fields, **bounds, "flags": int(newest_first)})


def _demand_order(first: str, start: int | None, last: str, end: int | None) -> None:
    """Refuse a stretch of time that ends before it begins."""
    if start is not None and end is not None and start > end:
        raise Refusal(
            Code.PARAMETER_INVALID,
            f"Invalid time: {first} must not be later than {last}. Both are inclusive.",
            param=first,
        )


def _link(events: list[Any]) -> None:
    """Make one chain of the events: they succeed or fail together."""
    for index, event in enumerate(events[:-1]):
        fields = {name: getattr(event, name) for name in type(event).__slots__}
        events[index] = type(event)(**{**fields, "flags": event.flags | _LINKED})


def _demand(kind: str, made_id: int, results: Sequence[Judged]) -> None:
    (result,) = results
    if result.status not in _GOOD:
        raise _refused(f"The {kind} {shown_number(made_id)}", result.status, None)


def _results(call: Call, kind: str, ids: list[int], results: Sequence[Judged]) -> dict[str, Any]:
    """Return the result of each; all or nothing is refused by naming the one that failed."""
    if call.params.get("atomic"):
        whole = all(result.status is results[0].status for result in results)
        for index, result in enumerate(results):
            fine = result.status is Status.CREATED or (result.status is Status.EXISTS and whole)
            if not fine and result.status is not Status.LINKED_EVENT_FAILED:
                name = f"{kind}s[{index}]"
                what = f"None was made: {name}, {kind} {shown_number(ids[index])},"
                raise _refused(what, result.status, name)
    return {
        "object": f"hazina.ledger_{kind}_bulk",
        "data": [
            {"index": index, "id": str(one), **wire.shown_result(result)}
            for index, (one, result) in enumerate(zip(ids, results, strict=True))
        ],
    }


def _refused(what: str, status: Status, param: str | None) -> Refusal:
    return Refusal(
        Code.LEDGER_REFUSED,
        f"{what} was refused: {status.value}. See the ledger's semantics for what it means; "
        "after a failure that may pass, send it under a new id.",
        param=param,
        details={"hazina": {"ledger_status": status.value}},
    )


def _path_id(call: Call, kind: str) -> int:
    text = call.ids[0]
    if not text.isdecimal() or not 0 < int(text) < 2**128 - 1:
        raise _missing(kind, "ids are whole numbers from 1 to 2^128-2")
    return int(text)


async def _found_account(call: Call, account_id: int) -> AccountRecord:
    records = await call.core.ledgers.lookup_accounts(_space(call), [account_id])
    if not records:
        raise _missing("account", shown_number(account_id))
    return records[0]


async def _one_account(call: Call, account_id: int) -> dict[str, Any]:
    return _shown(await _found_account(call, account_id))


async def _one_transfer(call: Call, transfer_id: int) -> dict[str, Any]:
    records = await call.core.ledgers.lookup_transfers(_space(call), [transfer_id])
    if not records:
        raise _missing("transfer", shown_number(transfer_id))
    return _shown(records[0])


def _missing(kind: str, name: str) -> Refusal:
    return Refusal(Code.RESOURCE_MISSING, f"No such ledger {kind}: {name}.", param="id")


def _shown(record: AccountRecord | TransferRecord) -> dict[str, Any]:
    if isinstance(record, AccountRecord):
        totals = Totals(
            record.debits_pending, record.debits_posted, record.credits_pending,
            record.credits_posted,
        )  # fmt: skip
        return {"object": _ACCOUNT, **wire.shown(record), "available": _available(totals, record)}
    return {"object": _TRANSFER, **wire.shown(record)}


def _totals(totals: Totals, record: AccountRecord) -> dict[str, Any]:
    return {
        "debits_pending": str(totals.debits_pending), "debits_posted": str(totals.debits_posted),
        "credits_pending": str(totals.credits_pending),
        "credits_posted": str(totals.credits_posted), "available": _available(totals, record),
    }  # fmt: skip


def _available(totals: Totals, record: AccountRecord) -> str | None:
    left = available(totals, record.flags, record.overdraft)
    return None if left is None else str(left)


def _page(call: Call, found: Sequence[AccountRecord | TransferRecord]) -> dict[str, Any]:
    """Return a list; one more than it may hold was looked for, to know whether there is more."""
    limit = call.params.get("limit", _DEFAULT_LIMIT)
    shown, more = found[:limit], len(found) > limit
    data = [_shown(record) for record in shown]
    return {"object": "list", "url": call.path, **_more(more, shown), "data": data}


def _more(has_more: bool, page: Sequence[AccountRecord | TransferRecord | Line]) -> dict[str, Any]:
    """Say whether there is more; `next_page` is a text, since few clients read 64 bits exactly."""
    return {"has_more": has_more, "next_page": str(page[-1].timestamp) if has_more else None}


_ACCOUNTS, _TRANSFERS = "/v1/ledger/accounts", "/v1/ledger/transfers"
ROUTES = (
    Route("POST", _ACCOUNTS, create_account, params.ACCOUNT_CREATE, _ACCOUNT,
          "Open an account of your own ledger"),
    Route("GET", _ACCOUNTS, list_accounts, params.LIST, _ACCOUNT,
          "List accounts of your own ledger", listed=True),
    Route("POST", "/v1/ledger/accounts_bulk", create_accounts, params.ACCOUNTS_BULK,
          "hazina.ledger_account_bulk", "Open accounts in bulk"),
    Route("GET", f"{_ACCOUNTS}/{{id}}", retrieve_account, NOTHING, _ACCOUNT,
          "Retrieve an account of your own ledger"),
    Route("GET", f"{_ACCOUNTS}/{{id}}/balance", balance, params.AT, "hazina.ledger_balance",
          "Retrieve an account's balance at a moment"),
    Route("GET", f"{_ACCOUNTS}/{{id}}/statement", statement, params.STATEMENT,
          "hazina.ledger_statement", "Retrieve a page of an account's statement"),
    Route("POST", _TRANSFERS, create_transfer, params.TRANSFER_CREATE, _TRANSFER,
          "Book a transfer in your own ledger"),
    Route("GET", _TRANSFERS, list_transfers, params.LIST, _TRANSFER,
          "List transfers of your own ledger", listed=True),
    Route("POST", "/v1/ledger/transfers_bulk", create_transfers, params.TRANSFERS_BULK,
          "hazina.ledger_transfer_bulk", "Book transfers in bulk"),
    Route("GET", f"{_TRANSFERS}/{{id}}", retrieve_transfer, NOTHING, _TRANSFER,
          "Retrieve a transfer of your own ledger"),
)  # fmt: skip
