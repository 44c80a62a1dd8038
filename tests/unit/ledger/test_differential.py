"""The engine in memory against the reference model: the same work, the same answers."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from random import Random, SystemRandom

import pytest

from tests.support.ledger_fuzz import Episode, Outcome
from tests.support.ledger_in_memory import ScratchSubject

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_EPISODE_EVENTS = 1_500
_EVENTS = 1_500_000 if _WHOLE else 30_000
# So late that the longest timeouts end beyond the last moment that a timestamp can name.
_LATE = datetime(2180, 1, 1, tzinfo=UTC)
_USUAL = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", [1, 2, "fresh"])
def test_the_engine_answers_as_the_model_does(seed: int | str) -> None:
    seed = SystemRandom().getrandbits(32) if isinstance(seed, str) else seed
    print(f"seed {seed}")
    outcome = asyncio.run(_run(seed, _EVENTS // 3))
    print(f"{outcome.events} events, {outcome.comparisons} queries compared")


def test_every_documented_status_is_reached() -> None:
    outcome = asyncio.run(_run(7, 2 * _EVENTS))
    assert outcome.never_reached() == []


async def _run(seed: int, events: int) -> Outcome:
    random, outcome = Random(seed), Outcome()
    while outcome.events < events:
        start = _LATE if random.random() < 0.2 else _USUAL
        await Episode(ScratchSubject(start), "fuzz", random, outcome).run(_EPISODE_EVENTS)
    return outcome
