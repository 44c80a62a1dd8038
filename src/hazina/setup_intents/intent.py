"""A SetupIntent and what may be done to it in each state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from hazina.refusals import Code, Refusal


class SetupStatus(StrEnum):
    """The states of docs.stripe.com/payments/setupintents/lifecycle."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


class Verb(StrEnum):
    """What a client may ask for. Words are what decides nothing: description and metadata."""

    REWORD = "update"
    CHANGE = "change"
    CONFIRM = "confirm"
    CANCEL = "cancel"


_S = SetupStatus
_OPEN = frozenset({_S.REQUIRES_PAYMENT_METHOD, _S.REQUIRES_CONFIRMATION})
ALLOWED: dict[Verb, frozenset[SetupStatus]] = {
    Verb.REWORD: frozenset(_S),
    Verb.CHANGE: _OPEN,
    Verb.CONFIRM: _OPEN,
    Verb.CANCEL: _OPEN | {_S.REQUIRES_ACTION},
}
"""In which states a client may do what."""

LEGAL: dict[SetupStatus, frozenset[SetupStatus]] = {
    _S.REQUIRES_PAYMENT_METHOD: frozenset(_S) - {_S.REQUIRES_PAYMENT_METHOD},
    _S.REQUIRES_CONFIRMATION: frozenset(_S) - {_S.REQUIRES_CONFIRMATION},
    _S.REQUIRES_ACTION: frozenset(_S) - {_S.REQUIRES_ACTION, _S.REQUIRES_CONFIRMATION},
    _S.PROCESSING: frozenset(_S) - {_S.PROCESSING, _S.REQUIRES_CONFIRMATION, _S.CANCELED},
    _S.CANCELED: frozenset(),
    _S.SUCCEEDED: frozenset(),
}
"""Which state may follow which. Terminal states never change."""


@dataclass(frozen=True, slots=True)
class SetupIntent:
    """One row of `setup_intent`.

    `operation` is the command of the open verification, or None. `revision` counts visible
    versions and numbers the events; `version` counts row versions.
    """

    merchant_id: str
    id: str
    status: SetupStatus
    usage: str
    client_secret: str
    created: datetime
    details: dict[str, Any]
    metadata: dict[str, str]
    customer: str | None = None
    payment_method: str | None = None
    latest_attempt: str | None = None
    cancellation_reason: str | None = None
    next_action: dict[str, Any] | None = None
    last_setup_error: dict[str, Any] | None = None
    unknown: dict[str, Any] | None = None
    operation: str | None = None
    revision: int = 1
    version: int = 0


@dataclass(frozen=True, slots=True)
class SetupAttempt:
    """One row of `setup_attempt`: one try of a setup intent. `card` is what is shown of it."""

    merchant_id: str
    id: str
    setup_intent: str
    command: str
    status: str
    usage: str
    payment_method: str
    card: dict[str, Any]
    created: datetime
    customer: str | None = None
    setup_error: dict[str, Any] | None = None
    version: int = 0


def check_state(intent: SetupIntent, verb: Verb) -> None:
    """Refuse `setup_intent_unexpected_state` or `operation_in_progress`."""
    if verb is Verb.REWORD:
        return
    # A verification stays open while the customer authenticates; nothing else does.
    if intent.operation is not None and intent.status in _OPEN:
        raise Refusal(
            Code.OPERATION_IN_PROGRESS,
            f"You cannot {verb.value} {intent.id} while its verification is in progress. "
            "Retrieve it in a moment and try again.",
        )
    if intent.status not in ALLOWED[verb]:
        names = ", ".join(sorted(status.value for status in ALLOWED[verb]))
        raise Refusal(
            Code.SETUP_INTENT_UNEXPECTED_STATE,
            f"You cannot {verb.value} this SetupIntent because it has a status of "
            f"{intent.status.value}. Only a SetupIntent with one of the following statuses may be "
            f"used for this: {names}.",
        )


def check_transition(old: SetupStatus, new: SetupStatus) -> None:
    """Assert that a state may follow another: a broken one is our own mistake."""
    assert old is new or new in LEGAL[old], f"illegal transition {old} -> {new}"
