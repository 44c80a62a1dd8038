"""Searches take turns: so many at once, a few that wait, and not for long."""

from __future__ import annotations

import asyncio

import pytest

from hazina.db.unit import Overloaded
from hazina.search.turns import Turns


async def _search(turns: Turns, over: asyncio.Event) -> None:
    async with turns.one():
        await over.wait()


async def test_who_comes_too_many_is_told_at_once_and_the_others_get_their_turn() -> None:
    turns, over = Turns(2, waiting_max=1, wait_seconds_max=60), asyncio.Event()
    searches = [asyncio.create_task(_search(turns, over)) for _ in range(3)]
    await asyncio.sleep(0)
    state = turns.state()
    assert (state.under_way, state.waiting, state.saturated) == (2, 1, True)
    with pytest.raises(Overloaded):
        await _search(turns, over)
    over.set()
    await asyncio.gather(*searches)
    await _search(turns, over)
    state = turns.state()
    assert (state.under_way, state.waiting, state.saturated) == (0, 0, False)


async def test_nobody_waits_longer_than_that_and_the_turn_is_not_lost() -> None:
    turns, over = Turns(1, wait_seconds_max=0.01), asyncio.Event()
    first = asyncio.create_task(_search(turns, over))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await _search(turns, over)
    over.set()
    await first
    await _search(turns, over)


async def test_a_search_that_fails_or_is_given_up_leaves_its_turn_to_the_next() -> None:
    turns, over = Turns(1, wait_seconds_max=60), asyncio.Event()
    with pytest.raises(ZeroDivisionError):
        async with turns.one():
            raise ZeroDivisionError
    searches = [asyncio.create_task(_search(turns, over)) for _ in range(2)]
    await asyncio.sleep(0)
    for search in searches:
        search.cancel()
    await asyncio.gather(*searches, return_exceptions=True)
    over.set()
    await _search(turns, over)
    assert turns.state().waiting == 0
