"""One door to payment links: create, change, read back and list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from hazina.catalog.draft import Draft as CatalogDraft
from hazina.catalog.service import Catalog
from hazina.catalog.view import previous_attributes
from hazina.checkout import items
from hazina.checkout.items import Wanted
from hazina.checkout.link import TABLE, PaymentLink, changes, from_row, to_row
from hazina.checkout.service import check_test_mode
from hazina.checkout.view import link_view
from hazina.db.reader import Reader
from hazina.db.unit import Insert, RowVersion, Unit, Update
from hazina.events.service import Cause, record
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller
from hazina.paging import Page, read_page
from hazina.refusals import Code, Refusal, shown_id


class PaymentLinks:
    """Payment links of the calling merchant; no other merchant's can be seen or touched."""

    def __init__(
        self, *, reader: Reader, idempotency: Idempotency, clocks: Clocks, ids: Ids,
        catalog: Catalog, public_url: str,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._idempotency = idempotency
        self._clocks = clocks
        self._ids = ids
        self._catalog = catalog
        self._public_url = public_url

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Make a link. One that offers a recurring price is made inactive: nothing sells it.

        Refuses `not_supported` in live mode, and `resource_missing` for a price or product.
        """
        merchant = caller.merchant
        check_test_mode(merchant.livemode)

        async def load() -> tuple[list[Wanted], datetime]:
            wanted = await items.find(self._catalog, caller, params["line_items"])
            return wanted, await self._clocks.now(merchant)

        def decide(loaded: tuple[list[Wanted], datetime]) -> OneUnit:
            wanted, now = loaded
            cause = Cause(caller.request_id, idempotency.key if idempotency else None)
            draft = CatalogDraft(merchant, now, self._ids, cause)
            sold = items.make(draft, wanted)
            blank = PaymentLink(
                merchant.merchant_id, self._ids.new("plink"), now,
                sold[0]["price"]["currency"], sold,
            )  # fmt: skip
            link = replace(blank.changed(params), revision=1)
            link = replace(link, active=not link.recurring)
            shown = self._shown(link, caller)
            draft.writes.append(Insert(TABLE, to_row(link)))
            draft.writes.append(self._event(caller, "payment_link.created", link, cause, now))
            return OneUnit(draft.unit(), shown)

        return await self._idempotency.run_once(idempotency, merchant.merchant_id, load, decide)

    async def update(
        self,
        caller: Caller,
        link_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Change what later visits are offered. Refuses `resource_missing`."""

        async def load() -> tuple[PaymentLink, datetime]:
            return await self.link(caller, link_id), await self._clocks.now(caller.merchant)

        def decide(loaded: tuple[PaymentLink, datetime]) -> OneUnit:
            before, now = loaded
            after = before.changed(params)
            if after.active and after.recurring:
                raise Refusal(
                    Code.NOT_SUPPORTED,
                    f"{link_id} offers a recurring price, and nothing here charges again by "
                    "itself: make a link with a one-off price.",
                    param="active",
                )
            shown = self._shown(after, caller)
            if after == before:
                return OneUnit(Unit(before.merchant_id), shown)
            cause = Cause(caller.request_id, idempotency.key if idempotency else None)
            previous = previous_attributes(self._shown(before, caller), shown)
            event = self._event(caller, "payment_link.updated", after, cause, now, previous)
            unit = Unit(
                before.merchant_id,
                relies_on=(RowVersion(TABLE, before.key, before.version),),
                writes=(
                    Update(TABLE, before.key, before.version, changes(before, after)), event,
                ),
            )  # fmt: skip
            return OneUnit(unit, shown)

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def link(self, caller: Caller, link_id: str, param: str = "id") -> PaymentLink:
        """Return a link. Refuses `resource_missing`."""
        row = await self._reader.get(TABLE, (caller.merchant.merchant_id, link_id))
        if row is None:
            raise Refusal(
                Code.RESOURCE_MISSING, f"No such payment_link: '{shown_id(link_id)}'", param=param
            )
        return from_row(row)

    async def retrieve(self, caller: Caller, link_id: str) -> dict[str, Any]:
        """Render a link. Refuses `resource_missing`."""
        return self._shown(await self.link(caller, link_id), caller)

    async def list(
        self, caller: Caller, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return links from the newest to the oldest, and whether there are more."""
        if page.cursor is not None:
            await self.link(caller, page.cursor.object_id, page.cursor.param)
        parameters = {
            "merchant_id": caller.merchant.merchant_id, "active": filters.get("active")
        }  # fmt: skip
        rows, more = await read_page(self._reader.query, "payment_link_list", page, parameters)
        return [self._shown(from_row(row), caller) for row in rows], more

    def _shown(self, link: PaymentLink, caller: Caller) -> dict[str, Any]:
        return link_view(link, caller.merchant.livemode, self._public_url)

    def _event(
        self, caller: Caller, type: str, link: PaymentLink, cause: Cause, now: datetime,
        previous: dict[str, Any] | None = None,
    ) -> Insert:  # fmt: skip
        return record(
            merchant_id=link.merchant_id, livemode=caller.merchant.livemode,
            event_id=self._ids.new("evt"), type=type, object_view=self._shown(link, caller),
            object_id=link.id, sequence=link.revision, created=now,
            request_id=cause.request_id, idempotency_key=cause.idempotency_key,
            previous_attributes=previous,
        )  # fmt: skip
