"""What each request does in each state of an intent, with and without an operation open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hazina.payments import holds, requests
from hazina.payments.intent import Intent, IntentStatus
from hazina.payments.subject import Subject
from hazina.rails.contract import Operation
from hazina.refusals import Code, Refusal
from tests.unit.payments import builders as b
from tests.unit.payments.builders import S

OK = "allowed"
STATE = Code.PAYMENT_INTENT_UNEXPECTED_STATE.value
BUSY = Code.OPERATION_IN_PROGRESS.value
NOT_REFUNDABLE = Code.CHARGE_NOT_REFUNDABLE.value

NOTHING = "nothing to do"

REQUESTS = ("update", "reword", "confirm", "capture", "increment", "cancel", "expire", "refund")

# One row per status; the columns are REQUESTS. `update` changes the amount, `reword` metadata only.
IDLE: dict[IntentStatus, tuple[str, ...]] = {
    S.REQUIRES_PAYMENT_METHOD: (OK, OK, OK, STATE, STATE, OK, NOTHING, NOT_REFUNDABLE),
    S.REQUIRES_CONFIRMATION: (OK, OK, OK, STATE, STATE, OK, NOTHING, NOT_REFUNDABLE),
    S.REQUIRES_ACTION: (STATE, OK, STATE, STATE, STATE, OK, NOTHING, NOT_REFUNDABLE),
    S.PROCESSING: (STATE, OK, STATE, STATE, STATE, STATE, NOTHING, NOT_REFUNDABLE),
    S.REQUIRES_CAPTURE: (STATE, OK, STATE, OK, OK, OK, OK, NOT_REFUNDABLE),
    S.CANCELED: (STATE, OK, STATE, STATE, STATE, STATE, NOTHING, NOT_REFUNDABLE),
    S.SUCCEEDED: (STATE, OK, STATE, STATE, STATE, STATE, NOTHING, OK),
}
# While the customer authenticates, the authorization is open and may still be canceled.
AUTHORIZING: dict[IntentStatus, tuple[str, ...]] = {
    status: (BUSY, OK, BUSY, BUSY, BUSY, BUSY, NOTHING, row[7]) for status, row in IDLE.items()
} | {S.REQUIRES_ACTION: IDLE[S.REQUIRES_ACTION]}
VOIDING: dict[IntentStatus, tuple[str, ...]] = {
    status: (BUSY, OK, BUSY, BUSY, BUSY, BUSY, NOTHING, row[7]) for status, row in IDLE.items()
}
TABLES = {
    None: IDLE, "authorize": AUTHORIZING, "increment": VOIDING, "capture": VOIDING,
    "void": VOIDING,
}  # fmt: skip

CELLS = [
    pytest.param(kind, status, request, wanted, id=f"{request}-{status.value}-{kind}")
    for kind, table in TABLES.items()
    for status, row in table.items()
    for request, wanted in zip(REQUESTS, row, strict=True)
]


def _charge(intent: Intent) -> Any:
    match intent.status:
        case S.REQUIRES_ACTION | S.PROCESSING:
            return b.charge()
        case S.REQUIRES_CAPTURE:
            features = {"incremental_authorization": "available"}
            return b.authorized(hold="ch_1", capture_before=b.NOW, details=features)
        case S.SUCCEEDED:
            return b.captured()
        case _:
            return None


def _ask(request: str, intent: Intent) -> Any:
    drafted, charge = b.draft(), _charge(intent)
    match request:
        case "update":
            return requests.update(drafted, intent, {"amount": 20_000})
        case "reword":
            return requests.update(drafted, intent, {"metadata": {"order": "7"}})
        case "confirm":
            params = {"payment_method": "pm_card_visa"}
            return requests.confirm(drafted, intent, params, b.LEASE_MS)
        case "capture":
            return holds.capture(drafted, intent, charge or b.charge(), {}, b.LEASE_MS)
        case "increment":
            params = {"amount": intent.amount + 1}
            return holds.increment(drafted, intent, charge or b.charge(), params, b.LEASE_MS)
        case "cancel":
            return holds.cancel(drafted, intent, charge, {}, b.LEASE_MS)
        case "expire":
            return holds.expire(drafted, intent, charge or b.charge(), b.LEASE_MS)
        case _:
            return requests.refund(drafted, intent, charge or b.charge(), {}, b.LEASE_MS)


def test_the_tables_have_no_empty_cell() -> None:
    holding = {operation.value for operation in Operation} - {"refund", "verify"}
    assert TABLES.keys() == holding | {None}
    assert all(set(table) == set(IntentStatus) for table in TABLES.values())
    assert len(CELLS) == len(TABLES) * len(IntentStatus) * len(REQUESTS)


@pytest.mark.parametrize(("kind", "status", "request_name", "wanted"), CELLS)
def test_each_request_in_each_state_is_allowed_or_refused(
    kind: str | None, status: IntentStatus, request_name: str, wanted: str
) -> None:
    intent = b.intent(status, operation=None, operation_kind=None)
    if kind is not None:
        intent = b.held(intent, kind)

    if wanted in (OK, NOTHING):
        assert (_ask(request_name, intent) is None) == (wanted == NOTHING)
        return
    with pytest.raises(Refusal) as refused:
        _ask(request_name, intent)
    assert refused.value.code.value == wanted


@pytest.mark.parametrize("status", list(IntentStatus))
def test_an_open_authorization_keeps_what_it_was_asked_with(status: IntentStatus) -> None:
    """The provider was told amount, card and capture: they hold until it answers."""
    intent = b.held(b.intent(status), "authorize")
    for params in (
        {"amount": 20_000}, {"currency": "usd"}, {"payment_method": "pm_card_mastercard"},
        {"capture_method": "manual"}, {"customer": "cus_2"}, {"setup_future_usage": "off_session"},
        {"payment_method_types": ["sepa_debit"]}, {"payment_method_options": None},
    ):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            requests.update(b.draft(), intent, params)
        assert refused.value.code.value == (STATE if status is S.REQUIRES_ACTION else BUSY)


def test_what_a_payment_was_made_from_cannot_change_after_it() -> None:
    for params in (
        {"customer": "cus_2"}, {"setup_future_usage": "off_session"},
        {"payment_method_types": ["sepa_debit"]}, {"payment_method_options": None},
    ):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            requests.update(b.draft(), b.intent(S.SUCCEEDED), params)
        assert refused.value.code.value == STATE


def test_a_customer_is_set_once_and_may_be_named_again() -> None:
    owned = b.intent(customer="cus_1")
    assert requests.update(b.draft(), b.intent(), {"customer": "cus_1"}).customer == "cus_1"
    assert requests.update(b.draft(), owned, {"customer": "cus_1"}) == owned
    for other in ("cus_2", None):
        with pytest.raises(Refusal) as refused:
            requests.update(b.draft(), owned, {"customer": other})
        assert refused.value.param == "customer"


def test_a_payment_method_can_be_taken_back_before_the_confirmation() -> None:
    without = requests.update(b.draft(), b.intent(), {"payment_method": None})
    assert without.payment_method is None
    assert without.status is S.REQUIRES_PAYMENT_METHOD


def test_metadata_stays_within_fifty_keys_however_it_is_sent() -> None:
    full = {f"key{number}": "x" for number in range(50)}
    intent = b.intent(S.REQUIRES_CAPTURE, metadata=full)
    one_more = {"metadata": {"another": "x"}}
    for ask in (
        lambda: requests.update(b.draft(), intent, one_more),
        lambda: holds.capture(b.draft(), intent, b.authorized(), one_more, b.LEASE_MS),
        lambda: requests.update_words(b.draft(), b.captured(metadata=full), one_more),
        lambda: requests.update_words(b.draft(), b.refund(metadata=full), one_more),
    ):
        with pytest.raises(Refusal) as refused:
            ask()
        assert refused.value.param == "metadata"
    in_place_of_one = {"metadata": {"another": "x", "key0": ""}}
    changed = requests.update(b.draft(), intent, in_place_of_one)
    assert len(changed.metadata) == 50


def test_a_confirmation_opens_an_attempt_that_nobody_sees_yet() -> None:
    drafted = b.draft()
    subject = requests.confirm(drafted, b.intent(metadata={"order": "7"}), {}, b.LEASE_MS)
    assert subject.intent.status is S.REQUIRES_CONFIRMATION
    assert subject.intent.operation == subject.command.id == subject.charge.authorize_command
    assert subject.intent.operation_kind == "authorize"
    assert subject.charge.status == "open"
    assert subject.command.request["capture"] is True
    assert b.issued(drafted) == ["authorize"]
    assert b.entries(drafted) == ["authorization"]
    assert b.events(drafted) == []


def test_a_confirmation_needs_a_payment_method() -> None:
    with pytest.raises(Refusal) as refused:
        requests.confirm(b.draft(), b.intent(S.REQUIRES_PAYMENT_METHOD), {}, b.LEASE_MS)
    assert refused.value.code is Code.PAYMENT_INTENT_UNEXPECTED_STATE
    assert "payment method" in refused.value.message


def test_a_payment_method_makes_an_intent_ready_to_confirm() -> None:
    params = {"payment_method": "pm_card_visa"}
    changed = requests.update(b.draft(), b.intent(S.REQUIRES_PAYMENT_METHOD), params)
    assert changed.status is S.REQUIRES_CONFIRMATION
    assert changed.revision == 2


def test_an_update_that_changes_nothing_makes_no_new_version() -> None:
    drafted = b.draft()
    intent = b.intent(metadata={"order": "7"})
    assert requests.update(drafted, intent, {"metadata": {"order": "7"}}) == intent
    assert b.nothing(drafted)


def test_creating_without_confirming_asks_nobody() -> None:
    drafted = b.draft()
    made = requests.create(drafted, {"amount": 500, "currency": "kes"}, b.LEASE_MS)
    assert isinstance(made, Intent)
    assert made.status is S.REQUIRES_PAYMENT_METHOD
    assert b.events(drafted) == ["payment_intent.created"]
    assert b.issued(drafted) == []
    assert b.entries(drafted) == []


@pytest.mark.parametrize(("asked", "amount"), [({}, 10_000), ({"amount_to_capture": 1}, 1)])
def test_a_capture_takes_what_is_asked_or_the_whole(asked: dict[str, int], amount: int) -> None:
    drafted = b.draft()
    intent = b.intent(S.REQUIRES_CAPTURE)
    subject = holds.capture(drafted, intent, b.authorized(), asked, b.LEASE_MS)
    assert subject.command.request["amount_minor"] == amount
    assert subject.command.request["subject_reference"] == b.AUTHORIZE_ID
    assert (subject.intent.operation, subject.intent.operation_kind) == (
        subject.command.id,
        "capture",
    )
    assert b.entries(drafted) == []


@pytest.mark.parametrize(
    ("request_", "params"),
    [(holds.capture, {"amount_to_capture": 1_001}), (requests.refund, {"amount": 1_001})],
    ids=["capture", "refund"],
)
def test_a_third_decimal_is_neither_captured_nor_refunded(
    request_: Callable[..., Subject], params: dict[str, int]
) -> None:
    status = S.REQUIRES_CAPTURE if request_ is holds.capture else S.SUCCEEDED
    made = b.intent(status, currency="kwd")
    charge = replace(_charge(made), currency="kwd")

    with pytest.raises(Refusal) as refused:
        request_(b.draft(), made, charge, params, 1_000)

    assert refused.value.code is Code.PARAMETER_INVALID_INTEGER


def test_a_capture_above_the_authorization_is_refused() -> None:
    params = {"amount_to_capture": b.AMOUNT + 1}
    with pytest.raises(Refusal) as refused:
        holds.capture(b.draft(), b.intent(S.REQUIRES_CAPTURE), b.authorized(), params, b.LEASE_MS)
    assert refused.value.code is Code.CAPTURE_EXCEEDS_AUTHORIZATION
    assert refused.value.param == "amount_to_capture"


@pytest.mark.parametrize("status", [S.REQUIRES_PAYMENT_METHOD, S.REQUIRES_CONFIRMATION])
def test_canceling_an_intent_without_an_attempt_ends_it_at_once(status: IntentStatus) -> None:
    drafted = b.draft()
    params = {"cancellation_reason": "abandoned"}
    canceled = holds.cancel(drafted, b.intent(status), None, params, b.LEASE_MS)
    assert isinstance(canceled, Intent)
    assert (canceled.status, canceled.canceled_at) == (S.CANCELED, b.NOW)
    assert canceled.cancellation_reason == "abandoned"
    assert b.events(drafted) == ["payment_intent.canceled"]
    assert b.issued(drafted) == []


@pytest.mark.parametrize("status", [S.REQUIRES_ACTION, S.REQUIRES_CAPTURE])
def test_canceling_what_the_provider_knows_asks_for_a_void(status: IntentStatus) -> None:
    drafted = b.draft()
    intent = b.intent(status)
    subject = holds.cancel(drafted, intent, _charge(intent), {}, b.LEASE_MS)
    assert not isinstance(subject, Intent)
    assert subject.intent.status is status
    assert subject.intent.operation_kind == "void"
    assert b.issued(drafted) == ["void"]
    assert b.events(drafted) == []


def test_a_refund_reserves_its_amount_before_the_provider_is_asked() -> None:
    drafted = b.draft()
    intent = b.intent(S.SUCCEEDED)
    subject = requests.refund(drafted, intent, b.captured(), {"amount": 4_000}, b.LEASE_MS)
    assert subject.refund is not None
    assert (subject.refund.status, subject.refund.amount) == ("pending", 4_000)
    assert (subject.charge.amount_refund_reserved, subject.charge.refundable) == (4_000, 6_000)
    assert b.entries(drafted) == ["refund_reservation"]
    assert b.issued(drafted) == ["refund"]
    assert b.events(drafted) == []


@pytest.mark.parametrize(
    ("refunded", "reserved", "amount", "code"),
    [
        (0, 0, 10_001, Code.REFUND_EXCEEDS_CHARGE),
        (6_000, 0, 4_001, Code.REFUND_EXCEEDS_CHARGE),
        (0, 6_000, 4_001, Code.REFUND_EXCEEDS_CHARGE),
        (10_000, 0, None, Code.CHARGE_ALREADY_REFUNDED),
        (4_000, 6_000, 1, Code.CHARGE_ALREADY_REFUNDED),
    ],
)
def test_a_refund_counts_what_is_refunded_and_what_is_in_flight(
    refunded: int, reserved: int, amount: int | None, code: Code
) -> None:
    charge = b.captured(amount_refunded=refunded, amount_refund_reserved=reserved)
    params = {} if amount is None else {"amount": amount}
    with pytest.raises(Refusal) as refused:
        requests.refund(b.draft(), b.intent(S.SUCCEEDED), charge, params, b.LEASE_MS)
    assert refused.value.code is code


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({}, {"a": "1", "b": "2"}),
        ({"metadata": {"c": "3"}}, {"a": "1", "b": "2", "c": "3"}),
        ({"metadata": {"a": "9"}}, {"a": "9", "b": "2"}),
        ({"metadata": {"a": ""}}, {"b": "2"}),
        ({"metadata": {"a": None}}, {"b": "2"}),
        ({"metadata": {}}, {"a": "1", "b": "2"}),
        ({"metadata": None}, {}),
    ],
)
def test_metadata_is_merged_key_by_key(sent: dict[str, Any], kept: dict[str, str]) -> None:
    intent = b.intent(metadata={"a": "1", "b": "2"})
    assert requests.update(b.draft(), intent, sent).metadata == kept
    charge = replace(b.captured(), metadata={"a": "1", "b": "2"})
    assert requests.update_words(b.draft(), charge, sent).metadata == kept


@pytest.mark.parametrize("param", ["off_session", "error_on_requires_action"])
def test_how_to_confirm_is_not_said_without_a_confirmation(param: str) -> None:
    asked = {"amount": 500, "currency": "kes"}
    with pytest.raises(Refusal) as refused:
        requests.create(b.draft(), asked | {param: True}, b.LEASE_MS)
    assert (refused.value.code, refused.value.param) == (Code.PARAMETER_INVALID, param)
    assert isinstance(requests.create(b.draft(), asked | {param: False}, b.LEASE_MS), Intent)


def test_payment_methods_are_chosen_automatically_or_by_type() -> None:
    types = {"payment_method_types": ["card"]}
    with pytest.raises(Refusal) as refused:
        requests.checked(types | {"automatic_payment_methods": {"enabled": True}})
    assert refused.value.param == "automatic_payment_methods"
    assert requests.checked(types | {"automatic_payment_methods": {"enabled": False}})
