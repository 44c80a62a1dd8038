"""The public shapes of products and prices, alike in answers, events and lists."""

from __future__ import annotations

from typing import Any

from hazina.catalog.price import Price
from hazina.catalog.product import Product
from hazina.clock import unix


def product_view(product: Product) -> dict[str, Any]:
    """Render a Product (docs.stripe.com/api/products/object)."""
    details = product.details
    return {
        "id": product.id, "object": "product", "active": product.active,
        "created": unix(product.created), "default_price": product.default_price,
        "description": details.get("description"), "images": details.get("images") or [],
        "livemode": product.livemode,
        "marketing_features": details.get("marketing_features") or [],
        "metadata": dict(product.metadata), "name": product.name,
        "package_dimensions": details.get("package_dimensions"),
        "shippable": details.get("shippable"),
        "statement_descriptor": details.get("statement_descriptor"), "tax_code": None,
        "tax_details": None, "type": details.get("type") or "service",
        "unit_label": details.get("unit_label"), "updated": unix(product.updated),
        "url": details.get("url"),
    }  # fmt: skip


def deleted_view(product_id: str) -> dict[str, Any]:
    """Render a product that is no more."""
    return {"id": product_id, "object": "product", "deleted": True}


def price_view(price: Price) -> dict[str, Any]:
    """Render a Price (docs.stripe.com/api/prices/object)."""
    return {
        "id": price.id, "object": "price", "active": price.active, "billing_scheme": "per_unit",
        "created": unix(price.created), "currency": price.currency, "custom_unit_amount": None,
        "livemode": price.livemode, "lookup_key": price.lookup_key,
        "metadata": dict(price.metadata), "nickname": price.nickname, "product": price.product,
        "recurring": None if price.recurring is None else dict(price.recurring),
        "tax_behavior": price.tax_behavior, "tiers_mode": None, "transform_quantity": None,
        "type": "one_time" if price.recurring is None else "recurring",
        "unit_amount": price.unit_amount, "unit_amount_decimal": str(price.unit_amount),
    }  # fmt: skip


def previous_attributes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the old values of what differs, as update events carry them."""
    return {name: before.get(name) for name in after if before.get(name) != after[name]}
