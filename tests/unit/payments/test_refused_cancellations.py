"""A provider that refuses a cancellation: what the payment is afterwards, and what is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hazina.payments.outcomes import apply
from hazina.rails.outcome import Declined
from tests.unit.payments import builders as b
from tests.unit.payments.builders import S

_NO = Declined("processing_error", "The provider refused it.", code="processing_error")


@pytest.mark.parametrize(
    ("charge_status", "back", "told"),
    [
        ("succeeded", S.REQUIRES_CAPTURE, "payment_intent.amount_capturable_updated"),
        ("failed", S.REQUIRES_PAYMENT_METHOD, "payment_intent.payment_failed"),
    ],
)
def test_what_was_shown_as_processing_is_told_as_what_it_is_again(
    charge_status: str, back: S, told: str
) -> None:
    """The second: the customer failed to authenticate while the cancellation was under way."""
    drafted = b.draft()
    subject = b.voiding()
    subject = replace(
        subject, intent=replace(subject.intent, status=S.PROCESSING, revision=4),
        charge=replace(subject.charge, status=charge_status),
    )  # fmt: skip

    effect = apply(drafted, subject, _NO, b.NEXT_MS)

    assert effect.refusal is not None
    assert (effect.subject.intent.status, effect.subject.intent.revision) == (back, 5)
    assert effect.subject.intent.operation is None
    assert b.events(drafted) == [told]
