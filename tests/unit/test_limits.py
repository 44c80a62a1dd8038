"""Buckets of requests per key: what they let through, and how they fill again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hazina.clock import ManualClock
from hazina.merchants.limits import MemoryLimits, Rate


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


def test_a_burst_is_let_through_and_then_the_rate(clock: ManualClock) -> None:
    limits = MemoryLimits(clock, Rate(600, 3), Rate(600, 3))

    assert [limits.count("a", False) for _ in range(4)] == [0, 0, 0, 100]
    clock.advance_ms(100)
    assert [limits.count("a", False) for _ in range(2)] == [0, 100]


def test_reads_writes_and_keys_are_counted_apart(clock: ManualClock) -> None:
    limits = MemoryLimits(clock, Rate(60, 1), Rate(60, 1))

    assert limits.count("a", False) == 0
    assert limits.count("a", True) == 0
    assert limits.count("b", False) == 0
    assert limits.count("a", False) == 1_000


def test_a_refused_request_is_not_counted(clock: ManualClock) -> None:
    limits = MemoryLimits(clock, Rate(60, 1), Rate(60, 1))
    for _ in range(50):
        limits.count("a", True)

    clock.advance_ms(1_000)
    assert limits.count("a", True) == 0


def test_a_rate_of_nought_is_no_limit(clock: ManualClock) -> None:
    limits = MemoryLimits(clock, Rate(0, 0), Rate(0, 0))

    assert not any(limits.count("a", True) for _ in range(1_000))


@given(pauses=st.lists(st.integers(0, 300), min_size=1, max_size=200))
def test_no_second_ever_sees_more_than_burst_and_rate(pauses: list[int]) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    limits = MemoryLimits(clock, Rate(300, 4), Rate(300, 4))
    granted = []
    for pause in pauses:
        clock.advance_ms(pause)
        if limits.count("a", True) == 0:
            granted.append(clock.monotonic_ms())

    for start in granted:
        assert sum(start <= moment < start + 1_000 for moment in granted) <= 4 + 5
