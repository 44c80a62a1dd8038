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

_SETTLED = {"create": "succeeded", "confirm": "succeeded", "capture": "succeeded",
            "increment": "processing_error", "cancel": "canceled",
            "refund": "succeeded"}  # fmt: skip
"""What becomes of what never left: what nobody owes is refused, what is owed is sent again."""
_DECLINED = ("create", "confirm", "capture", "increment", "cancel")


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
            assert process.exitcode == -9, process.said
        # Until the window has passed, nobody can tell what became of a call without effect.
        window_ms = 60_000 if open_still else chosen.not_found_window_ms
        core = await open_core(chosen.model_copy(update={"not_found_window_ms": window_ms}))
        await core.clock.sleep_ms(chosen.key_lease_ms)
        if not open_still:
            await settle(core)
        for operation, became in _SETTLED.items():
            intent = (tmp_path / operation).read_text()
            answers = [
                await crash.perform(
                    core, caller, operation, "timeout_before_effect", intent, operation
                )
                for _ in range(2)
            ]
            assert answers[0].body == answers[1].body
            shown = orjson.loads(answers[0].body)
            if not open_still and became == "processing_error":
                assert answers[0].code == became, (operation, answers[0].body)
                continue
            assert answers[0].code is None, (operation, answers[0].body)
            waiting = "pending" if operation == "refund" else "processing"
            assert shown["status"] == (waiting if open_still else became), operation
            assert shown["object"] == ("refund" if operation == "refund" else "payment_intent")
        await core.close()
        core = await open_core(chosen)
        await settle(core)
        await core.close()
        check_books(fresh_database_url, simulator.books())
    assert len(rows(fresh_database_url, "SELECT id FROM refund")) == 1


async def test_a_retry_of_a_dead_process_is_refused_as_that_would_have_been(
    fresh_database_url: str, tmp_path: Path
) -> None:
    with Simulator() as simulator:
        chosen = crash.settings(fresh_database_url, simulator.url)
        core = await open_core(chosen)
        caller = Caller(await core.merchants.create(overdraft_minor=10**9), False, "req_1")
        alive: dict[str, dict[str, str]] = {}
        for operation in _DECLINED:
            intent = await crash.prepare(core, caller, operation, "decline")
            answer = await crash.perform(core, caller, operation, "decline", intent, "alive")
            assert answer.code is not None
            alive[operation] = orjson.loads(answer.body)["error"]
        await core.close()
        for operation in _DECLINED:

            async def work(core: Core, operation: str = operation) -> None:
                intent = await crash.prepare(core, caller, operation, "decline")
                (tmp_path / operation).write_text(intent)
                crash.arm("payments.after_reply")
                await crash.perform(core, caller, operation, "decline", intent, operation)

            process = crash.start(chosen, work)
            process.join(30)
            assert process.exitcode == -9, process.said
        core = await open_core(chosen)
        await core.clock.sleep_ms(chosen.key_lease_ms)
        await settle(core)
        for operation, error in alive.items():
            intent = (tmp_path / operation).read_text()
            answers = [
                await crash.perform(core, caller, operation, "decline", intent, operation)
                for _ in range(2)
            ]
            assert answers[0].body == answers[1].body
            told = orjson.loads(answers[0].body)["error"]
            assert told.keys() == error.keys(), operation
            for name in ("type", "code", "decline_code", "network_decline_code"):
                assert told.get(name) == error.get(name), operation
        await core.close()
        check_books(fresh_database_url, simulator.books())
