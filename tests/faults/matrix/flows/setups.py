"""Cards that are verified for later payments."""

from __future__ import annotations

from typing import Any

import orjson

from hazina.bootstrap.app import Core
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.faults.matrix.flow import OF_SETUP, End, Flow, Perform, Place, Prepare

_PLACES = {
    "setup_intents.before_first_unit": Place.BEFORE,
    "setup_intents.after_first_unit": Place.COMMITTED,
    "setup_intents.after_reply": Place.REPLIED,
    "setup_intents.after_second_unit": Place.APPLIED,
}


_CARD, _WANTS_AUTHENTICATION = "pm_card_visa", "pm_card_threeDSecureRequired"


async def _no_preparation(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    return ""


async def _unconfirmed(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    wanted = {"payment_method": _CARD, "metadata": metadata}
    made = await core.setup_intents.create(caller, wanted, None)
    return str(orjson.loads(made.body)["id"])


def _creates(method: str) -> Perform:
    async def perform(
        core: Core, caller: Caller, made: str, metadata: dict[str, str], key: IdempotencyRequest
    ) -> Answer:
        wanted = {"payment_method": method, "confirm": True, "metadata": metadata}
        return await core.setup_intents.create(caller, wanted, key)

    return perform


async def _confirm(
    core: Core, caller: Caller, made: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    return await core.setup_intents.confirm(caller, made, {}, key)


_VERIFIED = End("succeeded", ("setup_intent.succeeded",))
_NOT_VERIFIED = End("requires_payment_method", ("setup_intent.setup_failed",))


def _flow(name: str, prepare: Prepare, perform: Perform, **more: Any) -> Flow:
    return Flow(
        name=name, places=_PLACES, prepare=prepare, perform=perform, sends="verify",
        done=_NOT_VERIFIED if more.get("fails_with") else _VERIFIED, failed=_NOT_VERIFIED,
        declined="card_declined", found_by=OF_SETUP, **more,
    )  # fmt: skip


FLOWS = (
    _flow("setup", _no_preparation, _creates(_CARD)),
    _flow("setup_confirmed", _unconfirmed, _confirm),
    _flow("setup_authenticated", _no_preparation, _creates(_WANTS_AUTHENTICATION),
          waits="requires_action"),
    _flow("setup_not_authenticated", _no_preparation, _creates(_WANTS_AUTHENTICATION),
          waits="requires_action", fails_with="setup_intent_authentication_failure",
          cardholder="fail"),
)  # fmt: skip
