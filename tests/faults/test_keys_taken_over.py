"""A process dies with a key in its hand: a retry after the lease learns what became of it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from hazina.bootstrap.app import Core, open_core
from hazina.merchants.merchant import Caller
from tests.support import crash
from tests.support.books import check_books, rows, settle
from tests.support.simulator import Simulator

_SETTLED = {"create": "requires_payment_method", "confirm": "requires_payment_method",
            "capture": "succeeded", "cancel": "canceled", "refund": "succeeded"}  # fmt: skip
"""An authorization that never left fails; what is owed is sent again until it is done."""


@pytest.mark.parametrize("open_still", [False, True], ids=["settled", "open"])
async def test_a_retry_of_a_dead_process_reads_the_operation_and_not_a_refusal(
    fresh_database_url: str, tmp_path: Path, open_still: bool
) -> None:
    with Simulator() as simulator:
        chosen = crash.settings(fresh_database_url, simulator.url)
        core = await open_core(chosen)
        caller = Caller(await core.merchants.create(overdraft_minor=10**9), False, "req_1")
        await core.close()
        for operation in _SETTLED:

            async def work(core: Core, operation: str = operation) -> None:
                intent = await crash.prepare(core, caller, operation, "timeout_before_effect")
                (tmp_path / operation).write_text(intent)
                crash.arm("payments.after_first_unit")
                await crash.perform(
                    core, caller, operation, "timeout_before_effect", intent, operation
                )

            process = crash.start(chosen, work)
            process.join(30)
            assert process.exitcode == -9
        # Until the window has passed, nobody can tell what became of a call without effect.
        window_ms = 60_000 if open_still else chosen.not_found_window_ms
        core = await open_core(chosen.model_copy(update={"not_found_window_ms": window_ms}))
        await core.clock.sleep_ms(chosen.key_lease_ms)
        await core.dispatch.run_due()
        if not open_still:
            await settle(core)
        for operation, status in _SETTLED.items():
            intent = (tmp_path / operation).read_text()
            answers = [
                await crash.perform(
                    core, caller, operation, "timeout_before_effect", intent, operation
                )
                for _ in range(2)
            ]
            assert answers[0].code is None, (operation, answers[0].body)
            assert answers[0].body == answers[1].body
            shown = orjson.loads(answers[0].body)
            waiting = "pending" if operation == "refund" else "processing"
            assert shown["status"] == (waiting if open_still else status), operation
            assert shown["object"] == ("refund" if operation == "refund" else "payment_intent")
        await core.close()
        core = await open_core(chosen)
        await settle(core)
        await core.close()
        check_books(fresh_database_url, simulator.books())
    assert len(rows(fresh_database_url, "SELECT id FROM refund")) == 1
