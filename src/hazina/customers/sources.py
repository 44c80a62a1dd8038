"""Cards of customers as older clients know them: sources that can be charged by default."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hazina.customers import changes
from hazina.customers.customer import Customer
from hazina.customers.keeping import Keeping
from hazina.customers.service import Customers
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.merchants.merchant import Caller
from hazina.paging import Page
from hazina.payment_methods import changes as method_changes
from hazina.payment_methods.method import PaymentMethod
from hazina.payment_methods.service import Made, PaymentMethods, legacy_billing
from hazina.payment_methods.view import source_view
from hazina.refusals import Code, Refusal, shown_id


class Sources:
    """Cards that customers keep as sources. Each is a payment method too, under the same id."""

    def __init__(
        self,
        idempotency: Idempotency,
        customers: Customers,
        keeping: Keeping,
        methods: PaymentMethods,
    ) -> None:
        self._idempotency = idempotency
        self._customers = customers
        self._keeping = keeping
        self._methods = methods

    async def create(
        self,
        caller: Caller,
        customer_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Add a card to a customer; the first one becomes the default."""

        async def load() -> tuple[Customer, Made, datetime]:
            customer = await self._customers.present(caller, customer_id, "customer")
            made = await self._methods.make_source(caller.merchant, params["source"])
            return customer, made, await self._methods.now(caller.merchant, customer_id)

        def decide(loaded: tuple[Customer, Made, datetime]) -> OneUnit:
            customer, made, now = loaded
            moment = self._methods.deciding(caller, idempotency, now)
            method = made.method.changed(_metadata(params), moment.now)
            card, parts = method_changes.attach(moment, method, customer.id)
            default = customer.default_source or card.id
            after = customer.changed({"default_source": default})
            parts += made.changes + changes.update(moment, customer, after)
            return OneUnit(parts.unit(customer.merchant_id), source_view(card))

        return await self._once(caller, idempotency, load, decide)

    async def update(
        self,
        caller: Caller,
        customer_id: str,
        source_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Change a card's name, address, expiry or metadata."""

        async def load() -> tuple[PaymentMethod, datetime]:
            before = await self._source(caller, customer_id, source_id)
            return before, await self._methods.now(caller.merchant, customer_id)

        def decide(loaded: tuple[PaymentMethod, datetime]) -> OneUnit:
            before, now = loaded
            moment = self._methods.deciding(caller, idempotency, now)
            after = before.changed(_wanted(before, params), moment.now)
            parts = method_changes.update(moment, before, after)
            return OneUnit(parts.unit(before.merchant_id), source_view(after))

        return await self._once(caller, idempotency, load, decide)

    async def delete(
        self,
        caller: Caller,
        customer_id: str,
        source_id: str,
        idempotency: IdempotencyRequest | None = None,
    ) -> Answer:
        """Take a card from a customer; the newest that is left becomes the default."""

        async def load() -> tuple[Customer, PaymentMethod, str | None, datetime]:
            source = await self._source(caller, customer_id, source_id)
            customer = await self._customers.present(caller, customer_id, "customer")
            following = await self._keeping.next_source(caller, customer, source)
            return (
                customer,
                source,
                following,
                await self._methods.now(caller.merchant, customer_id),
            )

        def decide(loaded: tuple[Customer, PaymentMethod, str | None, datetime]) -> OneUnit:
            customer, before, next_source, now = loaded
            moment = self._methods.deciding(caller, idempotency, now)
            _, parts = method_changes.detach(moment, before)
            parts += changes.update(moment, customer, customer.without(before.id, next_source))
            shown = {"id": before.id, "object": "card", "deleted": True}
            return OneUnit(parts.unit(customer.merchant_id), shown)

        return await self._once(caller, idempotency, load, decide)

    async def retrieve(self, caller: Caller, customer_id: str, source_id: str) -> dict[str, Any]:
        """Return one card of a customer. Refuses `resource_missing`."""
        return source_view(await self._source(caller, customer_id, source_id))

    async def find(self, caller: Caller, source_id: str) -> dict[str, Any]:
        """Return a card, whosever it is. Refuses `resource_missing`."""
        return source_view(await self._methods.stored(caller.merchant, source_id, "source"))

    async def list(
        self, caller: Caller, customer_id: str, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return a customer's cards, newest first, and whether there are more."""
        await self._customers.present(caller, customer_id, "customer")
        wanted = {"customer": customer_id, "sources": True}
        if filters.get("object", "card") != "card":
            return [], False
        found, more = await self._methods.page(caller.merchant, wanted, page)
        return [source_view(method) for method in found], more

    async def _source(self, caller: Caller, customer_id: str, source_id: str) -> PaymentMethod:
        await self._customers.present(caller, customer_id, "customer")
        method = await self._methods.find_stored(caller.merchant, source_id)
        if method is None or not method.is_source or method.customer != customer_id:
            raise Refusal(
                Code.RESOURCE_MISSING,
                f"Customer {customer_id} does not have a card with ID {shown_id(source_id)}",
                param="id",
            )
        return method

    async def _once(
        self, caller: Caller, idempotency: IdempotencyRequest | None, load: Any, decide: Any
    ) -> Answer:
        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)


def _metadata(params: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": params["metadata"]} if "metadata" in params else {}


def _wanted(before: PaymentMethod, params: dict[str, Any]) -> dict[str, Any]:
    """Return a legacy card's parameters as those of a payment method."""
    wanted = _metadata(params)
    expiry = {name: params[name] for name in ("exp_month", "exp_year") if name in params}
    if expiry:
        wanted["card"] = expiry
    billing: dict[str, Any] = legacy_billing(params)
    if "address" in billing:
        billing["address"] = (before.billing_details.get("address") or {}) | billing["address"]
    if "name" in params:
        billing["name"] = params["name"]
    if billing:
        wanted["billing_details"] = billing
    return wanted
