"""The public shape of a customer, alike in answers, events and lists."""

from __future__ import annotations

from typing import Any

from hazina.clock import unix
from hazina.customers.customer import Customer
from hazina.payment_methods.view import address_view, shipping_view

_NO_INVOICE_SETTINGS = {
    "custom_fields": None,
    "default_payment_method": None,
    "footer": None,
    "rendering_options": None,
}


def view(customer: Customer) -> dict[str, Any]:
    """Render a customer; a deleted one shows only that it was."""
    if customer.deleted:
        return deleted_view(customer.id)
    details = customer.details
    shown = {
        "id": customer.id,
        "object": "customer",
        "address": address_view(details.get("address")),
        "balance": 0,
        "created": unix(customer.created),
        "currency": None,
        "customer_account": None,
        "default_source": customer.default_source,
        "delinquent": False,
        "description": details.get("description"),
        "discount": None,
        "email": customer.email,
        # Not a secret: invoice numbers start with it, and ids end in their random part.
        "invoice_prefix": customer.id[-8:].upper(),
        "invoice_settings": _NO_INVOICE_SETTINGS | (details.get("invoice_settings") or {}),
        "livemode": customer.livemode,
        "metadata": dict(customer.metadata),
        "name": details.get("name"),
        "next_invoice_sequence": 1,
        "phone": details.get("phone"),
        "preferred_locales": details.get("preferred_locales") or [],
        "shipping": shipping_view(details.get("shipping")),
        "tax_exempt": details.get("tax_exempt") or "none",
        "test_clock": customer.test_clock,
    }
    for name in ("business_name", "individual_name"):
        if name in details:
            shown[name] = details[name]
    return shown


def deleted_view(customer_id: str) -> dict[str, Any]:
    """Render a customer that is no more."""
    return {"id": customer_id, "object": "customer", "deleted": True}
