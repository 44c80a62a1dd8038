"""Payments by card: created, confirmed, captured, canceled, refunded, raised, captured in parts."""

from __future__ import annotations

from typing import Any

from hazina.bootstrap.app import Core
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.faults.matrix.flow import OF_CHARGE, OF_REFUND, End, Flow, Perform, Place, Prepare
from tests.support import crash

PLACES = {
    "payments.before_first_unit": Place.BEFORE,
    "payments.after_first_unit": Place.COMMITTED,
    "payments.after_reply": Place.REPLIED,
    "payments.after_second_unit": Place.APPLIED,
}


def _prepare(operation: str) -> Prepare:
    async def prepare(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
        return await crash.prepare_with(core, caller, operation, metadata)

    return prepare


def _perform(operation: str) -> Perform:
    async def perform(
        core: Core, caller: Caller, intent: str, metadata: dict[str, str], key: IdempotencyRequest
    ) -> Answer:
        return await crash.perform_with(core, caller, operation, intent, metadata, key)

    return perform


def _flow(name: str, sends: str, done: End, failed: End, **more: Any) -> Flow:
    return Flow(
        name=name, places=PLACES, prepare=_prepare(name), perform=_perform(name), sends=sends,
        done=done, failed=failed, **more,
    )  # fmt: skip


_PAID = End("succeeded", ("payment_intent.succeeded", "charge.succeeded"))
_NOT_PAID = End("requires_payment_method", ("payment_intent.payment_failed", "charge.failed"))
_STANDS = End("requires_capture")
_PART_PAID = End("succeeded", ("payment_intent.succeeded", "charge.updated"))


async def _no_preparation(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    return ""


async def _charge(
    core: Core, caller: Caller, intent: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    wanted = {"amount": 5_000, "currency": "usd", "source": "tok_visa", "metadata": metadata}
    return await core.payments.create_charge(caller, wanted, key)


FLOWS = (
    _flow("create", "authorize", _PAID, _NOT_PAID, owed=True, declined="card_declined"),
    _flow("confirm", "authorize", _PAID, _NOT_PAID, owed=True, declined="card_declined"),
    _flow("capture", "capture", End("succeeded", ("payment_intent.succeeded", "charge.captured")),
          _STANDS, owed=True, declined="processing_error"),
    _flow("cancel", "void", End("canceled", ("payment_intent.canceled",)), _STANDS, owed=True,
          declined="processing_error"),
    _flow("refund", "refund", End("succeeded", ("refund.created", "charge.refunded")),
          End("failed", ("refund.created", "refund.failed")), owed=True, refused=None,
          unknown="pending", found_by=OF_REFUND),
    _flow("increment", "increment", End("requires_capture", ("charge.updated",)), _STANDS,
          declined="card_declined"),
    # The first of several captures, the last, and two ways to give up the rest after the first.
    _flow("part", "capture", End("requires_capture", ("charge.captured",)), _STANDS, owed=True,
          declined="processing_error"),
    _flow("finish", "capture", End("succeeded", ("payment_intent.succeeded",)), _STANDS,
          owed=True, declined="processing_error", earlier=1),
    _flow("release_rest", "void", _PART_PAID, _STANDS, owed=True, declined="processing_error"),
    _flow("cancel_rest", "void", _PART_PAID, _STANDS, owed=True, declined="processing_error"),
    # POST /v1/charges, as older clients do.
    Flow(name="charge", places=PLACES, prepare=_no_preparation, perform=_charge,
         sends="authorize", owed=True, done=End("succeeded", ("charge.succeeded",)),
         failed=End("failed", ("charge.failed",)), declined="card_declined", unknown="pending",
         found_by=OF_CHARGE),
)  # fmt: skip
