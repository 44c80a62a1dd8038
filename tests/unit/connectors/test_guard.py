"""The guard before a provider account: its limit and its breaker, on a clock moved by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from hazina.clock import ManualClock
from hazina.dispatch.guard import BreakerState, Guard
from hazina.rails.outcome import (
    Declined,
    InquiryOutcome,
    NotFound,
    NotSent,
    Outcome,
    Pending,
    Unknown,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def guard(clock: ManualClock) -> Guard:
    return Guard(clock, 2, failures_to_open=3, open_ms=1_000)


async def ask(guard: Guard, outcome: Outcome) -> Outcome:
    async def call() -> Outcome:
        return outcome

    return await guard.perform(call)


async def test_call_over_the_limit_is_not_sent_and_room_comes_back(guard: Guard) -> None:
    gate = asyncio.Event()

    async def hang() -> Outcome:
        await gate.wait()
        return Pending()

    hanging = [asyncio.create_task(guard.perform(hang)) for _ in range(2)]
    await asyncio.sleep(0)
    assert guard.state().saturated
    assert await ask(guard, Pending()) == NotSent("too many calls in flight")
    gate.set()
    await asyncio.gather(*hanging)
    assert await ask(guard, Pending()) == Pending()
    assert guard.state().refused == 1


async def test_cancelled_call_gives_its_place_back_and_counts_as_nothing(guard: Guard) -> None:
    async def hang() -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    for _ in range(5):
        task = asyncio.create_task(guard.perform(hang))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert guard.state().in_flight == 0
    assert guard.state().breaker is BreakerState.CLOSED


async def test_breaker_opens_after_failures_in_a_row_only(guard: Guard) -> None:
    for outcome in (Unknown("x"), NotSent("x"), Declined("no", "no"), Unknown("x"), Unknown("x")):
        await ask(guard, outcome)
    assert guard.state().breaker is BreakerState.CLOSED
    await ask(guard, Unknown("x"))
    assert guard.state().breaker is BreakerState.OPEN
    assert isinstance(await ask(guard, Pending()), NotSent)


async def test_inquiry_refused_by_the_guard_is_unknown_and_never_not_sent(guard: Guard) -> None:
    for _ in range(3):
        await ask(guard, Unknown("x"))

    async def call() -> Outcome:
        raise AssertionError("must not be asked")

    assert isinstance(await guard.inquire(call), Unknown)


async def test_half_open_breaker_lets_one_probe_through(guard: Guard, clock: ManualClock) -> None:
    for _ in range(3):
        await ask(guard, Unknown("x"))
    clock.advance_ms(1_000)
    gate = asyncio.Event()

    async def probe() -> Outcome:
        await gate.wait()
        return Pending()

    probing = asyncio.create_task(guard.perform(probe))
    await asyncio.sleep(0)
    assert isinstance(await ask(guard, Pending()), NotSent)
    gate.set()
    assert await probing == Pending()
    assert guard.state().breaker is BreakerState.CLOSED


async def test_failed_probe_opens_the_breaker_again(guard: Guard, clock: ManualClock) -> None:
    for _ in range(3):
        await ask(guard, Unknown("x"))
    clock.advance_ms(1_000)
    await ask(guard, Unknown("still"))
    assert guard.state().breaker is BreakerState.OPEN
    clock.advance_ms(1_000)
    assert await ask(guard, Pending()) == Pending()


async def inquire(guard: Guard, outcome: InquiryOutcome) -> InquiryOutcome:
    async def call() -> InquiryOutcome:
        return outcome

    return await guard.inquire(call)


async def test_answered_inquiries_do_not_hide_that_operations_fail(
    guard: Guard, clock: ManualClock
) -> None:
    for _ in range(3):
        await ask(guard, Unknown("no answer"))
        if guard.turns_away() is None:
            await inquire(guard, NotFound())
    assert guard.state().breaker is BreakerState.OPEN
    assert guard.turns_away() is not None

    clock.advance_ms(1_000)
    await inquire(guard, NotFound())
    assert guard.turns_away() is None, "an answered inquiry lets the next operation through"
    await ask(guard, Unknown("no answer"))
    assert guard.state().breaker is BreakerState.OPEN, "one more failure is enough"


async def test_an_operation_that_goes_well_ends_the_row_of_failures(guard: Guard) -> None:
    for _ in range(2):
        await ask(guard, Unknown("no answer"))
        await ask(guard, Unknown("no answer"))
        await ask(guard, Pending())
    assert guard.state().breaker is BreakerState.CLOSED
