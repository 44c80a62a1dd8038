"""Fixtures of tests that turn the clock: a shop, its provider and a database of a module's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.flows import Shop, open_shop
from tests.support.postgres import TestRun
from tests.support.simulator import Simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def clocked_url(test_run: TestRun) -> Iterator[str]:
    """A database in which nobody else's authorizations run out when a test turns the clock."""
    with test_run.database() as url:
        yield url


@pytest.fixture
async def shop(clocked_url: str, simulator: Simulator) -> AsyncIterator[Shop]:
    async with open_shop(clocked_url, simulator) as opened:
        yield opened
