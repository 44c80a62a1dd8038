"""A few seeds of the simulation, so that a change which breaks its wiring is seen at once."""

from __future__ import annotations

import pytest

from tests.simulation.plan import plan_of
from tests.simulation.world import simulate


@pytest.mark.parametrize("seed", [1, 2, 5, 8, 11, 14])
def test_all_promises_are_kept(seed: int) -> None:
    """Faults and kills in all of them, webhooks in the last three; more in tests/faults."""
    assert simulate(plan_of(seed)).problem is None
