"""One door to the catalog: create, change, delete, read back and list products and prices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hazina.catalog import price as prices
from hazina.catalog import product as products
from hazina.catalog.draft import Draft
from hazina.catalog.price import Price
from hazina.catalog.product import Product
from hazina.catalog.view import deleted_view, price_view, product_view
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Claim, Delete, RowVersion, Update
from hazina.events.service import Cause
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller
from hazina.paging import Page, created_bounds, read_page
from hazina.refusals import Code, Refusal, shown_id

_LOOKUP = "price_lookup_key"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Around:
    """A price's surroundings as they were read: its product, and who holds which lookup key."""

    product: Product | None = None
    old_key: Row | None = None
    new_key: Row | None = None
    key_holder: Price | None = None


class Catalog:
    """Products and prices of the calling merchant; no other merchant's can be seen or touched."""

    def __init__(self, reader: Reader, idempotency: Idempotency, clocks: Clocks, ids: Ids) -> None:
        self._reader = reader
        self._idempotency = idempotency
        self._clocks = clocks
        self._ids = ids

    # Products

    async def create_product(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Add a product, and with `default_price_data` its first price in the same unit.

        Refuses `resource_already_exists` for an id that was used before.
        """

        async def load() -> None:
            await self._check_new(caller, params.get("id"))

        def decide(draft: Draft, _: None) -> OneUnit:
            product = draft.new_product(params)
            first = params.get("default_price_data")
            if first is not None:
                price = draft.new_price(first, product.id)
                product = replace(product, default_price=price.id, prices=1)
                draft.add_price(price)
            draft.add_product(product)
            return OneUnit(draft.unit(), product_view(product))

        return await self._once(caller, idempotency, load, decide)

    async def update_product(
        self,
        caller: Caller,
        product_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Change a product. Refuses `resource_missing`, and a default price of another product."""

        async def load() -> tuple[Product, Price | None]:
            price_id = params.get("default_price")
            price = await self.price(caller, price_id, "default_price") if price_id else None
            return await self.product(caller, product_id), price

        def decide(draft: Draft, loaded: tuple[Product, Price | None]) -> OneUnit:
            before, price = loaded
            if price is not None:
                _check_default(before, price)
                draft.relies_on.append(RowVersion("price", price.key, price.version))
            after = before.changed(params, draft.now)
            draft.put_product(before, after)
            return OneUnit(draft.unit(), product_view(after))

        return await self._once(caller, idempotency, load, decide)

    async def delete_product(
        self, caller: Caller, product_id: str, idempotency: IdempotencyRequest | None = None
    ) -> Answer:
        """Delete a product that never had a price. Refuses `resource_missing`, `product_in_use`."""

        async def load() -> Product:
            return await self.product(caller, product_id)

        def decide(draft: Draft, before: Product) -> OneUnit:
            if before.prices:
                raise Refusal(
                    Code.PRODUCT_IN_USE,
                    f"{before.id} cannot be deleted because it has prices; set active=false "
                    "instead.",
                    param="id",
                )
            draft.put_product(before, before.erased(draft.now))
            return OneUnit(draft.unit(), deleted_view(before.id))

        return await self._once(caller, idempotency, load, decide)

    async def product(self, caller: Caller, product_id: str, param: str = "id") -> Product:
        """Return a product. Refuses `resource_missing` when it is unknown or deleted."""
        row = await self._reader.get("product", (caller.merchant.merchant_id, product_id))
        if row is None or row["deleted"]:
            raise _missing("product", product_id, param)
        return products.from_row(row, caller.merchant.livemode)

    async def list_products(
        self, caller: Caller, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return products from the newest to the oldest, and whether there are more."""
        cursor = page.cursor
        cursor_created = None
        if cursor is not None:
            cursor_created = (await self.product(caller, cursor.object_id, cursor.param)).created
        wanted = {name: filters.get(name) for name in ("active", "ids", "shippable", "url")}
        wanted["cursor_created"] = cursor_created
        rows, more = await self._page("product_list", caller, filters, wanted, page)
        livemode = caller.merchant.livemode
        return [product_view(products.from_row(row, livemode)) for row in rows], more

    # Prices

    async def create_price(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Add a price to a product, or with `product_data` to a new one.

        Refuses `resource_missing` for the product, and `resource_already_exists` for a lookup key
        that another price holds, unless `transfer_lookup_key` is set.
        """
        if ("product" in params) == ("product_data" in params):
            raise Refusal(
                Code.PARAMETER_MISSING,
                "Send one of these params: product, product_data.",
                param="product",
            )
        lookup_key = params.get("lookup_key")

        async def load() -> _Around:
            if "product_data" in params:
                await self._check_new(caller, params["product_data"].get("id"))
            return await self._around(caller, params.get("product"), lookup_key)

        def decide(draft: Draft, around: _Around) -> OneUnit:
            if around.product is not None:
                price = draft.new_price(params, around.product.id)
                counted = replace(around.product, prices=around.product.prices + 1)
                draft.put_product(around.product, counted)
            else:
                product = draft.new_product(params["product_data"])
                price = draft.new_price(params, product.id)
                draft.add_product(replace(product, prices=1))
            _hold_key(draft, around, None, price, bool(params.get("transfer_lookup_key")))
            draft.add_price(price)
            return OneUnit(draft.unit(), price_view(price))

        return await self._once(caller, idempotency, load, decide)

    async def update_price(
        self,
        caller: Caller,
        price_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Change what is said about a price. Refuses `resource_missing`.

        A product's default price cannot be made inactive (`price_in_use`).
        """

        async def load() -> tuple[Price, _Around]:
            price = await self.price(caller, price_id)
            product = price.product if params.get("active") is False else None
            if "lookup_key" not in params or params["lookup_key"] == price.lookup_key:
                return price, await self._around(caller, product)
            new = params["lookup_key"]
            return price, await self._around(caller, product, new, price.lookup_key)

        def decide(draft: Draft, loaded: tuple[Price, _Around]) -> OneUnit:
            before, around = loaded
            if around.product is not None:
                draft.rely_on_product(around.product)
                _check_not_default(around.product, before)
            after = before.changed(params)
            _hold_key(draft, around, before, after, bool(params.get("transfer_lookup_key")))
            draft.put_price(before, after)
            return OneUnit(draft.unit(), price_view(after))

        return await self._once(caller, idempotency, load, decide)

    async def price(self, caller: Caller, price_id: str, param: str = "id") -> Price:
        """Return a price. Refuses `resource_missing`."""
        row = await self._reader.get("price", (caller.merchant.merchant_id, price_id))
        if row is None:
            raise _missing("price", price_id, param)
        return prices.from_row(row, caller.merchant.livemode)

    async def list_prices(
        self, caller: Caller, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return prices from the newest to the oldest, and whether there are more."""
        if page.cursor is not None:
            await self.price(caller, page.cursor.object_id, page.cursor.param)
        names = ("active", "currency", "lookup_keys", "product", "type")
        wanted = {name: filters.get(name) for name in names}
        rows, more = await self._page("price_list", caller, filters, wanted, page)
        livemode = caller.merchant.livemode
        return [price_view(prices.from_row(row, livemode)) for row in rows], more

    async def retrieve(self, caller: Caller, kind: str, object_id: str) -> dict[str, Any]:
        """Render a product or a price. Refuses `resource_missing`."""
        if kind == "product":
            return product_view(await self.product(caller, object_id))
        assert kind == "price"
        return price_view(await self.price(caller, object_id))

    # How it is done

    async def _once(
        self,
        caller: Caller,
        idempotency: IdempotencyRequest | None,
        load: Callable[[], Awaitable[T]],
        decide: Callable[[Draft, T], OneUnit],
    ) -> Answer:
        """Do work that is one unit, drafted at the merchant's moment."""
        merchant = caller.merchant
        cause = Cause(caller.request_id, idempotency.key if idempotency else None)

        async def loaded() -> tuple[Draft, T]:
            now = await self._clocks.now(merchant)
            return Draft(merchant, now, self._ids, cause), await load()

        def decided(found: tuple[Draft, T]) -> OneUnit:
            return decide(*found)

        return await self._idempotency.run_once(idempotency, merchant.merchant_id, loaded, decided)

    async def _check_new(self, caller: Caller, product_id: str | None) -> None:
        key = (caller.merchant.merchant_id, product_id)
        if product_id is not None and await self._reader.get("product", key) is not None:
            raise Refusal(
                Code.RESOURCE_ALREADY_EXISTS,
                f"A product with the id '{shown_id(product_id)}' exists or once existed; choose "
                "another id, or leave it out.",
                param="id",
            )

    async def _around(
        self,
        caller: Caller,
        product_id: str | None,
        new_key: str | None = None,
        old_key: str | None = None,
    ) -> _Around:
        merchant_id = caller.merchant.merchant_id
        product = await self.product(caller, product_id, "product") if product_id else None
        old = await self._reader.get(_LOOKUP, (merchant_id, old_key)) if old_key else None
        new = await self._reader.get(_LOOKUP, (merchant_id, new_key)) if new_key else None
        holder = None if new is None else await self.price(caller, new["price"])
        return _Around(product, old, new, holder)

    async def _page(
        self,
        query: str,
        caller: Caller,
        filters: Mapping[str, Any],
        wanted: dict[str, Any],
        page: Page,
    ) -> tuple[list[Row], bool]:
        merchant = {"merchant_id": caller.merchant.merchant_id}
        parameters = wanted | merchant | created_bounds(filters)
        return await read_page(self._reader.query, query, page, parameters)


def _hold_key(
    draft: Draft, around: _Around, before: Price | None, after: Price, transfer: bool
) -> None:
    """Write who holds the lookup keys that a price gives up and takes.

    Refuses `resource_already_exists` for a key of another price, unless it is transferred.
    """
    merchant_id = after.merchant_id
    if around.old_key is not None and before is not None:
        old = (merchant_id, before.lookup_key)
        draft.relies_on.append(RowVersion(_LOOKUP, old, around.old_key["version"]))
        draft.writes.append(Delete(_LOOKUP, old, around.old_key["version"]))
    if after.lookup_key is None or (before and before.lookup_key == after.lookup_key):
        return
    row, holder = around.new_key, around.key_holder
    if row is None or holder is None:
        taken = {"merchant_id": merchant_id, "lookup_key": after.lookup_key, "price": after.id}
        draft.claims.append(Claim(_LOOKUP, taken))
        return
    if not transfer:
        raise Refusal(
            Code.RESOURCE_ALREADY_EXISTS,
            f"A price ({holder.id}) already uses that lookup key. Send transfer_lookup_key=true "
            "to move the key to this price.",
            param="lookup_key",
        )
    key = (merchant_id, after.lookup_key)
    draft.relies_on.append(RowVersion(_LOOKUP, key, row["version"]))
    draft.writes.append(Update(_LOOKUP, key, row["version"], {"price": after.id}))
    draft.put_price(holder, holder.without_lookup_key())


def _check_default(product: Product, price: Price) -> None:
    if price.product != product.id or not price.active:
        raise Refusal(
            Code.PARAMETER_INVALID,
            f"{price.id} cannot be the default price of {product.id}: use an active price of this "
            "product.",
            param="default_price",
        )


def _check_not_default(product: Product, price: Price) -> None:
    if product.default_price == price.id:
        raise Refusal(
            Code.PRICE_IN_USE,
            f"{price.id} is the default price of {product.id} and cannot be archived; give the "
            "product another default price first.",
            param="active",
        )


def _missing(kind: str, object_id: str, param: str) -> Refusal:
    return Refusal(Code.RESOURCE_MISSING, f"No such {kind}: '{shown_id(object_id)}'", param=param)
