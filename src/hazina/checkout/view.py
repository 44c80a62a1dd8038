"""The public shapes of sessions and payment links, alike in answers, events and lists."""

from __future__ import annotations

from typing import Any

from hazina.checkout.link import PaymentLink
from hazina.checkout.session import Session, Status
from hazina.clock import unix

_NO_TEXT = {
    "after_submit": None, "shipping_address": None, "submit": None,
    "terms_of_service_acceptance": None,
}  # fmt: skip
HOSTED = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": None}}


def session_view(session: Session, livemode: bool, public_url: str) -> dict[str, Any]:
    """Render a Session (docs.stripe.com/api/checkout/sessions/object), without its line items."""
    details = session.details
    payer = details.get("payer")
    is_open = session.status is Status.OPEN
    return {
        "id": session.id, "object": "checkout.session", "adaptive_pricing": None,
        "after_expiration": None, "allow_promotion_codes": details.get("allow_promotion_codes"),
        "allowed_payment_method_types": None, "amount_subtotal": session.amount,
        "amount_total": session.amount,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": details.get("billing_address_collection"),
        "cancel_url": details.get("cancel_url"),
        "client_reference_id": details.get("client_reference_id"), "client_secret": None,
        "collected_information": None, "consent": None, "consent_collection": None,
        "created": unix(session.created), "currency": session.currency,
        "currency_conversion": None, "custom_fields": [], "custom_text": _NO_TEXT,
        "customer": session.customer, "customer_account": None,
        "customer_creation": details.get("customer_creation"),
        "customer_details": None if payer is None and is_open else _payer(payer, details),
        "customer_email": details.get("customer_email"), "discounts": [],
        "expires_at": unix(session.expires_at), "integration_identifier": None, "invoice": None,
        "invoice_creation": None, "livemode": livemode, "locale": details.get("locale"),
        "managed_payments": None, "metadata": dict(session.metadata), "mode": "payment",
        "origin_context": None, "payment_intent": session.payment_intent,
        "payment_link": session.payment_link, "payment_method_collection": "always",
        "payment_method_configuration_details": None, "payment_method_options": {},
        "payment_method_types": ["card"], "payment_status": session.payment_status,
        "permissions": None, "phone_number_collection": {"enabled": False},
        "recovered_from": None, "saved_payment_method_options": None, "setup_intent": None,
        "shipping_address_collection": None, "shipping_cost": None, "shipping_options": [],
        "status": session.status.value, "submit_type": details.get("submit_type"),
        "subscription": None, "success_url": details.get("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page", "url": page_url(public_url, session.id) if is_open else None,
        "wallet_options": None,
    }  # fmt: skip


def page_url(public_url: str, session_id: str) -> str:
    """Return the address of a session's page."""
    return f"{public_url}/c/pay/{session_id}"


def link_view(link: PaymentLink, livemode: bool, public_url: str) -> dict[str, Any]:
    """Render a PaymentLink (docs.stripe.com/api/payment-link/object), without its line items."""
    details = link.details
    return {
        "id": link.id, "object": "payment_link", "active": link.active,
        "after_completion": details.get("after_completion") or HOSTED,
        "allow_promotion_codes": bool(details.get("allow_promotion_codes")), "application": None,
        "application_fee_amount": None, "application_fee_percent": None,
        "automatic_tax": {"enabled": False, "liability": None},
        "billing_address_collection": details.get("billing_address_collection") or "auto",
        "consent_collection": None, "currency": link.currency, "custom_fields": [],
        "custom_text": _NO_TEXT,
        "customer_creation": details.get("customer_creation") or "if_required",
        "inactive_message": details.get("inactive_message"), "invoice_creation": None,
        "livemode": livemode, "managed_payments": None, "metadata": dict(link.metadata),
        "on_behalf_of": None, "payment_intent_data": _intent_data(details),
        "payment_method_collection": "always", "payment_method_options": None,
        "payment_method_types": details.get("payment_method_types"),
        "phone_number_collection": {"enabled": False}, "restrictions": None,
        "shipping_address_collection": None, "shipping_options": [],
        "submit_type": details.get("submit_type") or "auto", "subscription_data": None,
        "tax_id_collection": {"enabled": False, "required": "never"}, "transfer_data": None,
        "url": f"{public_url}/c/link/{link.id}",
    }  # fmt: skip


def _payer(payer: dict[str, Any] | None, details: Any) -> dict[str, Any] | None:
    email = (payer or {}).get("email") or details.get("customer_email")
    if payer is None and email is None:
        return None
    name = (payer or {}).get("name")
    return {
        "address": None, "business_name": None, "email": email, "individual_name": name,
        "name": name, "phone": None, "tax_exempt": "none", "tax_ids": None,
    }  # fmt: skip


def _intent_data(details: Any) -> dict[str, Any] | None:
    data = details.get("payment_intent_data")
    if data is None:
        return None
    names = (
        "capture_method", "description", "setup_future_usage", "statement_descriptor",
        "statement_descriptor_suffix", "transfer_group",
    )  # fmt: skip
    return {name: data.get(name) for name in names} | {"metadata": data.get("metadata") or {}}
