"""Debits and bank transfers in every state: what their outcomes and requests change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hazina.payments import holds, requests
from hazina.payments.bank_transfer import awaited
from hazina.payments.intent import Intent
from hazina.payments.outcomes import apply
from hazina.payments.view import charge_view, intent_view
from hazina.rails.outcome import Outcome, Pending, Unknown
from hazina.refusals import Code, Refusal
from tests.unit.payments import builders as b
from tests.unit.payments.builders import S

STATE = Code.PAYMENT_INTENT_UNEXPECTED_STATE
TRANSFER = {"funding_type": "bank_transfer", "bank_transfer": {"type": "jp_bank_transfer"}}


def _waiting() -> Intent:
    details = {
        "payment_method_types": ["customer_balance"],
        "payment_method_options": {"customer_balance": TRANSFER},
    }
    made = b.intent(details=details, currency="jpy", customer="cus_1", payment_method="pm_1")
    return replace(awaited(b.draft(), made), version=2)


def test_an_awaited_transfer_asks_nobody_and_books_nothing() -> None:
    waiting = _waiting()
    assert (waiting.status, waiting.operation) == (S.REQUIRES_ACTION, None)
    assert waiting.next_action is not None
    assert waiting.next_action["type"] == "display_bank_transfer_instructions"


@pytest.mark.parametrize("request_name", ["update", "confirm", "capture", "increment"])
def test_what_would_take_money_is_refused_while_a_transfer_is_awaited(request_name: str) -> None:
    waiting, drafted = _waiting(), b.draft()
    ask: dict[str, Any] = {
        "update": lambda: requests.update(drafted, waiting, {"amount": 5}),
        "confirm": lambda: requests.confirm(drafted, waiting, {}, b.LEASE_MS),
        "capture": lambda: holds.capture(drafted, waiting, b.charge(), {}, b.LEASE_MS),
        "increment": lambda: holds.increment(
            drafted, waiting, b.charge(), {"amount": 99_999}, b.LEASE_MS
        ),
    }
    with pytest.raises(Refusal) as refused:
        ask[request_name]()
    assert refused.value.code is STATE


def test_canceling_an_awaited_transfer_ends_it_at_once_and_takes_its_instructions_away() -> None:
    drafted = b.draft()
    canceled = holds.cancel(drafted, _waiting(), None, {}, b.LEASE_MS)
    assert isinstance(canceled, Intent)
    assert (canceled.status, canceled.next_action) == (S.CANCELED, None)
    assert b.issued(drafted) == []
    assert b.entries(drafted) == []


@pytest.mark.parametrize(
    ("outcome", "events"),
    [
        (Pending("sbx_1"), ["charge.pending", "payment_intent.processing"]),
        (Unknown("timeout"), ["payment_intent.processing"]),
    ],
)
def test_a_debit_is_shown_as_pending_only_when_the_bank_is_known_to_have_it(
    outcome: Outcome, events: list[str]
) -> None:
    drafted = b.draft()
    account = {
        "bank_code": "1",
        "branch_code": None,
        "country": "DE",
        "last4": "3000",
        "fingerprint": "f",
    }
    charge = b.charge(details={"sepa_debit": account})
    subject = b.authorizing(details={"payment_method_types": ["sepa_debit"]})
    effect = apply(drafted, replace(subject, charge=charge), outcome, b.NEXT_MS)
    after = effect.subject
    assert b.events(drafted) == events
    assert (after.intent.status, after.charge.status) == (S.PROCESSING, "open")
    assert after.intent.latest_charge == (charge.id if len(events) == 2 else None)
    assert intent_view(after.intent, False)["processing"] is None
    shown = charge_view(after.charge, False)
    assert (shown["status"], shown["payment_method_details"]["type"]) == ("pending", "sepa_debit")
