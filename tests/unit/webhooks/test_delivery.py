"""The schedule of attempts and how answers are judged."""

from __future__ import annotations

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


def test_retry_after_lengthens_the_pause_up_to_an_hour() -> None:
    assert after(Attempt(503, retry_after_ms=9_000), 1, SCHEDULE, 0).delay_ms == 9_000
    assert after(Attempt(503, retry_after_ms=9**9), 1, SCHEDULE, 0).delay_ms == 3_600_000
    assert after(Attempt(503, retry_after_ms=1), 1, SCHEDULE, 0).delay_ms == 1_000


@pytest.mark.parametrize(
    ("value", "milliseconds"), [("7", 7_000), (None, None), ("soon", None), ("-1", None)]
)
def test_retry_after_is_read_in_seconds(value: str | None, milliseconds: int | None) -> None:
    assert retry_after_ms(value) == milliseconds
