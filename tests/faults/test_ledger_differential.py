"""The engine on PostgreSQL against the reference model: the same work, the same answers.

Several spaces go side by side in each round, so that what the writer coalesces is mixed too.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from random import Random, SystemRandom

import pytest

from hazina.ledger.remembered import ACCOUNTS_MAX
from tests.support.ledger_fuzz import Outcome, fuzz
from tests.support.ledger_on_postgres import USUAL, a_ledger
from tests.support.postgres import TestRun
from tests.support.promises import note

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
pytestmark = pytest.mark.timeout(3_600)
_SPACES = 12
_ROUND_EVENTS = 12_500
_EVENTS = 500_000 if _WHOLE else 50_000
# So late that the longest timeouts end beyond the last moment that a timestamp can name.
_LATE = datetime(2180, 1, 1, tzinfo=UTC)
_KINDS = ((USUAL, False, ACCOUNTS_MAX), (USUAL, True, ACCOUNTS_MAX), (_LATE, False, ACCOUNTS_MAX),
          (USUAL, False, 20))  # fmt: skip
"""When a round begins, whether it imports, and how many accounts the engine remembers."""


@pytest.mark.parametrize("seed", [11, 12, 13, "fresh"])
def test_postgresql_answers_as_the_model_does(test_run: TestRun, seed: int | str) -> None:
    """Each seed must reach every status that the reference documents."""
    name = f"ledger and model, seed {seed}"
    seed = SystemRandom().getrandbits(32) if isinstance(seed, str) else seed
    print(f"seed {seed}")
    outcome = asyncio.run(_run(test_run, seed))
    print(f"{outcome.events} events, {outcome.comparisons} queries compared")
    assert outcome.never_reached() == []
    note(name, f"{_EVENTS:,} events, no difference")


async def _run(test_run: TestRun, seed: int) -> Outcome:
    random, outcome = Random(seed), Outcome()
    for _ in range(_EVENTS // _ROUND_EVENTS // len(_KINDS)):
        for start, imports, accounts_max in _KINDS:
            with test_run.database() as url:
                async with a_ledger(url, start, accounts_max) as ledger:
                    await fuzz(
                        ledger, random, outcome, _ROUND_EVENTS, imports=imports, spaces=_SPACES
                    )
                    await ledger.demand_whole()
    return outcome
