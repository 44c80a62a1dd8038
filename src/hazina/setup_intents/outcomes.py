"""What an outcome changes: the one place where replies, callbacks and inquiries all end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, assert_never

from hazina.clock import unix
from hazina.commands.command import State, refused, settled, waiting
from hazina.commands.performing import SENDER_GONE
from hazina.payment_methods import changes
from hazina.payment_methods.view import method_view
from hazina.rails.outcome import (
    ActionRequired,
    Approved,
    Declined,
    NotFound,
    NotSent,
    Outcome,
    Pending,
    Unknown,
    evidence,
)
from hazina.refusals import Code, Refusal
from hazina.setup_intents.draft import Draft
from hazina.setup_intents.intent import SetupIntent, SetupStatus
from hazina.setup_intents.store import Subject
from hazina.setup_intents.view import intent_view

_S = SetupStatus
_OPEN_ATTEMPT = frozenset({"processing", "requires_action"})
_NEVER_HAPPENED = Declined(
    "processing_error",
    "The card could not be verified, and nothing was done. Try again.",
    code="processing_error",
)


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of the intent, and the refusal that the caller reads if it is a no."""

    intent: SetupIntent
    refusal: Refusal | None = None


def apply(draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int) -> Effect:
    """Write what an outcome means. A command that is done changes nothing.

    `NotFound` must be definitive when it comes here. `next_ms` is when to ask again.
    """
    if subject.command.state is State.DONE:
        # It came by another door before: the caller is told what it was.
        return Effect(subject.intent, _refused(draft, subject))
    if subject.attempt.status not in _OPEN_ATTEMPT:
        return _ended(draft, subject, Effect(subject.intent))
    match outcome:
        case Approved():
            return _ended(draft, subject, _succeeded(draft, subject))
        case Declined():
            return _ended(draft, subject, _failed(draft, subject, outcome))
        case NotSent() | NotFound():
            return _ended(draft, subject, _failed(draft, subject, _NEVER_HAPPENED))
        case ActionRequired():
            draft.settle(waiting(subject.command, next_ms, "action_required"))
            return _action_required(draft, subject, outcome)
        case Pending() | Unknown():
            draft.settle(waiting(subject.command, next_ms, evidence(outcome)))
            return _processing(draft, subject, outcome, next_ms)
        case _ as never:
            assert_never(never)


def became(draft: Draft, subject: Subject) -> Effect:
    """Say what became of a verification whose own process is gone.

    If nobody knows, and nobody has said so yet, that is what is shown from now on.
    """
    if subject.command.state is State.DONE:
        return Effect(subject.intent, _refused(draft, subject))
    if subject.command.evidence is not None:
        return Effect(subject.intent)
    return apply(draft, subject, SENDER_GONE.outcome, SENDER_GONE.next_ms)


def _refused(draft: Draft, subject: Subject) -> Refusal | None:
    shown = {"setup_intent": intent_view(subject.intent, draft.merchant.livemode)}
    return refused(subject.command, shown)


def _ended(draft: Draft, subject: Subject, effect: Effect) -> Effect:
    """Mark the command done with what came of it; a refusal is kept for who asks later."""
    draft.settle(settled(subject.command, effect.refusal))
    return effect


def _succeeded(draft: Draft, subject: Subject) -> Effect:
    intent = subject.intent
    customer = intent.customer if subject.customer_present else None
    method, parts = changes.set_up(draft, subject.method, customer)
    draft.changes += parts
    card = method.card.details() | {"cvc_check": method.card.cvc_check}
    draft.put(subject.attempt, replace(subject.attempt, status="succeeded", card=card))
    after = replace(
        intent, status=_S.SUCCEEDED, operation=None, unknown=None, next_action=None,
        last_setup_error=None, revision=intent.revision + 1,
    )  # fmt: skip
    draft.put(intent, after)
    draft.event("setup_intent.succeeded", after)
    return Effect(after)


def _failed(draft: Draft, subject: Subject, outcome: Declined) -> Effect:
    intent = subject.intent
    code = Code(outcome.code)
    if code is Code.AUTHENTICATION_FAILED:
        code = Code.SETUP_INTENT_AUTHENTICATION_FAILED
    error: dict[str, Any] = {
        "type": "card_error", "code": code.value, "message": outcome.message,
        "decline_code": outcome.decline_code if code is Code.CARD_DECLINED else None,
        "network_decline_code": outcome.network.network_code,
        "network_advice_code": outcome.network.advice_code,
        "payment_method": method_view(subject.method),
    }  # fmt: skip
    error = {name: value for name, value in error.items() if value is not None}
    draft.put(subject.attempt, replace(subject.attempt, status="failed", setup_error=error))
    after = replace(
        intent, status=_S.REQUIRES_PAYMENT_METHOD, payment_method=None, operation=None,
        unknown=None, next_action=None, last_setup_error=error, revision=intent.revision + 1,
    )  # fmt: skip
    draft.put(intent, after)
    draft.event("setup_intent.setup_failed", after)
    shown = {name: v for name, v in error.items() if name not in ("type", "code", "message")}
    shown["setup_intent"] = intent_view(after, draft.merchant.livemode)
    return Effect(after, Refusal(code, outcome.message, details=shown))


def _action_required(draft: Draft, subject: Subject, outcome: ActionRequired) -> Effect:
    intent = subject.intent
    if intent.status is _S.REQUIRES_ACTION:
        return Effect(intent)
    action = {
        "type": "redirect_to_url",
        "redirect_to_url": {
            "url": outcome.redirect_url, "return_url": intent.details.get("return_url"),
        },
    }  # fmt: skip
    after = replace(
        intent, status=_S.REQUIRES_ACTION, next_action=action, unknown=None,
        revision=intent.revision + 1,
    )  # fmt: skip
    draft.put(subject.attempt, replace(subject.attempt, status="requires_action"))
    draft.put(intent, after)
    draft.event("setup_intent.requires_action", after)
    return Effect(after)


def _processing(draft: Draft, subject: Subject, outcome: Pending | Unknown, next_ms: int) -> Effect:
    """Show that nobody knows yet, once; while the customer authenticates, only a word counts."""
    intent = subject.intent
    authenticating = intent.status is _S.REQUIRES_ACTION and isinstance(outcome, Unknown)
    if intent.status is _S.PROCESSING or authenticating:
        return Effect(intent)
    known = {
        "outcome": "pending" if isinstance(outcome, Pending) else "unknown",
        "operation": subject.command.operation.value, "reason": evidence(outcome),
        "since": unix(draft.now),
        "next_inquiry_at": unix(draft.now + timedelta(milliseconds=next_ms)),
    }  # fmt: skip
    after = replace(
        intent, status=_S.PROCESSING, unknown=known, next_action=None,
        revision=intent.revision + 1,
    )  # fmt: skip
    draft.put(subject.attempt, replace(subject.attempt, status="processing"))
    draft.put(intent, after)
    return Effect(after)
