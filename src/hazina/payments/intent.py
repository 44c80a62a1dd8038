"""A PaymentIntent and what may be done to it in each state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from hazina.refusals import Code, Refusal
from hazina.values import value


class IntentStatus(StrEnum):
    """The states of docs.stripe.com/payments/paymentintents/lifecycle."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


_S = IntentStatus
CONFIRMABLE = frozenset({_S.REQUIRES_PAYMENT_METHOD, _S.REQUIRES_CONFIRMATION})
UPDATABLE = CONFIRMABLE
"""While the customer authenticates, the provider already holds the amount and the card."""
CANCELABLE = CONFIRMABLE | {_S.REQUIRES_ACTION, _S.REQUIRES_CAPTURE}
EXPIRED = "expired"
"""The cancellation reason of an intent whose authorization ran out."""
TERMINAL = frozenset({_S.CANCELED, _S.SUCCEEDED})

LEGAL: dict[IntentStatus, frozenset[IntentStatus]] = {
    _S.REQUIRES_PAYMENT_METHOD: frozenset(_S) - {_S.REQUIRES_PAYMENT_METHOD},
    _S.REQUIRES_CONFIRMATION: frozenset(_S) - {_S.REQUIRES_CONFIRMATION},
    _S.REQUIRES_ACTION: frozenset(_S) - {_S.REQUIRES_ACTION},
    _S.PROCESSING: frozenset(_S) - {_S.PROCESSING, _S.REQUIRES_CONFIRMATION},
    _S.REQUIRES_CAPTURE: frozenset({_S.SUCCEEDED, _S.CANCELED, _S.PROCESSING}),
    _S.CANCELED: frozenset(),
    _S.SUCCEEDED: frozenset(),
}
"""Which state may follow which. Terminal states never change (invariant I8)."""


@value
class Intent:
    """One row of `payment_intent`. Amounts are minor units of `currency`.

    `operation` is the command of the one open operation (authorize, capture, void), or None.
    `revision` counts visible versions and numbers the events; `version` counts row versions.
    `hidden` intents stand behind charges that were made without one.
    """

    merchant_id: str
    id: str
    amount: int
    currency: str
    status: IntentStatus
    capture_method: str
    client_secret: str
    created: datetime
    details: dict[str, Any]
    metadata: dict[str, str]
    amount_received: int = 0
    amount_capturable: int = 0
    customer: str | None = None
    payment_method: str | None = None
    latest_charge: str | None = None
    cancellation_reason: str | None = None
    canceled_at: datetime | None = None
    next_action: dict[str, Any] | None = None
    last_payment_error: dict[str, Any] | None = None
    unknown: dict[str, Any] | None = None
    operation: str | None = None
    operation_kind: str | None = None
    hidden: bool = False
    revision: int = 0
    version: int = 0

    @property
    def card_options(self) -> dict[str, Any]:
        """Return what `payment_method_options[card]` says."""
        options: dict[str, Any] = self.details.get("payment_method_options") or {}
        return options.get("card") or {}

    @property
    def captured_by_hand(self) -> bool:
        """Tell whether an authorization waits for a capture of its own."""
        return self.capture_method == "manual" or "capture_method" in self.card_options


def future_use(details: Mapping[str, Any], method_type: str) -> str | None:
    """Return what is meant to be done later with a payment method of a type; None for nothing.

    What the options of its type say goes before what the intent says of all types.
    """
    options = (details.get("payment_method_options") or {}).get(method_type) or {}
    usage: str | None = options.get("setup_future_usage") or details.get("setup_future_usage")
    return None if usage == "none" else usage


def check_state(intent: Intent, allowed: frozenset[IntentStatus], verb: str) -> None:
    """Refuse `payment_intent_unexpected_state` or `operation_in_progress`."""
    # An authorization stays open while the customer authenticates; nothing else does.
    authenticating = intent.status is _S.REQUIRES_ACTION and intent.operation_kind == "authorize"
    if intent.operation is not None and not authenticating:
        raise Refusal(
            Code.OPERATION_IN_PROGRESS,
            f"You cannot {verb} {intent.id} while its {intent.operation_kind} is in progress. "
            "Retrieve it in a moment and try again.",
        )
    if intent.status not in allowed:
        names = ", ".join(sorted(status.value for status in allowed))
        raise Refusal(
            Code.PAYMENT_INTENT_UNEXPECTED_STATE,
            f"You cannot {verb} this PaymentIntent because it has a status of "
            f"{intent.status.value}. Only a PaymentIntent with one of the following statuses may "
            f"be used for this: {names}.",
        )


def check_owner(intent: Intent, params: dict[str, Any], verb: str) -> None:
    """Refuse to change by hand what a checkout session takes its payment with.

    Refuses `payment_intent_unexpected_state`, unless `params` come from that very session.
    """
    owner = intent.details.get("checkout_session")
    if owner is not None and params.get("checkout_session") != owner:
        raise Refusal(
            Code.PAYMENT_INTENT_UNEXPECTED_STATE,
            f"You cannot {verb} {intent.id}, which Checkout made for the session {owner}: it is "
            "paid on the session's page. Expire the session instead, and open another one.",
        )


def check_transition(old: IntentStatus, new: IntentStatus) -> None:
    """Assert that a state may follow another: a broken one is our own mistake."""
    assert old is new or new in LEGAL[old], f"illegal transition {old} -> {new}"
