"""Cards that are verified for later payments."""

from __future__ import annotations

from hazina.bootstrap.app import Core
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.faults.matrix.flow import OF_SETUP, End, Flow, Place

_PLACES = {
    "setup_intents.before_first_unit": Place.BEFORE,
    "setup_intents.after_first_unit": Place.COMMITTED,
    "setup_intents.after_reply": Place.REPLIED,
    "setup_intents.after_second_unit": Place.APPLIED,
}


async def _prepare(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    return ""


async def _perform(
    core: Core, caller: Caller, made: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    wanted = {"payment_method": "pm_card_visa", "confirm": True, "metadata": metadata}
    return await core.setup_intents.create(caller, wanted, key)


FLOWS = (
    Flow(
        name="setup", places=_PLACES, prepare=_prepare, perform=_perform, sends="verify",
        done=End("succeeded", ("setup_intent.succeeded",)),
        failed=End("requires_payment_method", ("setup_intent.setup_failed",)),
        declined="card_declined", found_by=OF_SETUP,
    ),
)  # fmt: skip
