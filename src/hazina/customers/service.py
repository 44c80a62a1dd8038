"""One door to customers: create, change, delete, read back and list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hazina.clock import Clock
from hazina.customers.customer import Customer, changes, from_row, to_row
from hazina.customers.view import previous_attributes, view
from hazina.db.reader import Reader
from hazina.db.unit import Insert, RowVersion, Unit, Update
from hazina.events import service as events
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.merchant import Caller
from hazina.paging import Page
from hazina.refusals import Code, Refusal, shown_id

_TABLE = "customer"


class Customers:
    """Customers of the calling merchant; no other merchant's can be seen or touched."""

    def __init__(self, reader: Reader, idempotency: Idempotency, clock: Clock, ids: Ids) -> None:
        self._reader = reader
        self._idempotency = idempotency
        self._clock = clock
        self._ids = ids

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Add a customer and say so in the event log."""
        merchant = caller.merchant
        blank = Customer(
            merchant_id=merchant.merchant_id,
            id=self._ids.new("cus"),
            created=self._clock.now(),
            livemode=merchant.livemode,
        )

        async def load() -> None:
            return None

        def decide(_: None) -> OneUnit:
            customer = replace(blank.changed(params), revision=1)
            shown = view(customer)
            event = self._event(caller, "customer.created", customer, shown, idempotency)
            unit = Unit(merchant.merchant_id, writes=(Insert(_TABLE, to_row(customer)), event))
            return OneUnit(unit, shown)

        return await self._idempotency.run_once(idempotency, merchant.merchant_id, load, decide)

    async def update(
        self,
        caller: Caller,
        customer_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Change a customer. Refuses `resource_missing` when it is unknown or deleted."""

        async def load() -> Customer:
            return await self._present(caller, customer_id)

        def decide(before: Customer) -> OneUnit:
            after = before.changed(params)
            shown = view(after)
            if after == before:
                return OneUnit(Unit(before.merchant_id), shown)
            event = self._event(
                caller, "customer.updated", after, shown, idempotency,
                previous_attributes(view(before), shown),
            )  # fmt: skip
            return OneUnit(_update(before, after, event), shown)

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def delete(
        self, caller: Caller, customer_id: str, idempotency: IdempotencyRequest | None = None
    ) -> Answer:
        """Erase a customer for good. Refuses `resource_missing` when it is unknown or deleted."""

        async def load() -> Customer:
            return await self._present(caller, customer_id)

        def decide(before: Customer) -> OneUnit:
            after = before.erased()
            # The event shows the customer as it was, as Stripe's does.
            event = self._event(caller, "customer.deleted", after, view(before), idempotency)
            return OneUnit(_update(before, after, event), view(after))

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def retrieve(self, caller: Caller, customer_id: str) -> dict[str, Any]:
        """Return a customer, or that it was deleted. Refuses `resource_missing`."""
        return view(await self._load(caller, customer_id))

    async def list(
        self, caller: Caller, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return customers from the newest to the oldest, and whether there are more.

        Refuses `resource_missing` for a cursor that is no customer of the merchant's.
        """
        cursor = page.cursor
        if cursor is not None:
            await self._load(caller, cursor.object_id, cursor.param)
        created = filters.get("created") or {}
        backwards = page.ending_before is not None
        parameters = {
            "merchant_id": caller.merchant.merchant_id,
            "after": page.starting_after,
            "before": page.ending_before,
            "email": filters.get("email"),
            "limit": page.limit + 1,
        } | {bound: created.get(bound) for bound in ("gt", "gte", "lt", "lte")}
        rows = await self._reader.query(
            "customer_list_backwards" if backwards else "customer_list", parameters
        )
        found = [view(from_row(row, caller.merchant.livemode)) for row in rows[: page.limit]]
        if backwards:
            found.reverse()
        return found, len(rows) > page.limit

    async def _load(self, caller: Caller, customer_id: str, param: str = "id") -> Customer:
        row = await self._reader.get(_TABLE, (caller.merchant.merchant_id, customer_id))
        if row is None:
            raise _missing(customer_id, param)
        return from_row(row, caller.merchant.livemode)

    async def _present(self, caller: Caller, customer_id: str) -> Customer:
        customer = await self._load(caller, customer_id)
        if customer.deleted:
            raise _missing(customer_id)
        return customer

    def _event(
        self,
        caller: Caller,
        type: str,
        customer: Customer,
        shown: dict[str, Any],
        idempotency: IdempotencyRequest | None,
        previous: dict[str, Any] | None = None,
    ) -> Insert:
        return events.record(
            merchant_id=customer.merchant_id,
            livemode=customer.livemode,
            event_id=self._ids.new("evt"),
            type=type,
            object_view=shown,
            object_id=customer.id,
            sequence=customer.revision,
            created=self._clock.now(),
            request_id=caller.request_id,
            idempotency_key=idempotency.key if idempotency else None,
            previous_attributes=previous,
        )


def _update(before: Customer, after: Customer, event: Insert) -> Unit:
    return Unit(
        before.merchant_id,
        relies_on=(RowVersion(_TABLE, before.key, before.version),),
        writes=(Update(_TABLE, before.key, before.version, changes(after)), event),
    )


def _missing(customer_id: str, param: str = "id") -> Refusal:
    message = f"No such customer: '{shown_id(customer_id)}'"
    return Refusal(Code.RESOURCE_MISSING, message, param=param)
