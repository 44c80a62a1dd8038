"""The hosted page: a session's payment is made, written down, confirmed and followed."""

from __future__ import annotations

from typing import Any

import orjson

from hazina.bootstrap.app import Core
from hazina.checkout.paying import Payer
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.faults.matrix.flow import End, Flow, Perform, Place
from tests.faults.matrix.flows.payments import PLACES
from tests.support import crash

_PLACES = PLACES | {
    "payments.after_only_unit": Place.BEFORE,
    "checkout.payment_made": Place.BEFORE,
    "checkout.payment_written_down": Place.BEFORE,
    "checkout.payment_confirmed": Place.APPLIED,
}
_PRICE = {"currency": "usd", "unit_amount": 5_000, "product_data": {"name": "Kikoi"}}


async def _prepare(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    wanted = {
        "line_items": [{"price_data": _PRICE, "quantity": 1}],
        "payment_intent_data": {"metadata": metadata},
    }
    made = await core.checkout.sessions.create(caller, wanted, None)
    return str(orjson.loads(made.body)["id"])


def _pays_with(card: str) -> Perform:
    async def perform(
        core: Core, caller: Caller, session: str, metadata: dict[str, str], key: IdempotencyRequest
    ) -> Answer:
        return await _pay(core, session, card)

    return perform


async def _pay(core: Core, session: str, card: str) -> Answer:
    visit = await core.checkout.visits.look(session)
    assert visit is not None

    async def method(_: Caller) -> str:
        return card

    await core.checkout.visits.pay(visit, Payer("a@example.com", "Amina", "one"), method)
    visit = await core.checkout.visits.look(session)
    assert visit is not None
    assert visit.intent is not None
    paid = visit.intent["status"] == "succeeded"
    assert (visit.session.status.value == "complete") == paid, visit
    return crash.shown(visit.intent)


def _flow(name: str, card: str, **more: Any) -> Flow:
    failed = End("requires_payment_method", ("payment_intent.payment_failed", "charge.failed"))
    done = End("succeeded", ("payment_intent.succeeded", "charge.succeeded"))
    return Flow(
        name=name, places=_PLACES, prepare=_prepare, perform=_pays_with(card), sends="authorize",
        owed=True, done=done, failed=failed, declined=None, refused=None, replays=False, **more,
    )  # fmt: skip


FLOWS = (
    _flow("checkout", "pm_card_visa"),
    _flow("checkout_authenticated", "pm_card_threeDSecureRequired", waits="requires_action"),
)
