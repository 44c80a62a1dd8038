"""A provider contradicts itself: its books decide, not its messages."""

from __future__ import annotations

import asyncio

import pytest

from hazina.bootstrap.app import open_core
from hazina.cli.place import free_port
from hazina.merchants.merchant import Caller
from tests.support import crash
from tests.support.books import check_books, rows, settle
from tests.support.callback_door import PATH, callback_door
from tests.support.simulator import Simulator


@pytest.mark.parametrize("operation", ["create", "capture", "cancel", "refund"])
@pytest.mark.parametrize("fault", ["", "decline"], ids=["approved", "declined"])
async def test_a_callback_that_contradicts_the_books_changes_nothing(
    fresh_database_url: str, operation: str, fault: str
) -> None:
    port = free_port()
    with Simulator(callback_url=f"http://127.0.0.1:{port}{PATH}") as simulator:
        core = await open_core(crash.settings(fresh_database_url, simulator.url, patient=True))
        caller = Caller(await core.merchants.create(overdraft_minor=10**9), False, "req_1")
        at = crash.SIMULATED[operation]
        faults = ",".join(f"{one}@{at}" for one in (fault, "contradictory_callback") if one)
        async with callback_door(core, port):
            intent = await crash.prepare(core, caller, operation, faults)
            await crash.perform(core, caller, operation, faults, intent, "key")
            for _ in range(100):
                if rows(fresh_database_url, "SELECT 1 FROM inbox"):
                    break
                await asyncio.sleep(0.05)
            await settle(core)
        await core.close()
        books = simulator.books()
    told = rows(fresh_database_url, "SELECT state FROM inbox")
    assert [row["state"] for row in told] == ["applied"]
    check_books(fresh_database_url, books)
