"""Runs the same rounds in two processes at once, and compares all books afterwards."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row

from hazina.bootstrap.app import Core
from hazina.bootstrap.settings import Settings
from hazina.db.queries import load_queries
from hazina.idempotency.service import Answer, refused
from hazina.ledger.verify import INVARIANTS
from hazina.refusals import Refusal
from tests.support import crash
from tests.support.answers import demand_shape

ROUNDS = 300 if os.environ.get("HAZINA_FAULTS") == "whole" else 10
WAVE = 10
"""So many rounds run at once in both processes; a barrier starts each wave in both."""
_PATIENCE_S = 60
_EFFECTIVE = ("approved", "voided", "pending")

Side = Callable[[Core, int], Awaitable[list[Answer]]]
"""What one process does in a round: it returns every answer that its callers read."""


async def read(asked: Awaitable[Answer]) -> Answer:
    """Return what the client reads, whether the core answered or refused."""
    try:
        return await asked
    except Refusal as refusal:
        return refused(refusal)


def race(
    chosen: Settings, first: Side, second: Side, folder: Path, rounds: int = ROUNDS
) -> list[list[Answer]]:
    """Run both sides of every round at once in two processes; return each round's answers."""
    barrier = multiprocessing.get_context("fork").Barrier(2)
    processes = []
    for number, side in enumerate((first, second)):
        file = folder / f"answers-{number}.json"
        processes.append(crash.start(chosen, _works(side, barrier, file, rounds)))
    for process in processes:
        process.join(_PATIENCE_S * (1 + rounds // 50))
        assert process.exitcode == 0, f"a side of the race ended with {process.exitcode}"
    sides = [orjson.loads((folder / f"answers-{number}.json").read_bytes()) for number in (0, 1)]
    found = [
        [Answer(code, body.encode()) for side in sides for code, body in side[number]]
        for number in range(rounds)
    ]
    for answer in (one for row in found for one in row):
        demand_shape("an answer of a race", answer.body)
    return found


def _works(side: Side, barrier: Any, file: Path, rounds: int) -> Callable[[Core], Awaitable[None]]:
    async def work(core: Core) -> None:
        found: list[list[Answer]] = []
        for start in range(0, rounds, WAVE):
            wave = range(start, min(start + WAVE, rounds))
            await asyncio.to_thread(barrier.wait, _PATIENCE_S)
            found += await asyncio.gather(*(side(core, number) for number in wave))
        file.write_bytes(orjson.dumps([[(a.code, a.body.decode()) for a in row] for row in found]))

    return work


async def settle(core: Core, database_url: str) -> None:
    """Ask the provider about what is open until nothing is."""
    for _ in range(300):
        await core.dispatch.run_due()
        with psycopg.connect(database_url) as connection:
            found = connection.execute("SELECT count(*) FROM command WHERE state <> 'done'")
            if found.fetchone() == (0,):
                return
        await core.clock.sleep_ms(100)
    raise AssertionError("commands are left open")


def rows(database_url: str, query: str) -> list[dict[str, Any]]:
    """Return what a query finds."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def check_books(database_url: str, books: Sequence[dict[str, Any]]) -> None:
    """Demand that nothing is open, all invariants hold, and the provider's books equal ours."""
    for name, query in load_queries([INVARIANTS]).items():
        assert rows(database_url, query) == [], name
    open_intents = "SELECT id FROM payment_intent WHERE operation IS NOT NULL"
    assert rows(database_url, open_intents + " OR status = 'processing'") == []
    assert rows(database_url, "SELECT id FROM refund WHERE status = 'pending'") == []
    entries = {entry["reference"]: entry for entry in books}
    assert len(entries) == len(books), "a reference has two entries"
    commands = {row["id"]: row for row in rows(database_url, "SELECT * FROM command")}
    assert entries.keys() <= commands.keys(), "the provider did what we have no command for"
    _check_effects(entries, commands)
    _check_charges(database_url, entries)
    _check_refunds(database_url, entries, commands)


def _effective(entry: dict[str, Any] | None) -> bool:
    return entry is not None and entry["state"] in _EFFECTIVE


def _check_effects(entries: dict[str, Any], commands: dict[str, Any]) -> None:
    """No intent is authorized twice, or ended twice by captures and voids."""
    effects = Counter(
        (commands[reference]["payment_intent"], entry["kind"] == "authorize")
        for reference, entry in entries.items()
        if entry["kind"] != "refund" and _effective(entry)
    )
    assert [key for key, count in effects.items() if count > 1] == []


def _check_charges(database_url: str, entries: dict[str, Any]) -> None:
    intents = {row["id"]: row for row in rows(database_url, "SELECT * FROM payment_intent")}
    for charge in rows(database_url, "SELECT * FROM charge"):
        entry = entries.get(charge["authorize_command"])
        assert (charge["status"] == "succeeded") == _effective(entry), (charge, entry)
        if entry is None or not _effective(entry):
            continue
        assert charge["amount_captured"] == entry["captured"] <= charge["amount"], (charge, entry)
        assert charge["amount_refunded"] == entry["refunded"] <= entry["captured"], (charge, entry)
        assert charge["amount_refund_reserved"] == 0, charge
        canceled = intents[charge["payment_intent"]]["status"] == "canceled"
        assert canceled == (entry["state"] == "voided"), (charge, entry)


def _check_refunds(database_url: str, entries: dict[str, Any], commands: dict[str, Any]) -> None:
    references = {row["refund"]: reference for reference, row in commands.items() if row["refund"]}
    for refund in rows(database_url, "SELECT * FROM refund"):
        entry = entries.get(references[refund["id"]])
        assert (refund["status"] == "succeeded") == _effective(entry), (refund, entry)
        assert entry is None or entry["amount"] == refund["amount"], (refund, entry)
