"""Payments in every state with boring defaults, and readers of what a draft gathered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from hazina.clock import ManualClock
from hazina.commands.command import Command, State
from hazina.db.unit import Insert, Update
from hazina.events.service import Cause
from hazina.ids import SeededIds
from hazina.merchants.merchant import Merchant
from hazina.payments.authorizing import command_for
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import Intent, IntentStatus
from hazina.payments.refund import Refund
from hazina.payments.subject import Subject
from hazina.rails.contract import Operation
from hazina.rails.outcome import Approved, NetworkDetails

S = IntentStatus
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AMOUNT = 10_000
LEASE_MS = 25_000
NEXT_MS = 3_000
AUTHORIZE_ID = "cmd_authorize"

MERCHANT = Merchant(
    merchant_id="acct_1_test", account_id="acct_1", livemode=False, country="KE",
    default_currency="kes", business_name="Duka", email=None, fee_basis_points=250,
    overdraft_minor=0, created=NOW,
)  # fmt: skip


def draft() -> Draft:
    """Return an empty draft of the same moment and the same ids each time."""
    return Draft(MERCHANT, ManualClock(NOW).now(), SeededIds(1), 0, Cause())


def intent(status: IntentStatus = S.REQUIRES_CONFIRMATION, **changes: Any) -> Intent:
    """Return an intent that has what its status implies."""
    made = Intent(
        merchant_id=MERCHANT.merchant_id, id="pi_1", amount=AMOUNT, currency="kes", status=status,
        capture_method="automatic", client_secret="pi_1_secret_x", created=NOW, details={},
        metadata={}, payment_method="pm_card_visa", revision=1, version=1,
    )  # fmt: skip
    if status is S.REQUIRES_PAYMENT_METHOD:
        made = replace(made, payment_method=None)
    if status is S.REQUIRES_CAPTURE:
        made = replace(made, capture_method="manual", amount_capturable=AMOUNT)
    if status is S.SUCCEEDED:
        made = replace(made, amount_received=AMOUNT)
    if status in (S.REQUIRES_CAPTURE, S.SUCCEEDED):
        made = replace(made, latest_charge="ch_1")
    if status in (S.REQUIRES_ACTION, S.PROCESSING):
        made = held(made, "authorize")
    if status is S.REQUIRES_ACTION:
        made = replace(made, next_action={"type": "redirect_to_url"})
    return replace(made, **changes)


def held(made: Intent, kind: str) -> Intent:
    """Return the intent with an operation of that kind open."""
    command_id = AUTHORIZE_ID if kind == "authorize" else f"cmd_{kind}"
    return replace(made, operation=command_id, operation_kind=kind)


def charge(**changes: Any) -> Charge:
    """Return an open attempt."""
    made = Charge(
        merchant_id=MERCHANT.merchant_id, id="ch_1", payment_intent="pi_1",
        authorize_command=AUTHORIZE_ID, amount=AMOUNT, currency="kes",
        payment_method="pm_card_visa", provider="test", clearing_slot=0, created=NOW, details={},
        metadata={}, version=1,
    )  # fmt: skip
    return replace(made, **changes)


def authorized(**changes: Any) -> Charge:
    """Return a charge that is authorized and not captured."""
    return charge(status="succeeded", revision=1, **changes)


def captured(amount: int = AMOUNT, **changes: Any) -> Charge:
    """Return a charge whose money was taken and is still pending."""
    return authorized(
        captured=True, amount_captured=amount, fee=250, funds="pending", available_on=NOW, **changes
    )


def refund(amount: int = 4_000, **changes: Any) -> Refund:
    """Return a refund that nobody has seen yet."""
    made = Refund(
        merchant_id=MERCHANT.merchant_id, id="re_1", charge="ch_1", payment_intent="pi_1",
        amount=amount, currency="kes", from_available=False, clearing_slot=0, created=NOW,
        metadata={}, version=1,
    )  # fmt: skip
    return replace(made, **changes)


def command(operation: Operation, amount: int = AMOUNT, *, capture: bool = True) -> Command:
    """Return a leased command about the charge."""
    if operation is not Operation.AUTHORIZE:
        refund_id = "re_1" if operation is Operation.REFUND else None
        made = command_for(draft(), operation, charge(), amount, {}, refund_id)
        return replace(made, id=f"cmd_{operation.value}")
    request = {
        "amount_minor": amount, "currency": "kes", "payment_method": "pm_card_visa",
        "capture": capture, "return_url": None, "metadata": {},
    }  # fmt: skip
    return Command(
        MERCHANT.merchant_id, AUTHORIZE_ID, operation, "test", "pi_1", "ch_1", None, request,
        State.LEASED, 1, 0, None, 1,
    )  # fmt: skip


def authorizing(*, manual: bool = False, **changes: Any) -> Subject:
    """Return a confirmation that waits for its outcome."""
    made = intent(S.REQUIRES_CONFIRMATION, capture_method="manual" if manual else "automatic")
    made = replace(held(made, "authorize"), **changes)
    return Subject(command(Operation.AUTHORIZE, capture=not manual), made, charge())


def capturing(amount: int = AMOUNT) -> Subject:
    """Return a capture that waits for its outcome."""
    made = held(intent(S.REQUIRES_CAPTURE), "capture")
    return Subject(command(Operation.CAPTURE, amount), made, authorized())


def voiding() -> Subject:
    """Return a cancellation of an authorization that waits for its outcome."""
    made = held(intent(S.REQUIRES_CAPTURE), "void")
    return Subject(command(Operation.VOID), made, authorized())


def refunding(amount: int = 4_000) -> Subject:
    """Return a refund that waits for its outcome, its amount reserved."""
    made = captured(amount_refund_reserved=amount)
    given = command(Operation.REFUND, amount)
    return Subject(given, intent(S.SUCCEEDED), made, refund(amount))


def done(subject: Subject) -> Subject:
    """Return the subject with its command settled."""
    return replace(subject, command=replace(subject.command, state=State.DONE))


def approved(amount: int = AMOUNT) -> Approved:
    return Approved(amount, "kes", "ref_1", NetworkDetails("00", None, "100", "831000"))


def events(drafted: Draft) -> list[str]:
    """Return the types of the events recorded, in order."""
    return [w.row["type"] for w in _inserts(drafted, "event")]


def event_bodies(drafted: Draft) -> list[dict[str, Any]]:
    return [orjson.loads(w.row["body"]) for w in _inserts(drafted, "event")]


def lines(drafted: Draft) -> list[tuple[str, int, int]]:
    """Return type, amount and fee of the balance lines added."""
    found = _inserts(drafted, "balance_transaction")
    return [(w.row["type"], w.row["amount"], w.row["fee"]) for w in found]


def _inserts(drafted: Draft, table: str) -> list[Insert]:
    return [w for w in drafted.writes if isinstance(w, Insert) and w.table == table]


def issued(drafted: Draft) -> list[str]:
    """Return the operations of the commands that the draft issues."""
    return [w.row["operation"] for w in _inserts(drafted, "command")]


def command_state(drafted: Draft) -> str | None:
    """Return the state that the draft puts its command in, or None if it leaves it alone."""
    found = [w for w in drafted.writes if isinstance(w, Update) and w.table == "command"]
    assert len(found) <= 1
    return found[0].changes["state"] if found else None


def entries(drafted: Draft) -> list[str]:
    """Return the ledger entries booked, each once."""
    return list(dict.fromkeys(transfer.entry for transfer in drafted.transfers))


def nothing(drafted: Draft) -> bool:
    """Tell whether the draft changes nothing at all."""
    return not drafted.writes and not drafted.transfers
