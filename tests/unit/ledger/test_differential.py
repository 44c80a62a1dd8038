"""The engine in memory against the reference model: the same work, the same answers."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from random import Random, SystemRandom

import pytest

from tests.support.ledger_fuzz import Outcome, fuzz
from tests.support.ledger_in_memory import ScratchSubject

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_EPISODE_EVENTS = 1_500
_EVENTS = 300_000 if _WHOLE else 15_000
# So late that the longest timeouts end beyond the last moment that a timestamp can name.
_LATE = datetime(2180, 1, 1, tzinfo=UTC)
_USUAL = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", [1, "fresh"])
def test_the_engine_answers_as_the_model_does(seed: int | str) -> None:
    seed = SystemRandom().getrandbits(32) if isinstance(seed, str) else seed
    print(f"seed {seed}")
    outcome = asyncio.run(run(seed, _EVENTS))
    print(f"{outcome.events} events, {outcome.comparisons} queries compared")


async def run(seed: int, events: int) -> Outcome:
    """Play episodes of one seed until there were so many events."""
    random, outcome = Random(seed), Outcome()
    while outcome.events < events:
        start = _LATE if random.random() < 0.2 else _USUAL
        imports = random.random() < 0.25
        await fuzz(ScratchSubject(start), random, outcome, _EPISODE_EVENTS, imports=imports)
    return outcome
