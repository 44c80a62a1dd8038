"""What may be done to a charge and to a refund in each of their states; no cell is empty."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from hazina.payments import holds, requests
from hazina.payments.charge import Charge, ChargeStatus, check_capture
from hazina.payments.refund import RefundStatus, refuse_cancel
from hazina.refusals import Code, Refusal
from tests.unit.payments import builders as b
from tests.unit.payments.builders import S

OK = "allowed"
NOT_CAPTURABLE = Code.CHARGE_NOT_CAPTURABLE.value
CAPTURED = Code.CHARGE_ALREADY_CAPTURED.value
RELEASED = Code.CHARGE_EXPIRED_FOR_CAPTURE.value
NOT_REFUNDABLE = Code.CHARGE_NOT_REFUNDABLE.value
REFUNDED = Code.CHARGE_ALREADY_REFUNDED.value
NOT_CANCELABLE = Code.REFUND_NOT_CANCELABLE.value

AMOUNT = b.AMOUNT
CHARGES: dict[str, Charge] = {
    "open": b.charge(),
    "pending": b.charge(status="pending", revision=1),
    "failed": b.charge(status="failed", revision=1),
    "authorized": b.authorized(hold="ch_1", capture_before=b.NOW),
    "captured in part, more to come": b.authorized(
        hold="cmd_1", capture_before=b.NOW, amount_captured=4_000, funds="pending",
        details={"multicapture": "available"},
    ),
    "released": b.authorized(capture_before=b.NOW),
    "captured": b.captured(),
    "refunded in part": b.captured(amount_refunded=1_000),
    "refund in flight": b.captured(amount_refund_reserved=AMOUNT),
    "refunded": b.captured(amount_refunded=AMOUNT),
}  # fmt: skip
ON_CHARGES = ("capture", "refund", "update")
CHARGE_TABLE: dict[str, tuple[str, ...]] = {
    "open": (NOT_CAPTURABLE, NOT_REFUNDABLE, OK),
    "pending": (NOT_CAPTURABLE, NOT_REFUNDABLE, OK),
    "failed": (NOT_CAPTURABLE, NOT_REFUNDABLE, OK),
    "authorized": (OK, NOT_REFUNDABLE, OK),
    "captured in part, more to come": (OK, OK, OK),
    "released": (RELEASED, NOT_REFUNDABLE, OK),
    "captured": (CAPTURED, OK, OK),
    "refunded in part": (CAPTURED, OK, OK),
    "refund in flight": (CAPTURED, REFUNDED, OK),
    "refunded": (CAPTURED, REFUNDED, OK),
}
ON_REFUNDS = ("update", "cancel")
REFUND_TABLE: dict[str, tuple[str, ...]] = {
    "pending": (OK, NOT_CANCELABLE),
    "succeeded": (OK, NOT_CANCELABLE),
    "failed": (OK, NOT_CANCELABLE),
    "canceled": (OK, NOT_CANCELABLE),
}


def _cells(table: dict[str, tuple[str, ...]], operations: tuple[str, ...]) -> list[Any]:
    return [
        pytest.param(state, operation, wanted, id=f"{operation}-{state}")
        for state, row in table.items()
        for operation, wanted in zip(operations, row, strict=True)
    ]


def _came_of(work: Any) -> str:
    try:
        work()
    except Refusal as refusal:
        return refusal.code.value
    return OK


def test_no_state_and_no_cell_is_missing() -> None:
    assert CHARGES.keys() == CHARGE_TABLE.keys()
    assert {charge.status for charge in CHARGES.values()} == set(get_args(ChargeStatus))
    assert REFUND_TABLE.keys() == set(get_args(RefundStatus))


@pytest.mark.parametrize(("state", "operation", "wanted"), _cells(CHARGE_TABLE, ON_CHARGES))
def test_each_operation_on_a_charge_is_allowed_or_refused(
    state: str, operation: str, wanted: str
) -> None:
    charge = CHARGES[state]
    drafted = b.draft()
    partly = 0 < charge.amount_captured < charge.amount
    intent = b.intent(
        S.REQUIRES_CAPTURE if charge.hold else S.SUCCEEDED,
        amount_capturable=charge.amount - charge.amount_captured if charge.hold else 0,
        amount_received=charge.amount_captured,
    )

    def work() -> None:
        match operation:
            case "capture":
                check_capture(charge)
                params = {"amount_to_capture": 1_000, "final_capture": not partly}
                holds.capture(drafted, intent, charge, params, b.LEASE_MS)
            case "refund":
                requests.refund(drafted, intent, charge, {}, b.LEASE_MS)
            case _:
                requests.update_words(drafted, charge, {"metadata": {"order": "7"}})

    assert _came_of(work) == wanted


@pytest.mark.parametrize(("state", "operation", "wanted"), _cells(REFUND_TABLE, ON_REFUNDS))
def test_each_operation_on_a_refund_is_allowed_or_refused(
    state: str, operation: str, wanted: str
) -> None:
    refund = b.refund(status=state, revision=1)

    def work() -> None:
        if operation == "cancel":
            refuse_cancel(refund)
        requests.update_words(b.draft(), refund, {"metadata": {"order": "7"}})

    assert _came_of(work) == wanted
