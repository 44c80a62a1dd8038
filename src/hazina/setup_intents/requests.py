"""Deciding what a request does to a setup intent: the first unit of work of every operation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hazina.commands.command import Command, State, issue, settled
from hazina.commands.history import given_up
from hazina.metadata import merged
from hazina.payment_methods import changes
from hazina.payment_methods.method import PaymentMethod
from hazina.payment_methods.service import Made
from hazina.rails.contract import Operation
from hazina.refusals import Code, Refusal
from hazina.setup_intents.draft import Draft
from hazina.setup_intents.intent import (
    SetupAttempt,
    SetupIntent,
    SetupStatus,
    Verb,
    check_state,
)
from hazina.setup_intents.store import Loaded, Subject

_S = SetupStatus
_DETAILS = ("automatic_payment_methods", "description", "return_url")
_WORDS = frozenset({"description", "metadata"})


@dataclass(frozen=True, slots=True)
class SetupSettings:
    """Whom verifications go to, and the leases of the command and of idempotency keys."""

    provider: str
    command_lease_ms: int = 25_000
    key_lease_ms: int = 30_000


def create(
    draft: Draft, loaded: Loaded, params: dict[str, Any], settings: SetupSettings
) -> SetupIntent | Subject:
    """Make an intent and, with `confirm`, ask for its verification in the same unit."""
    intent_id = draft.ids.new("seti")
    blank = SetupIntent(
        merchant_id=draft.merchant.merchant_id, id=intent_id,
        status=_S.REQUIRES_PAYMENT_METHOD, usage=params.get("usage") or "off_session",
        client_secret=f"{intent_id}_secret_{draft.ids.secret()[:26]}", created=draft.now,
        details={}, metadata={},
    )  # fmt: skip
    intent, method = _with_params(draft, blank, loaded, params)
    draft.event("setup_intent.created", intent)
    if not params.get("confirm"):
        draft.add(intent)
        return replace(intent, version=1)
    return _verify(draft, None, intent, method, settings)


def update(draft: Draft, loaded: Loaded, params: dict[str, Any]) -> SetupIntent:
    """Change what the client sent. Refuses `setup_intent_unexpected_state`."""
    assert loaded.intent is not None
    before = loaded.intent
    check_state(before, Verb.REWORD if params.keys() <= _WORDS else Verb.CHANGE)
    after, _ = _with_params(draft, before, loaded, params)
    if after != before:
        after = replace(after, revision=before.revision + 1)
    draft.put(before, after)
    return after


def confirm(
    draft: Draft, loaded: Loaded, params: dict[str, Any], settings: SetupSettings
) -> Subject:
    """Ask for the verification of an intent that exists."""
    assert loaded.intent is not None
    check_state(loaded.intent, Verb.CONFIRM)
    changed, method = _with_params(draft, loaded.intent, loaded, params)
    return _verify(draft, loaded.intent, changed, method, settings)


def cancel(draft: Draft, loaded: Loaded, params: dict[str, Any]) -> SetupIntent:
    """End an intent. A verification holds no money, so the provider need not be told."""
    assert loaded.intent is not None
    before = loaded.intent
    check_state(before, Verb.CANCEL)
    after = replace(
        before, status=_S.CANCELED, cancellation_reason=params.get("cancellation_reason"),
        next_action=None, operation=None, revision=before.revision + 1,
    )  # fmt: skip
    if loaded.command is not None and loaded.attempt is not None:
        # Nobody waits for its outcome any more; one that comes finds the command done.
        draft.settle(settled(given_up(loaded.command)))
        draft.put(loaded.attempt, replace(loaded.attempt, status="abandoned"))
    draft.put(before, after)
    draft.event("setup_intent.canceled", after)
    return after


def _with_params(
    draft: Draft, intent: SetupIntent, loaded: Loaded, params: dict[str, Any]
) -> tuple[SetupIntent, PaymentMethod | None]:
    """Return the intent with what was sent, and its method, stored in this unit if it is new."""
    details = intent.details | {name: params[name] for name in _DETAILS if name in params}
    metadata = intent.metadata
    if "metadata" in params:
        metadata = merged(intent.metadata, params["metadata"])
    changed = replace(
        intent, usage=params.get("usage") or intent.usage,
        customer=params.get("customer", intent.customer), metadata=metadata,
        details={name: value for name, value in details.items() if value is not None},
    )  # fmt: skip
    method = _method(draft, loaded.method, changed.customer)
    if method is not None:
        status = intent.status
        if status is _S.REQUIRES_PAYMENT_METHOD:
            status = _S.REQUIRES_CONFIRMATION
        changed = replace(changed, payment_method=method.id, status=status)
    return changed, method


def _method(
    draft: Draft, given: Made | PaymentMethod | None, customer: str | None
) -> PaymentMethod | None:
    if given is None:
        return None
    if isinstance(given, Made):
        draft.changes += given.changes
    method = given.method if isinstance(given, Made) else given
    method.check_customer(customer)
    draft.changes += changes.stored(method)
    return method if method.version else replace(method, version=1)


def _verify(
    draft: Draft, before: SetupIntent | None, intent: SetupIntent, method: PaymentMethod | None,
    settings: SetupSettings,
) -> Subject:  # fmt: skip
    """Open an attempt: the intent's one operation, the attempt and the command."""
    if method is None:
        raise Refusal(
            Code.SETUP_INTENT_UNEXPECTED_STATE,
            "You cannot confirm this SetupIntent because it's missing a payment method. Update "
            "the SetupIntent with a payment method and then confirm it again.",
        )
    merchant = draft.merchant
    attempt_id, command_id = draft.ids.new("setatt"), draft.ids.new("cmd")
    attempt = SetupAttempt(
        merchant_id=merchant.merchant_id, id=attempt_id, setup_intent=intent.id,
        command=command_id, status="processing", usage=intent.usage, payment_method=method.id,
        card=method.card.details(), created=draft.now, customer=intent.customer,
    )  # fmt: skip
    command = Command(
        merchant.merchant_id, command_id, Operation.VERIFY, settings.provider, intent.id,
        attempt_id, None,
        {
            "amount_minor": 0, "currency": merchant.default_currency,
            "payment_method": method.card.behaviour,
            "return_url": intent.details.get("return_url"), "metadata": intent.metadata,
        },
        State.LEASED, 1, 0, None, 1,
    )  # fmt: skip
    opened = replace(
        intent, operation=command_id, latest_attempt=attempt_id, last_setup_error=None,
        next_action=None,
    )  # fmt: skip
    if before is None:
        draft.add(opened)
        opened = replace(opened, version=1)
    else:
        draft.put(before, opened)
        opened = replace(opened, version=before.version + 1)
    draft.add(attempt)
    draft.changes += changes.Changes(writes=(issue(command, settings.command_lease_ms, draft.now),))
    present = intent.customer is not None
    return Subject(command, opened, replace(attempt, version=1), method, present)
