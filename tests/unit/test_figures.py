"""Figures of fault tests say no more than was run."""

from __future__ import annotations

from typing import Any

from tests.support.promises import together

_DAY, _FIRST = "2026-11-22", 7


def _after(*shares: int, before: dict[str, Any] | None = None) -> dict[str, Any]:
    figure = before or {}
    for share in shares:
        figure = together(figure, share, 3, 5_000, _FIRST, _DAY)
    return figure


def test_the_shares_of_a_run_are_added_up_and_one_that_is_missing_is_told() -> None:
    some = "10,000 seeds from 7 (2 of 3 shares), no promise broken"
    assert _after(2, 0)["figure"] == _after(2, 0, 0)["figure"] == some
    assert _after(0, 2, 1)["figure"] == "15,000 seeds from 7, no promise broken"


def test_shares_of_another_run_or_day_do_not_count() -> None:
    of_another = together(_after(0, 1), 2, 3, 5_000, _FIRST + 1, _DAY)
    of_tomorrow = together(_after(0, 1), 2, 3, 5_000, _FIRST, "2026-11-23")
    single = {"figure": "15,000 seeds", "on": _DAY}
    assert "5,000 seeds from 8 (1 of 3 shares)" in of_another["figure"]
    assert "5,000 seeds from 7 (1 of 3 shares)" in of_tomorrow["figure"]
    assert _after(1, before=single)["shares"] == [1]
