"""An authorization that never happened: sent again while it is young, and turned down after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hazina.commands.command import State
from hazina.db.unit import Update
from hazina.payments.draft import Draft
from hazina.payments.outcomes import apply
from hazina.rails.outcome import NotFound, NotSent
from hazina.refusals import Code
from hazina.values import replace
from tests.unit.payments import builders as b
from tests.unit.payments.builders import S

_NOWHERE = NotFound()
_TOO_LATE = NotSent("the lease grew too old", too_late=True)
_AWAY = NotSent("the provider's circuit breaker is open")


_SENT_AGAIN = [{"what": "sent_again", "fence": 3}]


def _changes(drafted: Draft) -> Mapping[str, Any]:
    (update,) = [w for w in drafted.writes if isinstance(w, Update) and w.table == "command"]
    return update.changes


@pytest.mark.parametrize(
    ("outcome", "history", "wait_ms"),
    [(_NOWHERE, None, 0), (_TOO_LATE, None, b.NEXT_MS), (_AWAY, _SENT_AGAIN, b.NEXT_MS)],
    ids=["not found", "too late to send it", "sent again in vain"],
)
def test_what_never_happened_is_owed_while_it_is_young(
    outcome: NotSent | NotFound, history: list[dict[str, Any]] | None, wait_ms: int
) -> None:
    drafted, subject = b.draft(), b.authorizing()
    subject = replace(subject, command=replace(subject.command, history=history))

    effect = apply(drafted, subject, outcome, b.NEXT_MS, young=True)

    assert effect.refusal is None
    assert b.command_state(drafted) == State.RESEND.value
    assert _changes(drafted)["next_at"] == wait_ms
    assert effect.subject.intent.status is S.PROCESSING
    assert effect.subject.intent.operation == subject.command.id
    assert b.events(drafted) == ["payment_intent.processing"]
    assert b.entries(drafted) == []


def test_what_is_sent_again_is_asked_about_as_soon_as_what_is_sent_first() -> None:
    drafted, subject = b.draft(), b.authorizing()
    subject = replace(subject, command=replace(subject.command, inquiries=4))

    apply(drafted, subject, _NOWHERE, b.NEXT_MS, young=True)

    assert _changes(drafted)["inquiries"] == 0


def test_a_provider_that_takes_nothing_is_tried_again_while_the_payment_is_young() -> None:
    drafted, subject = b.draft(), b.authorizing(status=S.PROCESSING)
    subject = replace(subject, command=replace(subject.command, history=_SENT_AGAIN))

    apply(drafted, subject, _AWAY, 600_000, young=True)

    assert _changes(drafted)["next_at"] == 30_000
    assert "inquiries" not in _changes(drafted), "it is tried ever more rarely"


def test_what_is_shown_as_processing_is_told_no_second_time() -> None:
    drafted, subject = b.draft(), b.authorizing(status=S.PROCESSING)

    apply(drafted, subject, _NOWHERE, b.NEXT_MS, young=True)

    assert b.command_state(drafted) == State.RESEND.value
    assert b.events(drafted) == []


@pytest.mark.parametrize("outcome", [_NOWHERE, _TOO_LATE, _AWAY], ids=["none", "late", "away"])
def test_what_has_grown_old_is_turned_down(outcome: NotSent | NotFound) -> None:
    drafted, subject = b.draft(), b.authorizing(status=S.PROCESSING)
    subject = replace(subject, command=replace(subject.command, fence=3))

    effect = apply(drafted, subject, outcome, b.NEXT_MS, young=False)

    assert effect.refusal is not None
    assert effect.refusal.code is Code.PROCESSING_ERROR
    assert b.command_state(drafted) == State.DONE.value
    assert effect.subject.intent.status is S.REQUIRES_PAYMENT_METHOD
    assert b.entries(drafted) == ["void"]


@pytest.mark.parametrize(
    "history", [None, [{"what": "inquiry", "fence": 2}]], ids=["at once", "asked about meanwhile"]
)
def test_a_provider_that_takes_nothing_at_the_first_try_is_told_of_at_once(
    history: list[dict[str, Any]] | None,
) -> None:
    drafted, subject = b.draft(), b.authorizing()
    subject = replace(subject, command=replace(subject.command, fence=2, history=history))

    effect = apply(drafted, subject, _AWAY, b.NEXT_MS, young=True)

    assert effect.refusal is not None
    assert b.command_state(drafted) == State.DONE.value


@pytest.mark.parametrize("status", [S.REQUIRES_ACTION, S.PROCESSING], ids=["asked", "refused"])
def test_what_the_customer_was_asked_to_authenticate_is_not_begun_anew(status: S) -> None:
    """Where its cancellation was refused meanwhile, it is shown as processing."""
    drafted, subject = b.draft(), b.authorizing(status=status)
    asked = {"what": "outcome", "outcome": "action_required", "door": "reply"}
    subject = replace(subject, command=replace(subject.command, history=[asked]))

    effect = apply(drafted, subject, _NOWHERE, b.NEXT_MS, young=True)

    assert b.command_state(drafted) == State.DONE.value
    assert effect.subject.intent.status is S.REQUIRES_PAYMENT_METHOD


def test_what_a_cancellation_has_taken_the_place_of_is_not_sent() -> None:
    drafted, subject = b.draft(), b.authorizing()
    subject = replace(subject, intent=b.held(b.intent(S.REQUIRES_CONFIRMATION), "void"))

    apply(drafted, subject, _NOWHERE, b.NEXT_MS, young=True)

    assert b.command_state(drafted) == State.DONE.value


def test_what_ended_otherwise_meanwhile_is_not_sent() -> None:
    drafted, subject = b.draft(), b.authorizing()
    subject = replace(
        subject, intent=b.intent(S.CANCELED), charge=replace(subject.charge, status="failed")
    )

    apply(drafted, subject, _NOWHERE, b.NEXT_MS, young=True)

    assert b.command_state(drafted) == State.DONE.value
    assert b.entries(drafted) == []
