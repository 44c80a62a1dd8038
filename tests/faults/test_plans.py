"""The simulation's plans on a real PostgreSQL: real processes, kills and lost messages."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import pytest

from tests.simulation.plan import plan_of
from tests.simulation.played.stage import play
from tests.support.promises import note_share

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_AT_ONCE = 100
_STRETCHES = 20 if _WHOLE else 1
_RUN = int(os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex, 16)
_FIRST = int(os.environ.get("HAZINA_SEED") or _RUN % 1_000_000_000)
pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("stretch", range(_STRETCHES))
def test_all_promises_are_kept_by_real_processes(
    stretch: int, fresh_database_url: str, tmp_path: Path
) -> None:
    """A hundred seeds share one system, as different merchants: a kill hits them all."""
    first = _FIRST + stretch * _AT_ONCE
    plans = [plan_of(seed) for seed in range(first, first + _AT_ONCE)]
    played = play(plans, fresh_database_url, tmp_path)

    assert played.problem is None, (
        f"seeds {first} to {first + _AT_ONCE - 1}: {played.problem}\n"
        f"Again:  python -m tests.simulation --seed {first} --count {_AT_ONCE} --postgres"
    )
    assert min(played.kills, played.struck) >= 3, f"hardly disturbed, it proves little: {played}"
    note_share("plans on PostgreSQL", stretch, _STRETCHES, each=_AT_ONCE, first=_FIRST)
