"""Clocks that differ, leap days, year ends and zones: money becomes available when it should.

No provider has cut-offs yet. Available is what was captured two days ago, counted in real time, so
that no zone and no calendar takes part; these tests hold that still.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hazina.bootstrap.app import open_core
from hazina.clock import unix
from hazina.connectors.sandbox.callbacks import read
from hazina.merchants.merchant import Caller
from hazina.rails.contract import CallbackRefused
from tests.support import crash, promises
from tests.support.books import check_books, rows, settle
from tests.support.flows import ShiftedClock, open_shop
from tests.support.load import Load
from tests.support.postgres import TestRun
from tests.support.simulator import CALLBACK_SECRET, Simulator

_ZONES = ("Africa/Nairobi", "Africa/Lagos", "Europe/London", "America/New_York")
_MOMENTS = {
    "before the end of February": datetime(2027, 2, 28, 23, 59, 30, tzinfo=UTC),
    "before a leap day": datetime(2028, 2, 28, 23, 59, 30, tzinfo=UTC),
    "before the end of a leap day": datetime(2028, 2, 29, 23, 59, 30, tzinfo=UTC),
    "before the end of Nairobi's year": datetime(2027, 12, 31, 20, 59, 30, tzinfo=UTC),
    "before the end of Lagos's year": datetime(2028, 12, 31, 22, 59, 30, tzinfo=UTC),
    "before the end of London's year": datetime(2029, 12, 31, 23, 59, 30, tzinfo=UTC),
    "before the end of New York's year": datetime(2031, 1, 1, 4, 59, 30, tzinfo=UTC),
    "before London's summer": datetime(2027, 3, 28, 0, 59, 30, tzinfo=UTC),
    "before London's winter": datetime(2027, 10, 31, 0, 59, 30, tzinfo=UTC),
}
_TWO_DAYS = timedelta(days=2)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(params=_ZONES)
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let this process live in a zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


async def test_money_is_available_two_days_later_to_the_second_in_every_zone(
    test_run: TestRun, simulator: Simulator, zone: str
) -> None:
    """One database for each zone: a clock that was put forward does not go back."""
    with test_run.database() as url:
        async with open_shop(url, simulator) as shop:
            for moment in sorted(_MOMENTS.values()):
                shop.clock.ahead += moment - shop.clock.now()
                paid = await shop.pay()
                (line, *_) = await shop.lines()
                created = datetime.fromtimestamp(line["created"], UTC)
                assert abs(created - moment) < timedelta(minutes=1)
                assert line["available_on"] - line["created"] == _TWO_DAYS.total_seconds()
                due = datetime.fromtimestamp(line["available_on"], UTC)
                await shop.later(due - timedelta(seconds=20) - shop.clock.now())
                assert (await shop.lines())[0]["status"] == "pending", (zone, moment)
                await shop.later(due + timedelta(seconds=2) - shop.clock.now())
                assert (await shop.lines())[0]["status"] == "available", (zone, moment)
                assert paid["status"] == "succeeded"
            await shop.check_books()
        dated = len(rows(url, "SELECT id FROM balance_transaction"))
        promises.note(
            f"money's day in {zone}", f"{dated} lines at {len(_MOMENTS)} turns, all right"
        )


async def test_processes_whose_clocks_differ_by_twenty_minutes_do_nothing_twice(
    fresh_database_url: str,
) -> None:
    """Leases and windows are kept on the database's clock, so nobody takes what another holds."""
    fast, slow = ShiftedClock(), ShiftedClock()
    fast.ahead, slow.ahead = timedelta(minutes=10), timedelta(minutes=-10)
    with Simulator() as simulator:
        chosen = crash.settings(fresh_database_url, simulator.url, patient=True)
        cores = [await open_core(chosen, clock=clock) for clock in (fast, slow)]
        caller = Caller(await cores[0].merchants.create(overdraft_minor=10**9), False, "req_1")
        simulator.control({"authorize": {"fault": "error_after", "rate": 0.3}})
        loads = [Load(core, caller, prefix=str(place)) for place, core in enumerate(cores)]
        # Who looks after the processes takes these two out of service: their dates are wrong.
        health = [await core.health() for core in cores]
        assert [one["ready"] for one in health] == [False, False]
        ahead = [one["checks"]["clock_ahead_ms"] for one in health]
        assert ahead == pytest.approx([600_000, -600_000], abs=30_000)
        for load in loads:
            load.start(3)
        for _ in range(10):
            for core in cores:
                await core.dispatch.run_due()
                await core.clock.sleep_ms(100)
        simulator.control({})
        for load in loads:
            await load.stop()
        await settle(*cores)
        for load in loads:
            await load.check_acknowledged(cores[0])
            assert len(load.acknowledged) > 10
        for core in cores:
            await core.close()
        check_books(fresh_database_url, simulator.books())
        paid = sum(len(load.acknowledged) for load in loads)
        promises.note("clocks apart", f"{paid} payments by clocks 20 minutes apart, 0 twice")


async def test_a_process_is_ready_whose_clock_is_right(fresh_database_url: str) -> None:
    with Simulator() as simulator:
        core = await open_core(crash.settings(fresh_database_url, simulator.url))
        health = await core.health()
        await core.close()
    assert health["ready"]
    assert abs(health["checks"]["clock_ahead_ms"]) < 5_000


@pytest.mark.parametrize(("minutes", "taken"), [(0, True), (10, False), (-10, False)])
def test_a_callback_signed_outside_the_tolerance_is_refused(minutes: int, taken: bool) -> None:
    """The inquiry finds what such a callback would have told."""
    now = unix(datetime.now(UTC))
    body = b'{"id":"cb_1","reference":"cmd_1","outcome":"approved","amount":1,"currency":"usd"}'
    at = now + minutes * 60
    made = hmac.new(CALLBACK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256)
    headers = {"sandbox-signature": f"t={at},v1={made.hexdigest()}"}
    if taken:
        assert read(CALLBACK_SECRET, headers, body, now).reference == "cmd_1"
        return
    with pytest.raises(CallbackRefused):
        read(CALLBACK_SECRET, headers, body, now)
