"""Each operation and each outcome in each state of a setup intent: no cell is empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hazina.commands.command import Command, State
from hazina.db.unit import Lane
from hazina.events.service import Cause
from hazina.ids import SeededIds
from hazina.merchants.merchant import Merchant
from hazina.payment_methods.card import card_of
from hazina.payment_methods.method import PaymentMethod
from hazina.payment_methods.test_methods import find
from hazina.rails.contract import Operation
from hazina.rails.outcome import (
    ActionRequired,
    Approved,
    Declined,
    NotFound,
    NotSent,
    Outcome,
    Pending,
    Unknown,
)
from hazina.refusals import Code, Refusal
from hazina.setup_intents import requests
from hazina.setup_intents.draft import Draft
from hazina.setup_intents.intent import LEGAL, SetupAttempt, SetupIntent, SetupStatus
from hazina.setup_intents.outcomes import apply
from hazina.setup_intents.requests import SetupSettings
from hazina.setup_intents.store import Loaded, Subject

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SETTINGS = SetupSettings("test")
S = SetupStatus
WRONG_STATE = Code.SETUP_INTENT_UNEXPECTED_STATE
BUSY = Code.OPERATION_IN_PROGRESS
TERMINAL = {S.SUCCEEDED, S.CANCELED}


def merchant() -> Merchant:
    """Return a boring merchant in test mode."""
    return Merchant(
        "acct_1_test", "acct_1", False, "KE", "kes", "Duka", None, 290, 0, NOW,
    )  # fmt: skip


def draft() -> Draft:
    return Draft(merchant(), NOW, SeededIds(1), Cause(), Lane.PAYMENT)


def method(customer: str | None = None, **more: Any) -> PaymentMethod:
    known = find("pm_card_visa")
    assert known is not None
    card = card_of(known, "print")
    return PaymentMethod(
        "acct_1_test", "pm_1", NOW, False, card, customer=customer, version=1, **more
    )


def intent(status: S, *, busy: bool = False, **more: Any) -> SetupIntent:
    """Return an intent as it stands in a state."""
    open_operation = busy or status in (S.REQUIRES_ACTION, S.PROCESSING)
    return SetupIntent(
        merchant_id="acct_1_test", id="seti_1", status=status, usage="off_session",
        client_secret="seti_1_secret_x", created=NOW, details={}, metadata={}, version=1,
        payment_method=None if status is S.REQUIRES_PAYMENT_METHOD else "pm_1",
        operation="cmd_1" if open_operation else None, **more,
    )  # fmt: skip


def command(state: State = State.LEASED) -> Command:
    return Command(
        "acct_1_test", "cmd_1", Operation.VERIFY, "test", "seti_1", "setatt_1", None, {}, state,
        1, 0, None, 1,
    )  # fmt: skip


def attempt(status: str = "processing") -> SetupAttempt:
    return SetupAttempt(
        "acct_1_test", "setatt_1", "seti_1", "cmd_1", status, "off_session", "pm_1",
        method().card.details(), NOW, version=1,
    )  # fmt: skip


def subject(status: S, **more: Any) -> Subject:
    """Return an open verification of an intent in a state."""
    trying = "requires_action" if status is S.REQUIRES_ACTION else "processing"
    found = intent(status, busy=True, customer="cus_1")
    return replace(Subject(command(), found, attempt(trying), method(), True), **more)


CLIENT: dict[tuple[str, S], S | Code] = {
    ("reword", S.REQUIRES_PAYMENT_METHOD): S.REQUIRES_PAYMENT_METHOD,
    ("reword", S.REQUIRES_CONFIRMATION): S.REQUIRES_CONFIRMATION,
    ("reword", S.REQUIRES_ACTION): S.REQUIRES_ACTION,
    ("reword", S.PROCESSING): S.PROCESSING,
    ("reword", S.SUCCEEDED): S.SUCCEEDED,
    ("reword", S.CANCELED): S.CANCELED,
    ("change", S.REQUIRES_PAYMENT_METHOD): S.REQUIRES_CONFIRMATION,
    ("change", S.REQUIRES_CONFIRMATION): S.REQUIRES_CONFIRMATION,
    ("change", S.REQUIRES_ACTION): WRONG_STATE,
    ("change", S.PROCESSING): WRONG_STATE,
    ("change", S.SUCCEEDED): WRONG_STATE,
    ("change", S.CANCELED): WRONG_STATE,
    ("confirm", S.REQUIRES_PAYMENT_METHOD): S.REQUIRES_CONFIRMATION,
    ("confirm", S.REQUIRES_CONFIRMATION): S.REQUIRES_CONFIRMATION,
    ("confirm", S.REQUIRES_ACTION): WRONG_STATE,
    ("confirm", S.PROCESSING): WRONG_STATE,
    ("confirm", S.SUCCEEDED): WRONG_STATE,
    ("confirm", S.CANCELED): WRONG_STATE,
    ("cancel", S.REQUIRES_PAYMENT_METHOD): S.CANCELED,
    ("cancel", S.REQUIRES_CONFIRMATION): S.CANCELED,
    ("cancel", S.REQUIRES_ACTION): S.CANCELED,
    ("cancel", S.PROCESSING): WRONG_STATE,
    ("cancel", S.SUCCEEDED): WRONG_STATE,
    ("cancel", S.CANCELED): WRONG_STATE,
}
OPERATIONS = ("reword", "change", "confirm", "cancel")


def act(operation: str, found: SetupIntent) -> tuple[Draft, SetupIntent]:
    """Do what a client asks for; return the draft and the intent as the unit leaves it."""
    drafted = draft()
    if operation == "cancel":
        open_command = command() if found.operation else None
        loaded = Loaded(found, None, open_command, attempt("requires_action"))
        return drafted, requests.cancel(drafted, loaded, {})
    if operation == "confirm":
        made = requests.confirm(drafted, Loaded(found, method()), {}, SETTINGS)
        return drafted, made.intent
    if operation == "change":
        return drafted, requests.update(drafted, Loaded(found, method()), {"payment_method": "x"})
    return drafted, requests.update(drafted, Loaded(found), {"description": "new"})


def test_no_cell_of_the_table_is_empty() -> None:
    assert set(CLIENT) == {(operation, status) for operation in OPERATIONS for status in S}


@pytest.mark.parametrize(("operation", "status"), CLIENT)
def test_each_operation_in_each_state(operation: str, status: S) -> None:
    expected = CLIENT[operation, status]
    if isinstance(expected, Code):
        with pytest.raises(Refusal) as refused:
            act(operation, intent(status))
        assert refused.value.code is expected
        return
    drafted, after = act(operation, intent(status))
    assert after.status is expected
    assert drafted.unit().relies_on


@pytest.mark.parametrize("operation", ["change", "confirm", "cancel"])
@pytest.mark.parametrize("status", [S.REQUIRES_PAYMENT_METHOD, S.REQUIRES_CONFIRMATION])
def test_an_open_verification_bars_every_other_operation(operation: str, status: S) -> None:
    with pytest.raises(Refusal) as refused:
        act(operation, intent(status, busy=True))
    assert refused.value.code is BUSY


APPROVED = Approved(0, "kes", "sbx_1")
DECLINED = Declined("generic_decline", "Your card was declined.")
OUTCOMES: list[tuple[Outcome | NotFound, S]] = [
    (APPROVED, S.SUCCEEDED),
    (DECLINED, S.REQUIRES_PAYMENT_METHOD),
    (NotSent("refused"), S.REQUIRES_PAYMENT_METHOD),
    (NotFound(), S.REQUIRES_PAYMENT_METHOD),
    (ActionRequired("http://127.0.0.1/x"), S.REQUIRES_ACTION),
    (Pending(), S.PROCESSING),
    (Unknown("no answer"), S.PROCESSING),
]


@pytest.mark.parametrize(("outcome", "expected"), OUTCOMES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("status", [s for s in S if s not in TERMINAL])
def test_each_outcome_in_each_open_state(
    status: S, outcome: Outcome | NotFound, expected: S
) -> None:
    if status is S.REQUIRES_ACTION and isinstance(outcome, Unknown):
        # An inquiry that failed does not take the address away from the customer.
        expected = S.REQUIRES_ACTION
    drafted = draft()
    effect = apply(drafted, subject(status), outcome, 1_000)

    assert effect.intent.status is expected
    assert (effect.refusal is not None) == (expected is S.REQUIRES_PAYMENT_METHOD)
    done = expected in (S.SUCCEEDED, S.REQUIRES_PAYMENT_METHOD)
    (settled,) = [w for w in drafted.unit().writes if w.table == "command"]
    assert settled.changes["state"] == ("done" if done else "waiting")  # type: ignore[union-attr]
    assert (effect.intent.operation is None) == done


@pytest.mark.parametrize("outcome", [outcome for outcome, _ in OUTCOMES], ids=type)
@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_terminal_state_never_changes(status: S, outcome: Outcome | NotFound) -> None:
    ended = attempt("succeeded" if status is S.SUCCEEDED else "abandoned")
    for state in (State.DONE, State.WAITING):
        drafted = draft()
        late = subject(status, command=command(state), attempt=ended)
        effect = apply(drafted, late, outcome, 1_000)
        assert effect.intent == late.intent
        assert {write.table for write in drafted.unit().writes} <= {"command"}


def test_success_attaches_the_method_to_the_customer_that_still_is() -> None:
    for present, customer in ((True, "cus_1"), (False, None)):
        drafted = draft()
        apply(drafted, subject(S.PROCESSING, customer_present=present), APPROVED, 1_000)
        events = [w.row["type"] for w in drafted.unit().writes if w.table == "event"]  # type: ignore[union-attr]
        assert ("payment_method.attached" in events) == (customer is not None)
        assert "setup_intent.succeeded" in events


def test_success_stands_whatever_became_of_the_method_meanwhile() -> None:
    for changed in (method("cus_2"), method(detached=True)):
        drafted = draft()
        effect = apply(drafted, subject(S.PROCESSING, method=changed), APPROVED, 1_000)
        assert effect.intent.status is S.SUCCEEDED
        assert "payment_method" not in {write.table for write in drafted.unit().writes}


def test_no_transition_leaves_a_terminal_state() -> None:
    assert {status for status, after in LEGAL.items() if not after} == TERMINAL
