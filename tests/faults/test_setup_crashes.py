"""A process dies while it verifies a card; afterwards everybody agrees on what became of it."""

from __future__ import annotations

import signal
from typing import Any

import orjson
import pytest

from hazina.bootstrap.app import Core, open_core
from hazina.crashpoints import declared
from hazina.idempotency.service import IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.support import crash
from tests.support.books import check_books, rows, settle
from tests.support.simulator import Simulator

_WHAT_IS_TRUE = {
    "setup_intents.before_first_unit": "succeeded",
    # Committed and never sent: the provider proves it, and another try is asked for.
    "setup_intents.after_first_unit": "requires_payment_method",
    "setup_intents.after_reply": "succeeded",
    "setup_intents.after_second_unit": "succeeded",
}


async def _verify(core: Core, caller: Caller, customer: str) -> dict[str, Any]:
    request = IdempotencyRequest(caller.merchant.merchant_id, "setup", "key", b"d")
    params = {"payment_method": "pm_card_visa", "customer": customer, "confirm": True}
    answer = await crash.read(core.setup_intents.create(caller, params, request))
    body: dict[str, Any] = orjson.loads(answer.body)
    return body


def test_each_boundary_is_tried() -> None:
    points = {point for point in declared() if point.startswith("setup_intents.")}
    assert _WHAT_IS_TRUE.keys() == points


@pytest.mark.parametrize("point", _WHAT_IS_TRUE)
async def test_a_card_is_verified_once_whenever_the_process_dies(
    fresh_database_url: str, point: str
) -> None:
    with Simulator() as simulator:
        chosen = crash.settings(fresh_database_url, simulator.url, patient=True)
        core = await open_core(chosen)
        caller = Caller(await core.merchants.create(), False, "req_1")
        made = await core.customers.create(caller, {}, None)
        customer = orjson.loads(made.body)["id"]
        await core.close()

        async def work(core: Core) -> None:
            crash.arm(point)
            await _verify(core, caller, customer)

        process = crash.start(chosen, work)
        process.join(30)
        assert process.exitcode == -signal.SIGKILL, process.said

        core = await open_core(chosen)
        await settle(core)
        await core.clock.sleep_ms(chosen.key_lease_ms)
        first, again = [await _verify(core, caller, customer) for _ in range(2)]
        await core.close()
        effects = [one for one in simulator.books() if one["kind"] == "verify"]
        check_books(fresh_database_url, simulator.books())
    succeeded = _WHAT_IS_TRUE[point] == "succeeded"
    assert first == again
    # The retry of what came to nothing reads the refusal, with the intent in it.
    assert ("error" in first) != succeeded
    intent = first if succeeded else first["error"]["setup_intent"]
    assert intent["status"] == _WHAT_IS_TRUE[point]
    assert len(effects) == succeeded
    assert len(rows(fresh_database_url, "SELECT id FROM setup_intent")) == 1
    kept = rows(fresh_database_url, "SELECT customer FROM payment_method")
    assert [row["customer"] for row in kept] == [customer if succeeded else None]
