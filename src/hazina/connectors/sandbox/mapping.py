"""The sandbox provider's dialect: our requests to its JSON, its JSON to our outcomes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from hazina.connectors.sandbox.declines import DECLINES, REFUSED_BEFORE_EFFECT
from hazina.rails.contract import OperationRequest
from hazina.rails.outcome import (
    ActionRequired,
    Approved,
    Declined,
    InquiryOutcome,
    NetworkDetails,
    NotFound,
    Outcome,
    Pending,
    Unknown,
)

# Whatever stands between the digits: the parts are disjoint, so that it is read in one pass.
_DIGITS = re.compile(r"\d(?:[\W_]{0,3}\d){11,18}")
_EVIDENCE_MAX = 120
_METADATA_SENT = ("sandbox_fault", "sandbox_delay_ms")


class Unreadable(Exception):
    """An answer that says neither yes nor no; `code` is what it did say."""

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


def scrubbed(text: str) -> str:
    """Return evidence fit to be kept: short, printable, without runs of card-number digits."""
    # Made printable first: what parts the digits of a number must not become a space after them.
    shown = "".join(c if c.isprintable() else " " for c in text)
    return _DIGITS.sub("[digits]", shown)[:_EVIDENCE_MAX]


def request_body(request: OperationRequest) -> bytes:
    """Return the JSON that asks for this operation."""
    body: dict[str, Any] = {
        "operation": request.operation.value,
        "reference": request.reference,
        "amount": request.amount_minor,
        "currency": request.currency,
    }
    if request.subject_reference is not None:
        body["subject_reference"] = request.subject_reference
    if request.payment_method is not None:
        body["payment_method"] = request.payment_method
    if request.capture:
        body["capture"] = True
    if request.several_captures:
        body["several_captures"] = True
    if not request.final:
        body["final"] = False
    if request.customer_absent:
        body["customer_absent"] = True
    if request.return_url is not None:
        body["return_url"] = request.return_url
    # Only the words meant for the provider: a merchant's metadata is nobody else's business.
    metadata = {k: request.metadata[k] for k in _METADATA_SENT if k in request.metadata}
    if metadata:
        body["metadata"] = metadata
    return orjson.dumps(body)


def outcome(request: OperationRequest, status: int, body: bytes) -> Outcome:
    """Return what an answer to `request` says; whatever is not a clear yes or no is `Unknown`."""
    try:
        content = _object(body)
        error = content.get("error")
        if error is not None:
            return _refused(status, error)
        if status != 200:
            raise Unreadable(f"HTTP {status} without an error code")
        return _read(request, content)
    except Unreadable as answer:
        return Unknown(f"HTTP {status}: {scrubbed(answer.reason)}", answer.code)


def inquiry_outcome(request: OperationRequest, status: int, body: bytes) -> InquiryOutcome:
    """Return what an inquiry about `request` found. Only a 404 with `not_found` is `NotFound`."""
    try:
        content = _object(body)
    except Unreadable as answer:
        return Unknown(f"HTTP {status}: {scrubbed(answer.reason)}")
    error = content.get("error")
    if error is None:
        return outcome(request, status, body)
    code = _word(error.get("code")) if isinstance(error, dict) else None
    if status == 404 and code == "not_found":
        return NotFound()
    # An inquiry that failed says nothing about the operation, whatever its error code.
    return Unknown(f"HTTP {status}: inquiry failed", code)


def told(content: Mapping[str, Any]) -> Outcome:
    """Return what a callback says; it carries the same fields as an answer."""
    try:
        return _said(content)
    except Unreadable as answer:
        return Unknown(scrubbed(answer.reason), answer.code)


def _read(request: OperationRequest, content: Mapping[str, Any]) -> Outcome:
    if content.get("reference") != request.reference:
        raise Unreadable("answer is about another reference", "reference_mismatch")
    if content.get("operation") != request.operation.value:
        raise Unreadable("answer is about another operation", "operation_mismatch")
    # The merchant is told yes only for exactly what was asked.
    if content.get("amount") != request.amount_minor:
        raise Unreadable("echoed amount differs from the one asked", "amount_mismatch")
    if content.get("currency") != request.currency:
        raise Unreadable("echoed currency differs from the one asked", "currency_mismatch")
    return _said(content)


def _said(content: Mapping[str, Any]) -> Outcome:
    reference = _word(content.get("id"))
    amount, currency = content.get("amount"), content.get("currency")
    match content.get("outcome"):
        case "approved":
            if type(amount) is not int or not isinstance(currency, str) or reference is None:
                raise Unreadable("an approval without amount, currency or id")
            return Approved(amount, currency, reference, _network(content))
        case "declined":
            return _declined(content)
        case "pending":
            return Pending(reference)
        case "action_required":
            url = content.get("redirect_url")
            if not isinstance(url, str) or not url.startswith(("http://", "https://")):
                raise Unreadable("an action without an address", "action_required")
            return ActionRequired(url, reference)
        case other:
            raise Unreadable("outcome is not in the table", _word(other))


def _declined(content: Mapping[str, Any]) -> Declined:
    reason = _word(content.get("reason"))
    known = DECLINES.get(reason or "")
    if known is None:
        raise Unreadable("reason is not in the table", reason)
    return Declined(
        known.decline_code,
        known.message,
        _network(content),
        _word(content.get("id")),
        known.code,
    )


def _refused(status: int, error: Any) -> Declined:
    code = _word(error.get("code")) if isinstance(error, dict) else None
    known = REFUSED_BEFORE_EFFECT.get(code or "")
    if known is None or not 400 <= status < 500:
        raise Unreadable("error that does not prove that nothing was done", code)
    details = NetworkDetails(reason_code=code)
    return Declined(known.decline_code, known.message, details, None, known.code)


def _network(content: Mapping[str, Any]) -> NetworkDetails:
    return NetworkDetails(
        network_code=_word(content.get("network_code")),
        advice_code=_word(content.get("advice_code")),
        reason_code=_word(content.get("reason")),
        authorization_code=_word(content.get("authorization_code")),
    )


def _word(value: object) -> str | None:
    return scrubbed(value) if isinstance(value, str) and value else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("body is not JSON") from None
    if not isinstance(content, dict):
        raise Unreadable("body is not an object")
    return content
