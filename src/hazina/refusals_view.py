"""The public error object: what a refusal looks like to a client, in Stripe's shape."""

from __future__ import annotations

from typing import Any

from hazina.refusals import Code, Refusal

_API = "api_error"
_CARD = "card_error"
_IDEMPOTENCY = "idempotency_error"
_REQUEST = "invalid_request_error"

_OTHER_TYPES = {
    Code.INTERNAL: _API,
    Code.OVERLOADED: _API,
    Code.IDEMPOTENCY_KEY_REUSED: _IDEMPOTENCY,
    Code.IDEMPOTENCY_KEY_IN_USE: _IDEMPOTENCY,
    Code.CARD_DECLINED: _CARD,
    Code.EXPIRED_CARD: _CARD,
    Code.INCORRECT_CVC: _CARD,
    Code.INCORRECT_NUMBER: _CARD,
    Code.INVALID_CVC: _CARD,
    Code.INVALID_EXPIRY_MONTH: _CARD,
    Code.INVALID_EXPIRY_YEAR: _CARD,
    Code.PROCESSING_ERROR: _CARD,
    Code.AUTHENTICATION_REQUIRED: _CARD,
    Code.PAYMENT_METHOD_PROVIDER_DECLINE: _CARD,
    Code.INSUFFICIENT_FUNDS: _CARD,
    Code.CHARGE_EXCEEDS_SOURCE_LIMIT: _CARD,
    Code.CHARGE_EXCEEDS_TRANSACTION_LIMIT: _CARD,
}

TYPES: dict[Code, str] = {code: _OTHER_TYPES.get(code, _REQUEST) for code in Code}
"""The error type of each code; clients choose the class of their exception by it."""


def envelope(refusal: Refusal, docs_url: str) -> dict[str, Any]:
    """Return `{"error": {...}}`, explained below `docs_url`.

    Fields that have nothing to say are left out, never null.
    """
    code = refusal.code
    error: dict[str, Any] = {
        "type": TYPES[code],
        "code": code.value,
        "message": refusal.message,
        "doc_url": f"{docs_url}/errors#{code.value}",
    }
    if refusal.param is not None:
        error["param"] = refusal.param
    error |= {name: value for name, value in refusal.details.items() if value is not None}
    return {"error": error}
