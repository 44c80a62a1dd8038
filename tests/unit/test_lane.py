"""What one worker takes of one endpoint at once and ahead, and for how long it remembers."""

from __future__ import annotations

from hazina.webhooks.delivery import Attempt
from hazina.workers.lane import Lane, LaneLimits

LIMITS = LaneLimits(at_once=8, ahead_max=256, ahead_ms=2_000, failures=5)


def _answered(latency_ms: int, times: int) -> Lane:
    lane = Lane(LIMITS)
    for moment in range(times):
        lane.ended(Attempt(200, latency_ms=latency_ms), moment)
    return lane


def test_more_is_taken_ahead_of_a_quick_receiver_with_each_good_answer() -> None:
    assert [_answered(2, times).ahead for times in range(8)] == [0, 8, 16, 32, 64, 128, 256, 256]


def test_no_more_is_taken_ahead_of_a_slow_receiver_than_it_soon_answers() -> None:
    assert _answered(1_000, 9).ahead == 16
    slow = _answered(15_000, 9)
    assert slow.ahead == 8
    slow.running = 8
    assert slow.room(0, 1_024) == 8, "so that eight are under way all the time"


def test_a_failing_endpoint_is_remembered_for_ten_minutes() -> None:
    lane = Lane(LIMITS)
    assert lane.idle(0)
    lane.ended(Attempt(500), 1_000)
    assert not lane.idle(600_999)
    assert lane.idle(601_000), "it may have been disabled or deleted"
