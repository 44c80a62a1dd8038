"""Payments whose outcome comes later: debits, cards that want authentication, slow refunds."""

from __future__ import annotations

from typing import Any

from hazina.bootstrap.app import Core
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from hazina.secrets import Concealed
from tests.faults.matrix.flow import OF_REFUND, End, Flow, Perform
from tests.faults.matrix.flows.payments import PLACES
from tests.support import crash

_MANDATE = {"customer_acceptance": {"type": "offline", "accepted_at": 1_590_590_577}}
_PAID_IBAN, _RETURNED_IBAN = "DE89370400440532013000", "DE65370400440002222227"
_PAID = End("succeeded", ("payment_intent.succeeded", "charge.succeeded"))
_NOT_PAID = End("requires_payment_method", ("payment_intent.payment_failed", "charge.failed"))


def _debit(iban: str) -> dict[str, Any]:
    return {
        "currency": "eur", "payment_method_types": ["sepa_debit"], "mandate_data": _MANDATE,
        "payment_method_data": {"type": "sepa_debit", "sepa_debit": {"iban": Concealed(iban)}},
    }  # fmt: skip


_CARD = {"currency": "usd", "payment_method": "pm_card_threeDSecureRequired"}


async def _no_preparation(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    return ""


def _creates(paid_with: dict[str, Any]) -> Perform:
    async def perform(
        core: Core, caller: Caller, made: str, metadata: dict[str, str], key: IdempotencyRequest
    ) -> Answer:
        wanted = paid_with | {"amount": 5_000, "confirm": True, "metadata": metadata}
        return await core.payments.create_intent(caller, wanted, key)

    return perform


def _paid_later(name: str, paid_with: dict[str, Any], waits: str, **more: Any) -> Flow:
    done = _NOT_PAID if more.get("fails_with") else _PAID
    return Flow(
        name=name, places=PLACES, prepare=_no_preparation, perform=_creates(paid_with),
        sends="authorize", owed=True, done=done, failed=_NOT_PAID, waits=waits, **more,
    )  # fmt: skip


async def _prepare_refund(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    return await crash.prepare_with(
        core, caller, "refund", metadata, payment_method="pm_card_pendingRefund"
    )


async def _refund(
    core: Core, caller: Caller, intent: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    return await core.payments.create_refund(caller, {"payment_intent": intent}, key)


async def _prepare_challenge(
    core: Core, caller: Caller, cell: str, metadata: dict[str, str]
) -> str:
    return await crash.prepare_with(
        core, caller, "cancel", metadata, capture_method="automatic",
        payment_method="pm_card_threeDSecureRequired",
    )  # fmt: skip


async def _cancel(
    core: Core, caller: Caller, intent: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    return await core.payments.cancel_intent(caller, intent, {}, key)


async def _prepare_failing_refund(
    core: Core, caller: Caller, cell: str, metadata: dict[str, str]
) -> str:
    return await crash.prepare_with(
        core, caller, "refund", metadata, payment_method="pm_card_refundFail"
    )


_GIVEN_BACK = End("failed", ("refund.created", "refund.failed"))
FLOWS = (
    _paid_later("debit", _debit(_PAID_IBAN), "processing", declined="card_declined"),
    _paid_later("debit_returned", _debit(_RETURNED_IBAN), "processing", declined="card_declined",
                fails_with="insufficient_funds"),
    _paid_later("authenticated", _CARD, "requires_action", declined="card_declined"),
    _paid_later("not_authenticated", _CARD, "requires_action",
                fails_with="payment_intent_authentication_failure",
                cardholder="fail", declined="card_declined"),
    Flow(
        name="refund_pending", places=PLACES, prepare=_prepare_refund, perform=_refund,
        sends="refund", owed=True, waits="pending", unknown="pending", refused=None,
        done=End("succeeded", ("refund.created", "charge.refunded")),
        failed=_GIVEN_BACK, found_by=OF_REFUND,
    ),
    # The customer pays after all if the provider refuses to cancel.
    Flow(
        name="cancel_authenticating", places=PLACES, prepare=_prepare_challenge, perform=_cancel,
        sends="void", owed=True, declined="processing_error", decides_after="void",
        done=End("canceled", ("payment_intent.canceled",)), failed=_PAID,
    ),
    # It was made, and the customer's bank sends it back: that it was made may never be seen.
    Flow(
        name="refund_fails", places=PLACES, prepare=_prepare_failing_refund, perform=_refund,
        sends="refund", owed=True, at_first="succeeded", unknown="pending", refused=None,
        done=_GIVEN_BACK, failed=_GIVEN_BACK, found_by=OF_REFUND,
    ),
)  # fmt: skip
