"""One door to customers: create, change, delete, read back and list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hazina.customers import changes
from hazina.customers.customer import Customer, from_row
from hazina.customers.view import view
from hazina.db.reader import Reader
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller
from hazina.paging import Page, created_bounds, read_page
from hazina.payment_methods import changes as method_changes
from hazina.payment_methods.changes import Changes, Moment
from hazina.payment_methods.method import PaymentMethod
from hazina.payment_methods.service import Made, PaymentMethods
from hazina.refusals import Code, Refusal, shown_id


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a request brings besides words: a new card, a method to keep, the default replaced.

    `now` is the customer's own moment.
    """

    now: datetime
    source: Made | None = None
    method: PaymentMethod | None = None
    replaced: PaymentMethod | None = None


class Customers:
    """Customers of the calling merchant; no other merchant's can be seen or touched."""

    def __init__(
        self,
        reader: Reader,
        idempotency: Idempotency,
        clocks: Clocks,
        ids: Ids,
        methods: PaymentMethods,
    ) -> None:
        self._reader = reader
        self._idempotency = idempotency
        self._clocks = clocks
        self._ids = ids
        self._methods = methods

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Add a customer, with a card (`source`) or a `payment_method` if one is sent.

        Refuses `resource_missing` for a test clock that the merchant does not have.
        """
        merchant = caller.merchant
        customer_id, test_clock = self._ids.new("cus"), params.get("test_clock")

        async def load() -> _Wanted:
            named = (params.get("invoice_settings") or {}).get("default_payment_method")
            if named is not None and named != params.get("payment_method"):
                raise _not_kept(named, "invoice_settings[default_payment_method]")
            return await self._wanted(caller, params)

        def decide(wanted: _Wanted) -> OneUnit:
            moment = self._methods.deciding(caller, idempotency, wanted.now)
            added, parts = _kept(moment, customer_id, wanted)
            blank = Customer(
                merchant.merchant_id, customer_id, wanted.now, merchant.livemode,
                test_clock=test_clock,
            )  # fmt: skip
            words = _with_defaults(params, added)
            customer = replace(blank.changed(words), revision=1)
            parts = changes.create(moment, customer) + parts
            return OneUnit(parts.unit(merchant.merchant_id), view(customer))

        return await self._idempotency.run_once(idempotency, merchant.merchant_id, load, decide)

    async def update(
        self,
        caller: Caller,
        customer_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Change a customer. A new `source` takes the place of the card that was the default.

        Refuses `resource_missing` when the customer is unknown or deleted, or keeps no such
        default.
        """

        async def load() -> tuple[Customer, _Wanted]:
            before = await self.present(caller, customer_id)
            await self._check_defaults(caller, before, params)
            return before, await self._wanted(caller, params, before)

        def decide(loaded: tuple[Customer, _Wanted]) -> OneUnit:
            before, wanted = loaded
            moment = self._methods.deciding(caller, idempotency, wanted.now)
            added, parts = _kept(moment, before.id, wanted)
            if wanted.replaced is not None:
                parts += method_changes.detach(moment, wanted.replaced)[1]
            after = before.changed(_with_defaults(params, added))
            parts = changes.update(moment, before, after) + parts
            return OneUnit(parts.unit(before.merchant_id), view(after))

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def delete(
        self, caller: Caller, customer_id: str, idempotency: IdempotencyRequest | None = None
    ) -> Answer:
        """Erase a customer for good and detach what it kept.

        Refuses `resource_missing` when it is unknown or deleted.
        """

        async def load() -> tuple[Customer, list[PaymentMethod], datetime]:
            before = await self.present(caller, customer_id)
            kept = await self._methods.of_customer(caller.merchant, customer_id)
            return before, kept, await self._clocks.now(caller.merchant, customer_id)

        def decide(loaded: tuple[Customer, list[PaymentMethod], datetime]) -> OneUnit:
            before, kept, now = loaded
            moment = self._methods.deciding(caller, idempotency, now)
            parts = changes.erase(moment, before)
            for method in kept:
                parts += method_changes.detach(moment, method)[1]
            return OneUnit(parts.unit(before.merchant_id), view(before.erased()))

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def delete_of_clock(self, caller: Caller, test_clock: str) -> None:
        """Erase the customers that were made with a test clock."""
        rows = await self._reader.query(
            "customers_of_clock",
            {"merchant_id": caller.merchant.merchant_id, "test_clock": test_clock},
        )
        for row in rows:
            await self.delete(caller, row["id"])

    async def retrieve(self, caller: Caller, customer_id: str) -> dict[str, Any]:
        """Return a customer, or that it was deleted. Refuses `resource_missing`."""
        return view(await self.load(caller, customer_id))

    async def list(
        self, caller: Caller, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return customers from the newest to the oldest, and whether there are more.

        Those of test clocks come only when their clock is asked for.
        Refuses `resource_missing` for a cursor that is no customer of the merchant's.
        """
        cursor = page.cursor
        if cursor is not None:
            await self.load(caller, cursor.object_id, cursor.param)
        created = filters.get("created") or {}
        low, high = await self._clocks.span(caller.merchant, "cus", created)
        parameters = {
            "merchant_id": caller.merchant.merchant_id, "low": low, "high": high,
            "email": filters.get("email"), "test_clock": filters.get("test_clock"),
        } | created_bounds(filters)  # fmt: skip
        rows, more = await read_page(self._reader.query, "customer_list", page, parameters)
        return [view(from_row(row, caller.merchant.livemode)) for row in rows], more

    async def load(self, caller: Caller, customer_id: str, param: str = "id") -> Customer:
        """Return a customer, deleted or not. Refuses `resource_missing`."""
        row = await self._reader.get(changes.TABLE, (caller.merchant.merchant_id, customer_id))
        if row is None:
            raise _missing(customer_id, param)
        return from_row(row, caller.merchant.livemode)

    async def present(self, caller: Caller, customer_id: str, param: str = "id") -> Customer:
        """Return a customer that is not deleted. Refuses `resource_missing`."""
        customer = await self.load(caller, customer_id, param)
        if customer.deleted:
            raise _missing(customer_id, param)
        return customer

    async def _wanted(
        self, caller: Caller, params: dict[str, Any], before: Customer | None = None
    ) -> _Wanted:
        merchant, source, method, replaced = caller.merchant, None, None, None
        if before is None and params.get("test_clock") is not None:
            now = await self._clocks.of(merchant, params["test_clock"])
        else:
            now = await self._clocks.now(merchant, before.id if before is not None else None)
        if params.get("source") is not None:
            source = await self._methods.make_source(caller.merchant, params["source"])
            if before is not None and before.default_source is not None:
                replaced = await self._methods.stored(caller.merchant, before.default_source)
        if params.get("payment_method") is not None:
            method = await self._methods.keepable(caller.merchant, params["payment_method"])
        return _Wanted(now, source, method, replaced)

    async def _check_defaults(
        self, caller: Caller, customer: Customer, params: dict[str, Any]
    ) -> None:
        """Refuse `resource_missing` for a default that the customer does not keep."""
        settings = params.get("invoice_settings") or {}
        for method_id, param in (
            (params.get("default_source"), "default_source"),
            (settings.get("default_payment_method"), "invoice_settings[default_payment_method]"),
        ):
            if method_id is None:
                continue
            method = await self._methods.find_stored(caller.merchant, method_id)
            if method is None or method.customer != customer.id:
                raise _not_kept(method_id, param)


def _kept(
    moment: Moment, customer_id: str, wanted: _Wanted
) -> tuple[tuple[PaymentMethod | None, PaymentMethod | None], Changes]:
    """Return the card and the method that the customer is given, and what that writes."""
    parts = Changes()
    card = method = None
    if wanted.source is not None:
        card, attached = method_changes.attach(moment, wanted.source.method, customer_id)
        parts += attached + wanted.source.changes
    if wanted.method is not None:
        method, attached = method_changes.attach(moment, wanted.method, customer_id)
        parts += attached
    return (card, method), parts


def _with_defaults(
    params: dict[str, Any],
    added: tuple[PaymentMethod | None, PaymentMethod | None],
) -> dict[str, Any]:
    """Return the params with defaults that name what the customer really keeps."""
    card, method = added
    if card is not None:
        params = params | {"default_source": card.id}
    settings = params.get("invoice_settings") or {}
    named = settings.get("default_payment_method")
    if method is not None and named == params["payment_method"]:
        # A well-known test method was cloned; the default is the clone.
        params = params | {"invoice_settings": settings | {"default_payment_method": method.id}}
    return params


def _not_kept(method_id: str, param: str) -> Refusal:
    return Refusal(
        Code.RESOURCE_MISSING,
        f"The customer has no payment method '{shown_id(method_id)}'. Attach it first.",
        param=param,
    )


def _missing(customer_id: str, param: str = "id") -> Refusal:
    message = f"No such customer: '{shown_id(customer_id)}'"
    return Refusal(Code.RESOURCE_MISSING, message, param=param)
