"""The engine on PostgreSQL against the reference model: the same work, the same answers."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from random import Random, SystemRandom

import pytest

from tests.support.ledger_fuzz import Episode, Outcome
from tests.support.ledger_on_postgres import USUAL, a_ledger
from tests.support.postgres import TestRun

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_EPISODE_EVENTS = 2_000
_EVENTS = 250_000 if _WHOLE else 4_000
_LATE = datetime(2180, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", [11, "fresh"])
def test_postgresql_answers_as_the_model_does(test_run: TestRun, seed: int | str) -> None:
    seed = SystemRandom().getrandbits(32) if isinstance(seed, str) else seed
    print(f"seed {seed}")
    outcome = asyncio.run(_run(test_run, seed))
    print(f"{outcome.events} events, {outcome.comparisons} queries compared")


async def _run(test_run: TestRun, seed: int) -> Outcome:
    random, outcome = Random(seed), Outcome()
    while outcome.events < _EVENTS:
        start = _LATE if random.random() < 0.2 else USUAL
        with test_run.database() as url:
            async with a_ledger(url, start) as ledger:
                await Episode(ledger, "fuzz", random, outcome).run(_EPISODE_EVENTS)
                await ledger.demand_whole()
    return outcome
