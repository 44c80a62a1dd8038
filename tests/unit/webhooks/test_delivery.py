"""The schedule of attempts and how answers are judged."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hazina.webhooks.delivery import Attempt, Next, Schedule, after, retry_after_ms

SCHEDULE = Schedule(pauses_ms=(1_000, 60_000), jitter_percent=10)


@pytest.mark.parametrize("status", [200, 202, 299])
def test_2xx_is_delivered(status: int) -> None:
    assert after(Attempt(status), 1, SCHEDULE, 0) == Next("delivered", None)


@pytest.mark.parametrize("status", [199, 301, 307, 400, 410, 500, None])
def test_anything_else_is_tried_again_redirects_included(status: int | None) -> None:
    assert after(Attempt(status), 1, SCHEDULE, 0) == Next("pending", 1_000)


def test_delivery_has_failed_after_the_last_pause() -> None:
    assert after(Attempt(500), 2, SCHEDULE, 0).state == "pending"
    assert after(Attempt(500), 3, SCHEDULE, 0) == Next("failed", None)


def test_jitter_adds_up_to_its_share() -> None:
    assert after(Attempt(500), 2, SCHEDULE, 1_000).delay_ms == 66_000


def test_retry_after_lengthens_the_pause_up_to_a_day() -> None:
    assert after(Attempt(503, retry_after_ms=9_000), 1, SCHEDULE, 0).delay_ms == 9_000
    assert after(Attempt(503, retry_after_ms=9**9), 1, SCHEDULE, 0).delay_ms == 86_400_000
    assert after(Attempt(503, retry_after_ms=1), 1, SCHEDULE, 0).delay_ms == 1_000


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("7", 7_000),
        (None, None),
        ("soon", None),
        ("-1", None),
        ("9" * 40, 86_400_000),
        ("Thu, 01 Jan 2026 00:02:00 GMT", 120_000),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        ("Thu, 01 Jan 2026 00:02:00", None),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date(
    value: str | None, milliseconds: int | None
) -> None:
    assert retry_after_ms(value, datetime(2026, 1, 1, tzinfo=UTC)) == milliseconds


def test_the_schedule_is_that_of_the_specification() -> None:
    """Ten attempts at the times that the Standard Webhooks specification gives as its example."""
    since_start = ["00:00:00", "00:00:05", "00:05:05", "00:35:05", "02:35:05", "07:35:05",
                   "17:35:05", "31:35:05", "51:35:05", "75:35:05"]  # fmt: skip
    moment_ms, moments = 0, ["00:00:00"]
    for number in range(1, 10):
        following = after(Attempt(500), number, Schedule(), 0)
        assert following.delay_ms is not None
        moment_ms += following.delay_ms
        minutes, seconds = divmod(moment_ms // 1_000, 60)
        moments.append(f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}")
    assert moments == since_start
    assert after(Attempt(500), 10, Schedule(), 0) == Next("failed", None)
