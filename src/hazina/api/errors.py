"""Errors over HTTP: the only place that gives a code its status."""

from __future__ import annotations

from hazina.refusals import Code

_OTHER_STATUSES = {
    Code.API_KEY_INVALID: 401,
    Code.API_KEY_EXPIRED: 401,
    Code.CARD_DECLINED: 402,
    Code.EXPIRED_CARD: 402,
    Code.INCORRECT_CVC: 402,
    Code.INCORRECT_NUMBER: 402,
    Code.INVALID_CVC: 402,
    Code.INVALID_EXPIRY_MONTH: 402,
    Code.INVALID_EXPIRY_YEAR: 402,
    Code.PROCESSING_ERROR: 402,
    Code.AUTHENTICATION_REQUIRED: 402,
    Code.PAYMENT_METHOD_PROVIDER_DECLINE: 402,
    Code.INSUFFICIENT_FUNDS: 402,
    Code.CHARGE_EXCEEDS_SOURCE_LIMIT: 402,
    Code.CHARGE_EXCEEDS_TRANSACTION_LIMIT: 402,
    Code.SECRET_KEY_REQUIRED: 403,
    Code.PERMISSION_MISSING: 403,
    Code.ACCOUNT_INVALID: 403,
    Code.ACCOUNT_CHARGES_DISABLED: 403,
    Code.RESOURCE_MISSING: 404,
    Code.ROUTE_UNKNOWN: 404,
    Code.ROUTE_NOT_SUPPORTED: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.IDEMPOTENCY_KEY_IN_USE: 409,
    Code.LOCK_TIMEOUT: 409,
    Code.OPERATION_IN_PROGRESS: 409,
    Code.BODY_TOO_LARGE: 413,
    Code.RATE_LIMIT: 429,
    Code.INTERNAL: 500,
    Code.OVERLOADED: 503,
}
_PLAIN_400 = frozenset(
    {
        Code.PARAMETER_INVALID,
        Code.PARAMETER_INVALID_INTEGER,
        Code.PARAMETER_INVALID_EMPTY,
        Code.PARAMETER_MISSING,
        Code.PARAMETER_UNKNOWN,
        Code.AMOUNT_TOO_SMALL,
        Code.AMOUNT_TOO_LARGE,
        Code.CURRENCY_INVALID,
        Code.BODY_INVALID,
        Code.IDEMPOTENCY_KEY_REUSED,
        Code.NOT_SUPPORTED,
        Code.PAYMENT_INTENT_UNEXPECTED_STATE,
        Code.PAYMENT_METHOD_UNKNOWN,
        Code.PAYMENT_METHOD_UNEXPECTED_STATE,
        Code.SETUP_INTENT_UNEXPECTED_STATE,
        Code.SETUP_INTENT_AUTHENTICATION_FAILED,
        Code.TOKEN_ALREADY_USED,
        Code.CHARGE_ALREADY_REFUNDED,
        Code.CHARGE_ALREADY_CAPTURED,
        Code.CHARGE_EXPIRED_FOR_CAPTURE,
        Code.CHARGE_NOT_CAPTURABLE,
        Code.CHARGE_NOT_REFUNDABLE,
        Code.REFUND_EXCEEDS_CHARGE,
        Code.REFUND_NOT_CANCELABLE,
        Code.CAPTURE_EXCEEDS_AUTHORIZATION,
        Code.BALANCE_INSUFFICIENT,
        Code.AUTHENTICATION_FAILED,
        Code.URL_INVALID,
        Code.INVALID_BANK_ACCOUNT_IBAN,
        Code.PAYMENT_INTENT_INCOMPATIBLE_PAYMENT_METHOD,
        Code.PLATFORM_ACCOUNT_REQUIRED,
        Code.RESOURCE_ALREADY_EXISTS,
        Code.PRODUCT_IN_USE,
        Code.PRICE_IN_USE,
        Code.LEDGER_REFUSED,
        Code.CHECKOUT_SESSION_UNEXPECTED_STATE,
        Code.SEARCH_QUERY_INVALID,
        Code.SEARCH_TOO_BROAD,
        Code.TEST_CLOCK_NOT_READY,
    }
)

STATUSES: dict[Code, int] = dict.fromkeys(_PLAIN_400, 400) | _OTHER_STATUSES
"""The HTTP status of each code. 4xx is only for what was certainly not done."""

_RETRY = (b"stripe-should-retry", b"true")

RETRY_HEADERS: dict[Code, list[tuple[bytes, bytes]]] = {
    Code.IDEMPOTENCY_KEY_IN_USE: [_RETRY],
    Code.LOCK_TIMEOUT: [_RETRY],
    # Retry-After stands beside these, as long as the wait is.
    Code.RATE_LIMIT: [_RETRY, (b"stripe-rate-limited-reason", b"global-rate")],
    Code.OVERLOADED: [_RETRY, (b"retry-after", b"1")],
    # Never stored: the same request, with the same key, may succeed in a moment.
    Code.OPERATION_IN_PROGRESS: [_RETRY],
}
"""What clients that retry 409 and 5xx by themselves are told (docs.stripe.com/error-low-level)."""
