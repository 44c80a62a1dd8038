"""Captured money that becomes available when its day has come: a worker's work, in one unit."""

from __future__ import annotations

import time
from contextlib import suppress

import orjson

from hazina.bootstrap.app import Core
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from hazina.refusals import Refusal
from tests.faults.matrix.flow import End, Flow, Place
from tests.support import crash

_PLACES = {
    "payments.before_release": Place.BEFORE,
    "payments.after_release": Place.APPLIED,
}
_THREE_DAYS = 3 * 86_400
_OF_FUNDS = (
    "SELECT c.payment_intent AS subject, c.funds AS status FROM charge c "
    "JOIN payment_intent i ON i.merchant_id = c.merchant_id AND i.id = c.payment_intent "
    "WHERE i.metadata->>'cell' = %(cell)s"
)


async def _prepare(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    """Pay as a customer who lives by a clock of their own."""
    frozen = {"frozen_time": int(time.time())}
    clock = _id(await core.test_clocks.create(caller, frozen, None))
    customer = _id(await core.customers.create(caller, {"test_clock": clock}, None))
    paid = await core.payments.create_intent(
        caller,
        {"amount": 5_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
         "customer": customer, "metadata": metadata},
        None,
    )  # fmt: skip
    return f"{clock} {orjson.loads(paid.body)['latest_charge']}"


async def _perform(
    core: Core, caller: Caller, made: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    clock, charge = made.split()
    # The second time the clock is under way already.
    with suppress(Refusal):
        then = {"frozen_time": int(time.time()) + _THREE_DAYS}
        await core.test_clocks.advance(caller, clock, then, None)
    await core.payments.release_due()
    return crash.shown(await core.payments.retrieve(caller, "charge", charge))


def _id(answer: Answer) -> str:
    assert answer.code is None, answer.body
    return str(orjson.loads(answer.body)["id"])


_AVAILABLE = End("available")
FLOWS = (
    Flow(
        name="release", places=_PLACES, prepare=_prepare, perform=_perform, done=_AVAILABLE,
        failed=_AVAILABLE, found_by=_OF_FUNDS, replays=False, alone=True,
    ),
)  # fmt: skip
