"""Which screen a visitor sees, decided from the session and its payment alone."""

from __future__ import annotations

from enum import Enum
from typing import Any

from hazina.checkout.session import Session, Status
from hazina.checkout.visits import Visit
from hazina.money.currency import formatted


class Screen(Enum):
    """The screens of the page."""

    FORM = "form"
    BANK = "bank"
    ASKING = "asking"
    COMPLETE = "complete"
    EXPIRED = "expired"


def screen(visit: Visit) -> Screen:
    """Return the screen for a session that has just followed its payment."""
    match visit.session.status:
        case Status.COMPLETE:
            return Screen.COMPLETE
        case Status.EXPIRED:
            return Screen.EXPIRED
    status = visit.intent["status"] if visit.intent is not None else None
    if status == "processing":
        return Screen.ASKING
    if status == "requires_action" and bank_url(visit) is not None:
        return Screen.BANK
    return Screen.FORM


def under_way(visit: Visit) -> bool:
    """Tell whether an attempt that was just begun may still be without any outcome."""
    if screen(visit) is not Screen.FORM or visit.intent is None:
        return False
    return visit.intent["last_payment_error"] is None


def bank_url(visit: Visit) -> str | None:
    """Return where the customer authenticates, if the payment waits for it."""
    action = (visit.intent or {}).get("next_action") or {}
    url: str | None = (action.get("redirect_to_url") or {}).get("url")
    return url


def decline(visit: Visit) -> str | None:
    """Return the sentence about the last attempt, if it failed."""
    error = (visit.intent or {}).get("last_payment_error")
    if not error:
        return None
    if error.get("code") == "payment_intent_authentication_failure":
        return "Your bank could not confirm that it is you, so nothing was charged."
    message = str(error.get("message") or "The card was declined.").strip()
    return message if message.endswith(".") else f"{message}."


def success_url(session: Session) -> str | None:
    """Return where a completed session leads, with its id put in; None for our own screen."""
    sent = session.details.get("success_url")
    if sent is not None:
        return str(sent).replace("{CHECKOUT_SESSION_ID}", session.id)
    after = session.details.get("after_completion") or {}
    url: str | None = (after.get("redirect") or {}).get("url")
    return url.replace("{CHECKOUT_SESSION_ID}", session.id) if url else None


_VERBS = {"book": "Book", "donate": "Donate"}


def sale(visit: Visit) -> dict[str, Any]:
    """Return what every screen shows: who sells what for how much."""
    session = visit.session
    after = (session.details.get("after_completion") or {}).get("hosted_confirmation") or {}
    return {
        "seller": visit.merchant.business_name, "test_mode": not visit.merchant.livemode,
        "total": formatted(session.amount, session.currency),
        "verb": _VERBS.get(session.details.get("submit_type", ""), "Pay"),
        "cancel_url": session.details.get("cancel_url"), "session_id": session.id,
        "message": after.get("custom_message"),
        "items": [
            {
                "name": item["name"], "about": item["about"], "quantity": item["quantity"],
                "unit": formatted(item["price"]["unit_amount"], session.currency),
                "amount": formatted(
                    item["price"]["unit_amount"] * item["quantity"], session.currency
                ),
            }
            for item in session.line_items
        ],
    }  # fmt: skip
