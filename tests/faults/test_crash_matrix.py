"""A process is killed at each effect boundary; afterwards everything settles, once."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from hazina.bootstrap.app import Core, open_core
from hazina.crashpoints import POINTS
from hazina.db.queries import load_queries
from hazina.ledger.verify import INVARIANTS
from hazina.merchants.merchant import Caller
from tests.support import crash
from tests.support.simulator import Simulator

OPERATIONS = ("create", "confirm", "capture", "cancel", "refund")
FAULTS = ("ok", "decline", "timeout_before_effect", "timeout_after_effect")
DIED = -signal.SIGKILL
_SHARE = 60
Cell = tuple[str, str, str]


def _cells() -> list[Cell]:
    points = [point for point in POINTS if point.startswith("payments.")]
    points += [point for point in POINTS if point.startswith("dispatch.")]
    cells = list(itertools.product(points, OPERATIONS, FAULTS))
    if os.environ.get("HAZINA_FAULTS") == "whole":
        return cells
    seed = int(os.environ.get("HAZINA_SEED") or time.time_ns() % 1_000_000)
    print(f"HAZINA_SEED={seed}")
    chosen = random.Random(seed)
    # At least one cell of each boundary, so that one that is never reached is noticed.
    each = [chosen.choice([c for c in cells if c[0] == point]) for point in points]
    return each + chosen.sample([c for c in cells if c not in each], _SHARE - len(each))


async def test_whatever_boundary_a_process_dies_at_all_settles_once(
    fresh_database_url: str, tmp_path: Path
) -> None:
    cells = _cells()
    with Simulator() as simulator:
        chosen = crash.settings(fresh_database_url, simulator.url)
        core = await open_core(chosen)
        caller = Caller(await core.merchants.create(overdraft_minor=10**9), False, "req_1")
        await core.close()
        for cell in cells:
            await _die(chosen, caller, cell, tmp_path)
        wanted = [point for point, _, _ in cells if point.startswith("dispatch.")]
        asking = [crash.start(chosen, _asks_until_it_dies(point)) for point in wanted]
        for point, process in zip(wanted, asking, strict=True):
            process.join(30)
            assert process.exitcode == DIED, f"{point} was never reached: {process.exitcode}"
        core = await open_core(chosen)
        await _settle(core, fresh_database_url)
        before = simulator.books()
        for cell in cells:
            point, operation, fault = cell
            intent = (tmp_path / "-".join(cell)).read_text()
            if point != "payments.before_first_unit":
                await crash.perform(core, caller, operation, fault, intent, "-".join(cell))
        assert simulator.books() == before, "a retry had a second effect"
        await core.close()
        _check(fresh_database_url, before)


async def _die(chosen: crash.Settings, caller: Caller, cell: Cell, folder: Path) -> None:
    point, operation, fault = cell
    key = "-".join(cell)

    async def work(core: Core) -> None:
        intent = await crash.prepare(core, caller, operation, fault)
        (folder / key).write_text(intent)
        crash.arm(point if point.startswith("payments.") else "payments.after_reply")
        await crash.perform(core, caller, operation, fault, intent, key)

    process = crash.start(chosen, work)
    process.join(30)
    assert process.exitcode == DIED, f"{cell} was never reached: {process.exitcode}"


def _asks_until_it_dies(point: str) -> Callable[[Core], Awaitable[None]]:
    async def work(core: Core) -> None:
        crash.arm(point)
        for _ in range(200):
            await core.dispatch.run_due(1)
            await core.clock.sleep_ms(50)

    return work


async def _settle(core: Core, database_url: str) -> None:
    for _ in range(300):
        await core.dispatch.run_due()
        with psycopg.connect(database_url) as connection:
            found = connection.execute("SELECT count(*) FROM command WHERE state <> 'done'")
            if found.fetchone() == (0,):
                return
        await core.clock.sleep_ms(100)
    raise AssertionError("commands are left open")


def _check(database_url: str, books: list[dict[str, object]]) -> None:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        for name, query in load_queries([INVARIANTS]).items():
            assert connection.execute(query.encode()).fetchall() == [], name
        processing = connection.execute(
            "SELECT id FROM payment_intent WHERE status = 'processing' OR operation IS NOT NULL"
        ).fetchall()
        assert processing == []
        assert connection.execute("SELECT id FROM refund WHERE status = 'pending'").fetchall() == []
        charges = connection.execute("SELECT * FROM charge").fetchall()
    entries = {entry["reference"]: entry for entry in books}
    for charge in charges:
        entry = entries.get(charge["authorize_command"])
        approved = entry is not None and entry["state"] in ("approved", "voided")
        assert (charge["status"] == "succeeded") == approved, (charge, entry)
        if entry is not None and approved:
            assert charge["amount_captured"] == entry["captured"], (charge, entry)
            assert charge["amount_refunded"] == entry["refunded"], (charge, entry)
