"""The public shapes of payment methods, cards of customers and tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from hazina.clock import unix
from hazina.payment_methods.bank_methods import CustomerBalance, SepaDebit
from hazina.payment_methods.card import Card
from hazina.payment_methods.method import PaymentMethod
from hazina.payment_methods.token import Token

_BILLING = ("address", "email", "name", "phone", "tax_id")


def method_view(method: PaymentMethod) -> dict[str, Any]:
    """Render a PaymentMethod (docs.stripe.com/api/payment_methods/object)."""
    return {
        "id": method.id, "object": "payment_method", "allow_redisplay": method.allow_redisplay,
        "billing_details": billing_view(method.billing_details),
        method.type: _part(method), "created": unix(method.created),
        "customer": method.customer, "customer_account": None, "livemode": method.livemode,
        "metadata": dict(method.metadata), "type": method.type,
    }  # fmt: skip


def _part(method: PaymentMethod) -> dict[str, Any]:
    match method.instrument:
        case Card() as card:
            return _card_of_method(card)
        case SepaDebit() as account:
            generated = {"charge": None, "setup_attempt": None}
            return account.details() | {"generated_from": generated}
        case CustomerBalance() as transfer:
            return transfer.details()
        case _ as never:
            assert_never(never)


def billing_view(details: Any) -> dict[str, Any]:
    """Render billing details; what is not known is null."""
    shown = {name: details.get(name) for name in _BILLING}
    shown["address"] = address_view(shown["address"])
    return shown


_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def address_view(address: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Render an address; what is not known of it is null."""
    return None if address is None else {name: address.get(name) for name in _ADDRESS}


def shipping_view(shipping: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Render to whom and where something is sent."""
    if shipping is None:
        return None
    return dict(shipping) | {"address": address_view(shipping.get("address"))}


def _card_of_method(card: Card) -> dict[str, Any]:
    return card.details() | {
        "checks": {
            "address_line1_check": None, "address_postal_code_check": None,
            "cvc_check": card.cvc_check,
        },
        "display_brand": card.brand, "generated_from": None,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.three_d_secure}, "wallet": None,
    }  # fmt: skip


_BRANDS = {
    "amex": "American Express", "diners": "Diners Club", "discover": "Discover", "jcb": "JCB",
    "mastercard": "MasterCard", "unionpay": "UnionPay", "visa": "Visa",
}  # fmt: skip


def source_view(method: PaymentMethod) -> dict[str, Any]:
    """Render a customer's card as older clients know it (docs.stripe.com/api/cards/object)."""
    return legacy_card(
        method.id, method.card, method.billing_details, method.customer, dict(method.metadata)
    )


def token_view(token: Token, livemode: bool) -> dict[str, Any]:
    """Render a Token (docs.stripe.com/api/tokens/object)."""
    card = legacy_card(token.card_id, token.card, token.billing_details, None, {})
    return {
        "id": token.id, "object": "token", "card": card, "client_ip": None,
        "created": unix(token.created), "livemode": livemode, "type": "card", "used": token.used,
    }  # fmt: skip


def legacy_card(
    card_id: str, card: Card, billing: Any, customer: str | None, metadata: dict[str, str]
) -> dict[str, Any]:
    """Render a card as older clients know it."""
    address = billing.get("address") or {}
    return {
        "id": card_id, "object": "card", "address_city": address.get("city"),
        "address_country": address.get("country"), "address_line1": address.get("line1"),
        "address_line1_check": None, "address_line2": address.get("line2"),
        "address_state": address.get("state"), "address_zip": address.get("postal_code"),
        "address_zip_check": None, "allow_redisplay": "unspecified",
        "brand": _BRANDS.get(card.brand, "Unknown"), "country": card.country,
        "customer": customer, "cvc_check": card.cvc_check, "dynamic_last4": None,
        "exp_month": card.exp_month, "exp_year": card.exp_year,
        "fingerprint": card.fingerprint, "funding": card.funding, "last4": card.last4,
        "metadata": metadata, "name": billing.get("name"),
        "regulated_status": "unregulated", "tokenization_method": None,
    }  # fmt: skip
