"""Runs the same rounds in two processes at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from hazina.bootstrap.app import Core
from hazina.bootstrap.settings import Settings
from hazina.idempotency.service import Answer
from tests.support import crash
from tests.support.answers import demand_shape

ROUNDS = 300 if os.environ.get("HAZINA_FAULTS") == "whole" else 10
WAVE = 10
"""So many rounds run at once in both processes; a barrier starts each wave in both."""
_PATIENCE_S = 60

Side = Callable[[Core, int], Awaitable[list[Answer]]]
"""What one process does in a round: it returns every answer that its callers read."""


def race(
    chosen: Settings, first: Side, second: Side, folder: Path, rounds: int = ROUNDS
) -> list[list[Answer]]:
    """Run both sides of every round at once in two processes; return each round's answers."""
    barrier = multiprocessing.get_context("fork").Barrier(2)
    processes: list[crash.Forked] = []
    with crash.ending(processes):
        for number, side in enumerate((first, second)):
            file = folder / f"answers-{number}.json"
            processes.append(crash.start(chosen, _works(side, barrier, file, rounds)))
        for process in processes:
            process.join(_PATIENCE_S * (1 + rounds // 50))
            ended = f"a side of the race ended with {process.exitcode}: {process.said}"
            assert process.exitcode == 0, ended
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
