"""The public shape of an account, alike in answers and events."""

from __future__ import annotations

from typing import Any

from hazina.clock import unix
from hazina.merchants.merchant import Merchant

_PROFILE = dict.fromkeys(
    ("mcc", "minority_owned_business_designation", "name", "product_description",
     "specified_commercial_transactions_act_url", "support_address", "support_email",
     "support_phone", "support_url", "url")
)  # fmt: skip
_NOTHING_DUE: dict[str, Any] = {
    "alternatives": None, "current_deadline": None, "currently_due": [], "disabled_reason": None,
    "errors": [], "eventually_due": [], "past_due": [], "pending_verification": [],
}  # fmt: skip


def view(merchant: Merchant) -> dict[str, Any]:
    """Render a merchant as Stripe's Account."""
    details = merchant.details
    kind = details.get("type") or "standard"
    active = merchant.charges_enabled
    reason = f"rejected.{merchant.rejected}" if merchant.rejected else None
    shown: dict[str, Any] = {
        "id": merchant.account_id,
        "object": "account",
        "business_profile": _PROFILE | (details.get("business_profile") or {}),
        "business_type": details.get("business_type"),
        "capabilities": _capabilities(merchant, active),
        "charges_enabled": active,
        "country": merchant.country,
        "created": unix(merchant.created),
        "default_currency": merchant.default_currency,
        "details_submitted": True,
        "email": merchant.email,
        "metadata": dict(merchant.metadata),
        # There are no payouts yet: nothing that is asked of an account stands in their way.
        "payouts_enabled": False,
        "requirements": _NOTHING_DUE | {"disabled_reason": reason},
        "type": kind,
    }
    if merchant.platform is not None:
        shown["controller"] = {"type": "account"} | (details.get("controller") or {})
    if details.get("tos_acceptance"):
        shown["tos_acceptance"] = details["tos_acceptance"]
    return shown


def previous_attributes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the old values of what differs, as update events carry them."""
    return {name: before.get(name) for name in after if before.get(name) != after[name]}


def _capabilities(merchant: Merchant, active: bool) -> dict[str, str]:
    """Say what the account can do: card payments at once, transfers not yet."""
    shown = {"card_payments": "active" if active else "inactive"}
    asked = merchant.details.get("capabilities") or {}
    for name in sorted(asked.keys() - shown.keys()):
        shown[name] = "inactive"
    return shown
