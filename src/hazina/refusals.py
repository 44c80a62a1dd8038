"""Refusals: what the core says no to, each with a stable code and a sentence that helps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Every code a caller can see. `api/errors.py` gives each an HTTP status and a type."""

    PARAMETER_INVALID = "parameter_invalid"
    PARAMETER_INVALID_INTEGER = "parameter_invalid_integer"
    PARAMETER_INVALID_EMPTY = "parameter_invalid_empty"
    PARAMETER_MISSING = "parameter_missing"
    PARAMETER_UNKNOWN = "parameter_unknown"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_TOO_LARGE = "amount_too_large"
    CURRENCY_INVALID = "currency_invalid"
    RESOURCE_MISSING = "resource_missing"
    API_KEY_INVALID = "api_key_invalid"
    API_KEY_EXPIRED = "api_key_expired"
    SECRET_KEY_REQUIRED = "secret_key_required"
    PERMISSION_MISSING = "permission_missing"
    ACCOUNT_INVALID = "account_invalid"
    ACCOUNT_CHARGES_DISABLED = "account_charges_disabled"
    PLATFORM_ACCOUNT_REQUIRED = "platform_account_required"
    BODY_INVALID = "body_invalid"
    BODY_TOO_LARGE = "body_too_large"
    ROUTE_UNKNOWN = "route_unknown"
    ROUTE_NOT_SUPPORTED = "route_not_supported"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    IDEMPOTENCY_KEY_IN_USE = "idempotency_key_in_use"
    LOCK_TIMEOUT = "lock_timeout"
    OVERLOADED = "overloaded"
    RATE_LIMIT = "rate_limit"
    INTERNAL = "internal_error"
    NOT_SUPPORTED = "not_supported"
    PAYMENT_INTENT_UNEXPECTED_STATE = "payment_intent_unexpected_state"
    PAYMENT_INTENT_INCOMPATIBLE_PAYMENT_METHOD = "payment_intent_incompatible_payment_method"
    PAYMENT_METHOD_UNKNOWN = "payment_method_unknown"
    PAYMENT_METHOD_UNEXPECTED_STATE = "payment_method_unexpected_state"
    SETUP_INTENT_UNEXPECTED_STATE = "setup_intent_unexpected_state"
    SETUP_INTENT_AUTHENTICATION_FAILED = "setup_intent_authentication_failure"
    TOKEN_ALREADY_USED = "token_already_used"
    OPERATION_IN_PROGRESS = "operation_in_progress"
    CHARGE_ALREADY_REFUNDED = "charge_already_refunded"
    CHARGE_ALREADY_CAPTURED = "charge_already_captured"
    CHARGE_EXPIRED_FOR_CAPTURE = "charge_expired_for_capture"
    CHARGE_NOT_CAPTURABLE = "charge_not_capturable"
    CHARGE_NOT_REFUNDABLE = "charge_not_refundable"
    REFUND_EXCEEDS_CHARGE = "refund_exceeds_charge"
    REFUND_NOT_CANCELABLE = "refund_not_cancelable"
    CAPTURE_EXCEEDS_AUTHORIZATION = "amount_too_large_for_capture"
    BALANCE_INSUFFICIENT = "balance_insufficient"
    CARD_DECLINED = "card_declined"
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    INCORRECT_NUMBER = "incorrect_number"
    INVALID_CVC = "invalid_cvc"
    INVALID_EXPIRY_MONTH = "invalid_expiry_month"
    INVALID_EXPIRY_YEAR = "invalid_expiry_year"
    PROCESSING_ERROR = "processing_error"
    PAYMENT_METHOD_PROVIDER_DECLINE = "payment_method_provider_decline"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CHARGE_EXCEEDS_SOURCE_LIMIT = "charge_exceeds_source_limit"
    CHARGE_EXCEEDS_TRANSACTION_LIMIT = "charge_exceeds_transaction_limit"
    INVALID_BANK_ACCOUNT_IBAN = "invalid_bank_account_iban"
    AUTHENTICATION_REQUIRED = "authentication_required"
    AUTHENTICATION_FAILED = "payment_intent_authentication_failure"
    URL_INVALID = "url_invalid"
    RESOURCE_ALREADY_EXISTS = "resource_already_exists"
    PRODUCT_IN_USE = "product_in_use"
    PRICE_IN_USE = "price_in_use"
    LEDGER_REFUSED = "ledger_refused"
    CHECKOUT_SESSION_UNEXPECTED_STATE = "checkout_session_unexpected_state"
    SEARCH_QUERY_INVALID = "search_query_invalid"
    SEARCH_TOO_BROAD = "search_too_broad"
    TEST_CLOCK_NOT_READY = "test_clock_not_ready"


class Refusal(Exception):
    """One refused request: a stable code, a sentence, and what the sentence is about.

    `details` holds what the public error object carries besides (`decline_code`,
    `payment_intent`, `charge`, ...), already rendered.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        param: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.details: Mapping[str, Any] = details or {}


_ID_SHOWN = re.compile(r"[a-z]{2,8}_[A-Za-z0-9_]{1,64}")
_CARD_LIKE = re.compile(r"[0-9]{12}")
_CARD_DIGITS = range(12, 20)
_NOT_SHOWN = "(id not shown)"


def shown_id(object_id: str) -> str:
    """Return an id for a message, unless it could be anything but an id.

    Card data sent by mistake as an id must not come back in an answer or reach a log.
    """
    if _ID_SHOWN.fullmatch(object_id) and not _CARD_LIKE.search(object_id):
        return object_id
    return _NOT_SHOWN


def shown_number(client_id: int) -> str:
    """Return an id that is a number for a message, unless it could be a card's, sent by mistake."""
    text = str(client_id)
    return _NOT_SHOWN if len(text) in _CARD_DIGITS else text
