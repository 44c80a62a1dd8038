"""Payments by bank transfer: one unit of work, and nothing is asked of a provider."""

from __future__ import annotations

import orjson

from hazina.bootstrap.app import Core
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.faults.matrix.flow import End, Flow, Place

_PLACES = {
    "payments.before_first_unit": Place.BEFORE,
    "payments.after_only_unit": Place.APPLIED,
}
_OPTIONS = {
    "customer_balance": {
        "funding_type": "bank_transfer", "bank_transfer": {"type": "gb_bank_transfer"},
    }
}  # fmt: skip


async def _prepare(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    made = await core.customers.create(caller, {"name": "Amina"}, None)
    return str(orjson.loads(made.body)["id"])


async def _perform(
    core: Core, caller: Caller, customer: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    wanted = {
        "amount": 5_000, "currency": "gbp", "customer": customer, "confirm": True,
        "payment_method_types": ["customer_balance"], "metadata": metadata,
        "payment_method_data": {"type": "customer_balance"}, "payment_method_options": _OPTIONS,
    }  # fmt: skip
    return await core.payments.create_intent(caller, wanted, key)


_AWAITED = End("requires_action", ("payment_intent.created", "payment_intent.requires_action"))
FLOWS = (
    Flow(
        name="transfer", places=_PLACES, prepare=_prepare, perform=_perform, done=_AWAITED,
        failed=_AWAITED,
    ),
)  # fmt: skip
