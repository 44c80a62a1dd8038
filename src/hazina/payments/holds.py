"""Deciding what a request does to what is held: a capture, an increment, the end of an intent."""

from __future__ import annotations

from typing import Any

from hazina.commands.command import Command, issue
from hazina.money.currency import check_charge, check_last_digit
from hazina.payments.authorizing import command_for, details_of, merged
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import (
    CANCELABLE,
    EXPIRED,
    Intent,
    IntentStatus,
    check_owner,
    check_state,
)
from hazina.payments.subject import Subject
from hazina.payments.view import intent_view
from hazina.rails.contract import Operation
from hazina.refusals import Code, Refusal
from hazina.values import replace

_S = IntentStatus
CAPTURABLE = frozenset({_S.REQUIRES_CAPTURE})
INCREMENTS_MAX = 10


def capture(
    draft: Draft,
    intent: Intent,
    charge: Charge,
    params: dict[str, Any],
    lease_ms: int,
    named: str = "amount_to_capture",
) -> Subject:
    """Ask for the authorized money, or a part; what a final capture leaves over is released.

    `named` is what the client calls the amount.
    Refuses `payment_intent_unexpected_state`, `amount_too_large_for_capture`, and a capture that is
    not final where only one can be made.
    """
    check_state(intent, CAPTURABLE, "capture")
    amount = params.get("amount_to_capture", intent.amount_capturable)
    if "amount_to_capture" in params:
        check_last_digit(amount, intent.currency, named)
    final = params.get("final_capture", True) or amount == intent.amount_capturable
    if amount == 0:
        return _release(draft, intent, charge, final, lease_ms)
    if not final and charge.details.get("multicapture") != "available":
        raise Refusal(
            Code.PARAMETER_INVALID,
            f"{intent.id} can be captured once only. Leave final_capture out, and next time "
            "confirm with payment_method_options[card][request_multicapture]=if_available.",
            param="final_capture",
        )
    if amount > intent.amount_capturable:
        raise Refusal(
            Code.CAPTURE_EXCEEDS_AUTHORIZATION,
            f"The requested capture amount ({amount}) is greater than the amount that can be "
            f"captured ({intent.amount_capturable}). Capture that or less.",
            param=named,
        )
    command = command_for(draft, Operation.CAPTURE, charge, amount, intent.metadata)
    if not final:
        command.request["final"] = False
    _with_words(command, intent, params)
    return _open(draft, intent, charge, command, lease_ms)


def _release(draft: Draft, intent: Intent, charge: Charge, final: bool, lease_ms: int) -> Subject:
    """Give up what several captures have left over: a final capture of nothing."""
    if not final or not charge.amount_captured:
        raise Refusal(
            Code.PARAMETER_INVALID_INTEGER,
            "This value must be greater than or equal to 1. (amount_to_capture) Nothing is "
            "captured only after other captures, with final_capture, to release the rest.",
            param="amount_to_capture",
        )
    rest = charge.amount - charge.amount_captured
    command = command_for(draft, Operation.VOID, charge, rest, intent.metadata)
    return _open(draft, intent, charge, command, lease_ms)


def increment(
    draft: Draft, intent: Intent, charge: Charge, params: dict[str, Any], lease_ms: int
) -> Subject:
    """Ask for a higher authorization, of `amount` in all.

    Refuses `payment_intent_unexpected_state` also for one that cannot be incremented, and an amount
    that is not higher.
    """
    check_state(intent, CAPTURABLE, "increment the authorization of")
    tried = charge.details.get("increments", 0)
    if (
        charge.details.get("incremental_authorization") != "available"
        or charge.amount_captured
        or tried >= INCREMENTS_MAX
    ):
        raise Refusal(
            Code.PAYMENT_INTENT_UNEXPECTED_STATE,
            f"The authorization of {intent.id} cannot be incremented. It must be confirmed with "
            "payment_method_options[card][request_incremental_authorization]=if_available, not be "
            f"captured in part, and have fewer than {INCREMENTS_MAX} increments, declined ones "
            "included. Capture it, and make another PaymentIntent for the rest.",
        )
    amount = params["amount"]
    check_charge(amount, intent.currency)
    if amount <= intent.amount:
        raise Refusal(
            Code.PARAMETER_INVALID,
            f"The amount ({amount}) must be greater than the currently authorized amount "
            f"({intent.amount}). Send the new total.",
            param="amount",
        )
    added = amount - intent.amount
    command = command_for(draft, Operation.INCREMENT, charge, added, intent.metadata)
    _with_words(command, intent, params)
    counted = replace(charge, details=charge.details | {"increments": tried + 1})
    draft.put(charge, counted)
    counted = replace(counted, version=charge.version + 1)
    return _open(draft, intent, counted, command, lease_ms)


def _with_words(command: Command, intent: Intent, params: dict[str, Any]) -> None:
    """Keep the words that came with an operation until it took; a refused one changes nothing."""
    details, metadata = details_of(params, intent.details), merged(params, intent.metadata)
    words: dict[str, Any] = {}
    if details != intent.details:
        words["details"] = details
    if metadata != intent.metadata:
        words["metadata"] = metadata
    if words:
        command.request["words"] = words


def expire(draft: Draft, intent: Intent, charge: Charge, lease_ms: int) -> Subject | None:
    """Ask for the void of an authorization whose time is over; None when there is none, or not yet.

    A capture or cancellation under way holds the intent and goes first.
    """
    over = charge.capture_before is not None and charge.capture_before <= draft.now
    if charge.hold is None or not over or intent.operation is not None:
        return None
    if intent.status is not _S.REQUIRES_CAPTURE:
        return None
    rest = charge.amount - charge.amount_captured
    command = command_for(draft, Operation.VOID, charge, rest, intent.metadata)
    command.request["cancellation_reason"] = EXPIRED
    return _open(draft, intent, charge, command, lease_ms)


def cancel(
    draft: Draft, intent: Intent, charge: Charge | None, params: dict[str, Any], lease_ms: int
) -> Intent | Subject:
    """End an intent; what is authorized, or being authenticated, is voided at the provider.

    After a capture of a part it ends as succeeded, with that part.
    """
    check_state(intent, CANCELABLE, "cancel")
    if intent.status is not _S.REQUIRES_CAPTURE:
        check_owner(intent, params, "cancel")
    reason = params.get("cancellation_reason")
    if charge is None:
        canceled = replace(
            intent, status=_S.CANCELED, canceled_at=draft.now, cancellation_reason=reason,
            next_action=None, revision=intent.revision + 1,
        )  # fmt: skip
        draft.put(intent, canceled)
        draft.event("payment_intent.canceled", canceled, intent_view)
        return replace(canceled, version=intent.version + 1)
    rest = charge.amount - charge.amount_captured
    command = command_for(draft, Operation.VOID, charge, rest, intent.metadata)
    command.request["cancellation_reason"] = reason
    return _open(draft, intent, charge, command, lease_ms)


def _open(draft: Draft, intent: Intent, charge: Charge, command: Command, lease_ms: int) -> Subject:
    """Hold the intent's one open operation for a command."""
    opened = replace(intent, operation=command.id, operation_kind=command.operation.value)
    draft.put(intent, opened)
    draft.writes.append(issue(command, lease_ms, draft.now))
    return Subject(command, replace(opened, version=intent.version + 1), charge)
