"""What an outcome changes: the one place where replies, callbacks and inquiries all end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_never

from hazina.commands.command import State, refused, waiting
from hazina.commands.history import ever_came_to
from hazina.commands.owing import sent_since
from hazina.commands.performing import SENDER_GONE
from hazina.payments.accepting import SEPA_DEBIT
from hazina.payments.capturing import apply_capture, apply_void, captured
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.incrementing import apply_increment
from hazina.payments.intent import IntentStatus
from hazina.payments.paying import kept, tried_view
from hazina.payments.refunding import apply_late, apply_refund
from hazina.payments.subject import (
    Effect,
    Subject,
    ended,
    evidence,
    let_go,
    never_happened,
    owed,
    processing,
    void_authorization,
)
from hazina.payments.view import advice, charge_view, intent_view
from hazina.rails.contract import Operation
from hazina.rails.outcome import (
    ActionRequired,
    Approved,
    Declined,
    NetworkDetails,
    NotFound,
    NotSent,
    Outcome,
    Pending,
    Unknown,
)
from hazina.refusals import Code, Refusal
from hazina.values import replace

_S = IntentStatus
AUTHORIZATION_LASTS = timedelta(days=7)
"""How long an authorization may be captured, as card networks have it and Stripe does."""
_TRIED_AGAIN_MS = 30_000
"""How long an owed authorization waits at most for a provider that would not take it."""


def apply(
    draft: Draft,
    subject: Subject,
    outcome: Outcome | NotFound,
    next_ms: int,
    *,
    young: bool = False,
) -> Effect:
    """Write what an outcome means. A command that is done changes nothing but a late failure.

    `NotFound` must be definitive when it comes here. `next_ms` is when to ask again. `young` says
    whether an authorization that never happened is still to be sent, as captures, voids and refunds
    always are.
    """
    if subject.command.state is State.DONE:
        # It came by another door before: the caller is told what it was.
        return replace(apply_late(draft, subject, outcome), refusal=_refused(draft, subject))
    match subject.command.operation:
        case Operation.AUTHORIZE:
            return _authorize(draft, subject, outcome, next_ms, young)
        case Operation.INCREMENT:
            return apply_increment(draft, subject, outcome, next_ms)
        case Operation.CAPTURE:
            return apply_capture(draft, subject, outcome, next_ms)
        case Operation.VOID:
            return apply_void(draft, subject, outcome, next_ms)
        case Operation.REFUND:
            return apply_refund(draft, subject, outcome, next_ms)
        case Operation.VERIFY:
            raise AssertionError("verifications belong to setup intents")
        case _ as never:
            assert_never(never)


def became(draft: Draft, subject: Subject) -> Effect:
    """Say what became of an operation whose own process is gone.

    If nobody knows, and nobody has said so yet, that is what is shown from now on.
    """
    if subject.command.state is State.DONE:
        return Effect(subject, _refused(draft, subject))
    if subject.command.evidence is not None:
        return Effect(subject)
    return apply(draft, subject, SENDER_GONE.outcome, SENDER_GONE.next_ms)


def _refused(draft: Draft, subject: Subject) -> Refusal | None:
    intent = subject.intent
    shown = (
        {} if intent.hidden else {"payment_intent": intent_view(intent, draft.merchant.livemode)}
    )
    return refused(subject.command, shown)


def _authorize(
    draft: Draft, subject: Subject, outcome: Outcome | NotFound, next_ms: int, young: bool
) -> Effect:
    if subject.charge.status != "open":
        # The attempt ended otherwise (canceled while the customer was authenticating).
        return ended(draft, subject.command, Effect(subject))
    match outcome:
        case Approved():
            return ended(draft, subject.command, _authorized(draft, subject, outcome))
        case Declined():
            return ended(draft, subject.command, _declined(draft, subject, outcome))
        case NotSent() | NotFound() if young and _awaited(subject, outcome):
            # Proof calls for no patience; a provider that would not take it does, but for no more
            # than leaves it time to be tried again while it is young.
            proved = isinstance(outcome, NotFound)
            wait_ms = 0 if proved else min(next_ms, _TRIED_AGAIN_MS)
            draft.settle(owed(subject.command, wait_ms, outcome, anew=proved))
            return processing(draft, subject, Unknown(evidence(outcome)), wait_ms)
        case NotSent() | NotFound():
            return ended(draft, subject.command, _declined(draft, subject, never_happened()))
        case ActionRequired():
            draft.settle(waiting(subject.command, next_ms, "action_required"))
            return _action_required(draft, subject, outcome)
        case Pending() | Unknown():
            draft.settle(waiting(subject.command, next_ms, evidence(outcome)))
            if isinstance(outcome, Pending) and SEPA_DEBIT in subject.charge.details:
                subject = _debit_under_way(draft, subject)
            return processing(draft, subject, outcome, next_ms)
        case _ as never:
            assert_never(never)


def _awaited(subject: Subject, outcome: NotSent | NotFound) -> bool:
    """Tell whether an authorization that never happened is still what its payment waits for.

    It is not while the customer is asked to authenticate what the provider has forgotten, nor when
    a cancellation took its place. Whoever still waits for the first try is told at once of a
    provider that would not take it.
    """
    intent, command = subject.intent, subject.command
    if intent.operation != command.id or intent.status is _S.REQUIRES_ACTION:
        return False
    if ever_came_to(command, ActionRequired):
        return False  # A cancellation that was refused has left it processing since.
    return isinstance(outcome, NotFound) or outcome.too_late or sent_since(command, 1)


def _debit_under_way(draft: Draft, subject: Subject) -> Subject:
    """Show the charge of a debit, which takes its bank days, before it has an outcome."""
    charge = subject.charge
    if charge.revision or subject.intent.status is _S.PROCESSING:
        return subject
    shown = replace(charge, revision=1)
    draft.put(charge, shown)
    draft.event("charge.pending", shown, charge_view)
    return replace(subject, charge=shown)


def _authorized(draft: Draft, subject: Subject, outcome: Approved) -> Effect:
    intent, charge = subject.intent, subject.charge
    charge_now = replace(
        charge, status="succeeded", provider_reference=outcome.provider_reference,
        network=_network(outcome.network), revision=charge.revision + 1,
    )  # fmt: skip
    # What the provider was asked decides, not what the intent has come to say since.
    if not subject.command.request["capture"]:
        charge_now = replace(
            charge_now, hold=charge.id, capture_before=draft.now + AUTHORIZATION_LASTS
        )
        status, capturable, received = _S.REQUIRES_CAPTURE, charge.amount, intent.amount_received
        what = "payment_intent.amount_capturable_updated"
    else:
        charge_now = captured(draft, charge_now, charge.amount, subject.command.id)
        status, capturable, received = _S.SUCCEEDED, intent.amount_capturable, charge.amount
        what = "payment_intent.succeeded"
    intent_now = replace(
        let_go(subject), status=status, amount_capturable=capturable, amount_received=received,
        latest_charge=charge.id, unknown=None, next_action=None, last_payment_error=None,
        revision=intent.revision + 1,
    )  # fmt: skip
    kept(draft, intent_now, subject.method)
    draft.put(charge, charge_now)
    draft.put(intent, intent_now)
    draft.event("charge.succeeded", charge_now, charge_view)
    draft.event(what, intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now, charge=charge_now))


def _declined(draft: Draft, subject: Subject, outcome: Declined) -> Effect:
    intent, charge = subject.intent, subject.charge
    network = _network(outcome.network)
    failure = {"code": outcome.code, "message": outcome.message}
    if outcome.code in (Code.CARD_DECLINED, Code.AUTHENTICATION_REQUIRED):
        failure["decline_code"] = outcome.decline_code
    if outcome.network.network_code is None:
        failure["network_status"] = "not_sent_to_network"
    charge_now = replace(
        charge, status="failed", failure=failure, network=network, revision=charge.revision + 1
    )
    tried = None if intent.hidden else tried_view(charge, subject.method, draft.merchant)
    error = payment_error(charge_now, tried)
    intent_now = replace(
        let_go(subject), status=_S.REQUIRES_PAYMENT_METHOD, payment_method=None,
        latest_charge=charge.id, unknown=None, next_action=None, last_payment_error=error,
        revision=intent.revision + 1,
    )  # fmt: skip
    void_authorization(draft, charge)
    draft.put(charge, charge_now)
    draft.put(intent, intent_now)
    draft.event("charge.failed", charge_now, charge_view)
    draft.event("payment_intent.payment_failed", intent_now, intent_view)
    shown = {k: v for k, v in error.items() if k not in ("type", "code", "message")}
    if not intent.hidden:
        shown["payment_intent"] = intent_view(intent_now, draft.merchant.livemode)
    refusal = Refusal(Code(outcome.code), outcome.message, details=shown)
    return Effect(replace(subject, intent=intent_now, charge=charge_now), refusal)


def payment_error(charge: Charge, tried: dict[str, Any] | None) -> dict[str, Any]:
    """Return `last_payment_error`: our codes and, apart from them, the network's.

    `tried` is the payment method as it was: with its id a client asks the customer to confirm it.
    """
    failure, network = charge.failure or {}, charge.network or {}
    error = {
        "type": "card_error", "code": failure.get("code"), "message": failure.get("message"),
        "decline_code": failure.get("decline_code"), "charge": charge.id,
        "network_decline_code": network.get("network_code"),
        "network_advice_code": network.get("advice_code"), "advice_code": advice(network),
        "payment_method": tried,
    }  # fmt: skip
    return {name: value for name, value in error.items() if value is not None}


def _action_required(draft: Draft, subject: Subject, outcome: ActionRequired) -> Effect:
    intent = subject.intent
    if intent.status is _S.REQUIRES_ACTION or intent.operation != subject.command.id:
        # Shown already, or a cancellation has begun: its outcome is awaited instead.
        return Effect(subject)
    action = {
        "type": "redirect_to_url",
        "redirect_to_url": {
            "url": outcome.redirect_url, "return_url": intent.details.get("return_url"),
        },
    }  # fmt: skip
    intent_now = replace(
        intent, status=_S.REQUIRES_ACTION, next_action=action, unknown=None,
        revision=intent.revision + 1,
    )  # fmt: skip
    draft.put(intent, intent_now)
    draft.event("payment_intent.requires_action", intent_now, intent_view)
    return Effect(replace(subject, intent=intent_now))


def _network(details: NetworkDetails) -> dict[str, Any] | None:
    found = {
        "network_code": details.network_code, "advice_code": details.advice_code,
        "reason_code": details.reason_code, "authorization_code": details.authorization_code,
    }  # fmt: skip
    return {k: v for k, v in found.items() if v is not None} or None
