"""The running system of a test worker, and a merchant of each test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.system import Shop, System


@pytest.fixture(scope="session")
def system(database_url: str) -> Iterator[System]:
    """The whole system over this worker's database."""
    with System(database_url) as running:
        yield running


@pytest.fixture
def shop(system: System) -> Shop:
    """A merchant that only this test uses."""
    return system.merchant()
