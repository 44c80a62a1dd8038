"""Payments that a platform makes for one of its connected accounts."""

from __future__ import annotations

from dataclasses import replace

import orjson

from hazina.bootstrap.app import Core
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.faults.matrix.flow import OF_REFUND, End, Flow
from tests.faults.matrix.flows.payments import PLACES

_CARD = {"amount": 5_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}


async def _open_account(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    made = await core.accounts.create(caller, {"business_profile": {"name": "Soko"}}, None)
    assert made.code is None, made.body
    return str(orjson.loads(made.body)["id"])


async def _pay(
    core: Core, caller: Caller, account: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    acting = await core.merchants.acting_for(caller, account)
    key = replace(key, merchant_id=acting.merchant.merchant_id)
    return await core.payments.create_intent(acting, _CARD | {"metadata": metadata}, key)


async def _paid(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    account = await _open_account(core, caller, cell, metadata)
    acting = await core.merchants.acting_for(caller, account)
    paid = await core.payments.create_intent(acting, _CARD, None)
    intent = orjson.loads(paid.body)["id"]
    # Only now: what is asked of the provider must not strike the payment before.
    await core.payments.update_intent(acting, intent, {"metadata": metadata}, None)
    return f"{account} {intent}"


async def _refund(
    core: Core, caller: Caller, made: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    account, intent = made.split()
    acting = await core.merchants.acting_for(caller, account)
    key = replace(key, merchant_id=acting.merchant.merchant_id)
    return await core.payments.create_refund(acting, {"payment_intent": intent}, key)


FLOWS = (
    Flow(
        name="connected", places=PLACES, prepare=_open_account, perform=_pay, sends="authorize",
        owed=True,
        done=End("succeeded", ("payment_intent.succeeded", "charge.succeeded")),
        failed=End("requires_payment_method", ("payment_intent.payment_failed", "charge.failed")),
        declined="card_declined",
    ),
    Flow(
        name="connected_refund", places=PLACES, prepare=_paid, perform=_refund, sends="refund",
        owed=True, refused=None, unknown="pending", found_by=OF_REFUND,
        done=End("succeeded", ("refund.created", "charge.refunded")),
        failed=End("failed", ("refund.created", "refund.failed")),
    ),
)  # fmt: skip
