"""What follows for a session, in every state of its payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hazina.checkout.session import Next, Session, Status, next_step

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SESSION = Session(
    merchant_id="acct_1_test", id="cs_test_1", created=NOW, expires_at=NOW + timedelta(hours=1),
    look_at=NOW + timedelta(hours=1), currency="kes", amount=100, line_items=[],
)  # fmt: skip
STATUSES = (
    None, "requires_payment_method", "requires_confirmation", "requires_action", "processing",
    "requires_capture", "canceled", "succeeded",
)  # fmt: skip
N = Next


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (
            "in time",
            (N.NOTHING, N.NOTHING, N.NOTHING, N.NOTHING, N.NOTHING, N.COMPLETE_UNPAID, N.EXPIRE,
             N.COMPLETE_PAID),
        ),
        (
            "over",
            (N.EXPIRE, N.CANCEL_PAYMENT, N.CANCEL_PAYMENT, N.CANCEL_PAYMENT, N.WAIT,
             N.COMPLETE_UNPAID, N.EXPIRE, N.COMPLETE_PAID),
        ),
        ("ended", None),
    ],
)  # fmt: skip
def test_an_open_session_follows_its_payment(when: str, expected: tuple[Next, ...] | None) -> None:
    now = NOW + timedelta(hours=2) if when == "over" else NOW
    found = tuple(next_step(SESSION, status, now, when == "ended") for status in STATUSES)
    # Being asked to end is as good as being over.
    over = tuple(next_step(SESSION, one, NOW + timedelta(hours=2), False) for one in STATUSES)
    assert found == (expected or over)


@pytest.mark.parametrize("status", STATUSES)
def test_what_has_ended_changes_only_by_a_later_capture(status: str | None) -> None:
    later = NOW + timedelta(days=9)
    assert next_step(SESSION.expired(), status, later, True) is Next.NOTHING
    begun = replace(SESSION, payment_intent="pi_1")
    assert next_step(begun.completed(True), status, later, True) is Next.NOTHING
    captured = Next.COMPLETE_PAID if status == "succeeded" else Next.NOTHING
    assert next_step(begun.completed(False), status, later, True) is captured


def test_a_session_has_one_payment_for_good() -> None:
    begun = SESSION.begun("pi_1", None, {})
    assert begun.begun("pi_1", None, {}).payment_intent == "pi_1"
    with pytest.raises(AssertionError):
        begun.begun("pi_2", None, {})
    with pytest.raises(AssertionError):
        SESSION.expired().completed(True)
    assert SESSION.expired().status is Status.EXPIRED
