"""Payment methods that customers keep: attach, detach, list, and the legacy cards beside them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hazina.customers import changes
from hazina.customers.customer import Customer
from hazina.customers.service import Customers
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.merchants.merchant import Caller
from hazina.paging import Page
from hazina.payment_methods import changes as method_changes
from hazina.payment_methods.method import PaymentMethod
from hazina.payment_methods.service import PaymentMethods
from hazina.payment_methods.view import method_view
from hazina.refusals import Code, Refusal, shown_id


class Keeping:
    """What customers keep to pay with."""

    def __init__(
        self, idempotency: Idempotency, customers: Customers, methods: PaymentMethods
    ) -> None:
        self._idempotency = idempotency
        self._customers = customers
        self._methods = methods

    async def attach(
        self,
        caller: Caller,
        method_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Give a method to a customer; a well-known test method is cloned for it.

        The bank is not asked: that is what a setup intent does. Refuses `resource_missing` and
        `payment_method_unexpected_state`.
        """

        async def load() -> tuple[Customer, PaymentMethod, datetime]:
            customer = await self._customers.present(caller, params["customer"], "customer")
            method = await self._methods.keepable(caller.merchant, method_id)
            return customer, method, await self._methods.now(caller.merchant, customer.id)

        def decide(loaded: tuple[Customer, PaymentMethod, datetime]) -> OneUnit:
            customer, before, now = loaded
            moment = self._methods.deciding(caller, idempotency, now)
            after, parts = method_changes.attach(moment, before, customer.id)
            # Relied on: a customer that is being deleted meanwhile gets nothing more.
            parts += changes.update(moment, customer, customer)
            return OneUnit(parts.unit(customer.merchant_id), method_view(after))

        return await self._once(caller, idempotency, load, decide)

    async def detach(
        self, caller: Caller, method_id: str, idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Take a method from its customer, for good."""

        async def load() -> tuple[Customer | None, PaymentMethod, str | None, datetime]:
            method = await self._methods.stored(caller.merchant, method_id)
            now = await self._methods.now(caller.merchant, method.customer)
            if method.customer is None:
                return None, method, None, now
            customer = await self._customers.load(caller, method.customer)
            return customer, method, await self.next_source(caller, customer, method), now

        def decide(loaded: tuple[Customer | None, PaymentMethod, str | None, datetime]) -> OneUnit:
            customer, before, next_source, now = loaded
            moment = self._methods.deciding(caller, idempotency, now)
            after, parts = method_changes.detach(moment, before)
            assert customer is not None
            parts += changes.update(moment, customer, customer.without(before.id, next_source))
            return OneUnit(parts.unit(customer.merchant_id), method_view(after))

        return await self._once(caller, idempotency, load, decide)

    async def next_source(
        self, caller: Caller, customer: Customer, leaving: PaymentMethod
    ) -> str | None:
        """Return the newest card that would be left when one goes, as the next default."""
        if customer.default_source != leaving.id:
            return customer.default_source
        kept = await self._methods.of_customer(caller.merchant, customer.id)
        sources = [one for one in kept if one.is_source and one.id != leaving.id]
        return max(sources, key=lambda one: one.created).id if sources else None

    async def retrieve(self, caller: Caller, customer_id: str, method_id: str) -> dict[str, Any]:
        """Return one method that a customer keeps. Refuses `resource_missing`."""
        customer = await self._customers.present(caller, customer_id, "customer")
        return method_view(await self.kept(caller, customer.id, method_id))

    async def list(
        self, caller: Caller, customer_id: str, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return what a customer keeps, newest first, and whether there are more."""
        await self._customers.present(caller, customer_id, "customer")
        filters = filters | {"customer": customer_id}
        return await self._methods.list(caller, filters, page)

    async def kept(self, caller: Caller, customer_id: str, method_id: str) -> PaymentMethod:
        """Return a method that this customer keeps. Refuses `resource_missing`."""
        method = await self._methods.stored(caller.merchant, method_id)
        if method.customer != customer_id:
            raise Refusal(
                Code.RESOURCE_MISSING,
                f"The customer has no payment method '{shown_id(method_id)}'.",
                param="payment_method",
            )
        return method

    async def _once(
        self, caller: Caller, idempotency: IdempotencyRequest | None, load: Any, decide: Any
    ) -> Answer:
        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)
