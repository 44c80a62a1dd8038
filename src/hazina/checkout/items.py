"""Line items: what a session or a link sells, as it was when it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hazina.catalog.draft import Draft as CatalogDraft
from hazina.catalog.price import Price
from hazina.catalog.product import Product
from hazina.catalog.service import Catalog
from hazina.catalog.view import price_view
from hazina.merchants.merchant import Caller
from hazina.money.currency import check_charge
from hazina.refusals import Code, Refusal

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One requested item as it was read: its parameters, and what they refer to."""

    params: dict[str, Any]
    name: str
    price: Price | None
    product: Product | None


async def find(catalog: Catalog, caller: Caller, sent: list[dict[str, Any]]) -> list[Wanted]:
    """Read what the items refer to.

    Refuses `resource_missing`, `parameter_missing`, and `parameter_invalid` for what is not active.
    """
    found = []
    for index, params in enumerate(sent):
        name = f"line_items[{index}]"
        price_id, data = params.get("price"), params.get("price_data")
        if (price_id is None) == (data is None):
            raise Refusal(
                Code.PARAMETER_MISSING,
                f"Send one of these params for {name}: price, price_data.",
                param=f"{name}[price]",
            )
        price = None
        if price_id is not None:
            price = await catalog.price(caller, price_id, f"{name}[price]")
            product_id = price.product
        else:
            assert data is not None
            if ("product" in data) == ("product_data" in data):
                raise Refusal(
                    Code.PARAMETER_MISSING,
                    f"Send one of these params for {name}[price_data]: product, product_data.",
                    param=f"{name}[price_data][product]",
                )
            product_id = data.get("product")
        product = await catalog.product(caller, product_id, name) if product_id else None
        _check_active(price, product, name)
        found.append(Wanted(params, name, price, product))
    return found


def make(draft: CatalogDraft, wanted: list[Wanted]) -> list[Item]:
    """Return the items; inline prices and products are added to the draft.

    Refuses several currencies in one sale, and an amount that cannot be charged.
    """
    items = [_make(draft, one) for one in wanted]
    currencies = sorted({item["price"]["currency"] for item in items})
    if len(currencies) > 1:
        raise Refusal(
            Code.PARAMETER_INVALID,
            f"All line items must have one currency; these have {', '.join(currencies)}.",
            param="line_items",
        )
    check_charge(total(items), currencies[0])
    return items


def total(items: list[Item]) -> int:
    """Return what all items cost together, in minor units."""
    return sum(item["price"]["unit_amount"] * item["quantity"] for item in items)


def refuse_recurring(wanted: list[Wanted]) -> None:
    """Refuse `not_supported` for a recurring price: payments are taken once here."""
    for one in wanted:
        if one.price is not None and one.price.recurring is not None:
            raise Refusal(
                Code.NOT_SUPPORTED,
                f"{one.price.id} recurs, and nothing here charges again by itself: use a one-off "
                "price.",
                param=f"{one.name}[price]",
            )


def again(item: Item, item_id: str) -> Item:
    """Return an item of a link as an item of a session that it opens."""
    return item | {"id": item_id}


def item_view(item: Item) -> dict[str, Any]:
    """Render a line item (docs.stripe.com/api/checkout/sessions/line_items)."""
    amount = item["price"]["unit_amount"] * item["quantity"]
    return {
        "id": item["id"], "object": "item", "adjustable_quantity": None, "amount_discount": 0,
        "amount_subtotal": amount, "amount_tax": 0, "amount_total": amount,
        "currency": item["price"]["currency"], "description": item["name"], "metadata": None,
        "price": dict(item["price"]), "quantity": item["quantity"],
    }  # fmt: skip


def list_view(url: str, items: list[Item], limit: int = 10) -> dict[str, Any]:
    """Render the list of items that stands inside a session or link that is expanded."""
    data = [item_view(item) for item in items[:limit]]
    return {"object": "list", "url": url, "has_more": len(items) > limit, "data": data}


def _make(draft: CatalogDraft, wanted: Wanted) -> Item:
    price, product = wanted.price, wanted.product
    if price is None:
        data = wanted.params["price_data"]
        if product is None:
            product = draft.new_product(data["product_data"])
            draft.add_product(product)
        else:
            draft.rely_on_product(product)
        price = draft.new_price(data, product.id, inline=True)
        draft.add_price(price)
    assert product is not None, "a price has a product"
    return {
        "id": draft.ids.new("li"), "price": price_view(price), "name": product.name,
        "about": product.details.get("description"), "quantity": wanted.params["quantity"],
    }  # fmt: skip


def _check_active(price: Price | None, product: Product | None, name: str) -> None:
    inactive = next((one.id for one in (price, product) if one and not one.active), None)
    if inactive is not None:
        raise Refusal(
            Code.PARAMETER_INVALID,
            f"{inactive} is not active and cannot be sold; make it active, or use another price.",
            param=f"{name}[price]",
        )
