"""Few callers in one batch or in two halves: the quicker way is found, and looked for again."""

from __future__ import annotations

from collections.abc import Callable

from hazina.db.overlap import HALF, WHOLE, Overlap


def play(
    overlap: Overlap, batch_ms: Callable[[int], int], duration_ms: int, since_ms: int = 0
) -> list[tuple[int, int]]:
    """Land batches of as many rows as is asked for; return what was asked for, and since when."""
    now_ms, asked = since_ms, [(since_ms, overlap.rows_min)]
    while now_ms < since_ms + duration_ms:
        rows = overlap.rows_min
        now_ms += batch_ms(rows)
        overlap.landed(rows, now_ms)
        if overlap.rows_min != asked[-1][1]:
            asked.append((now_ms, overlap.rows_min))
    return asked


def halves_win(rows: int) -> int:
    return {WHOLE: 4, HALF: 1}[rows]


def halves_lose(rows: int) -> int:
    return {WHOLE: 4, HALF: 3}[rows]


def test_halves_are_kept_where_they_are_quicker() -> None:
    asked = play(Overlap(), halves_win, 10_000)
    assert [rows_min for _, rows_min in asked] == [WHOLE, HALF, WHOLE, HALF]
    assert asked[-1][0] < 1_000, "the last trial and what is kept are both halves"


def test_one_batch_is_kept_where_halves_are_not_worth_their_cpu() -> None:
    for batch_ms in (halves_lose, lambda rows: rows // HALF):
        asked = play(Overlap(), batch_ms, 10_000)
        assert [rows_min for _, rows_min in asked] == [WHOLE, HALF, WHOLE, HALF, WHOLE]


def test_both_ways_are_tried_again_when_the_disk_has_changed() -> None:
    overlap = Overlap()
    play(overlap, halves_win, 5_000)
    assert overlap.rows_min == HALF
    play(overlap, halves_lose, 12_000, since_ms=5_000)
    assert overlap.rows_min == WHOLE


def test_a_few_rows_show_nothing() -> None:
    overlap = Overlap()
    assert {rows for _, rows in play(overlap, lambda rows: 60 if rows == WHOLE else 20, 3_000)} == {
        WHOLE,
        HALF,
    }
    assert overlap.rows_min == WHOLE
