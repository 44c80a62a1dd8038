"""Events reach endpoints: fanned out once, signed, tried again, and no endpoint starves another."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
import stripe

from hazina.db.unit import Overloaded
from hazina.events.service import Cursor, Events
from hazina.ids import moment_of
from hazina.refusals import Code, Refusal
from hazina.webhooks.delivery import Attempt, Schedule
from hazina.workers.lags import lags
from hazina.workers.lane import LaneLimits
from hazina.workers.settings import WorkerSettings
from tests.support.webhook_house import CLOCK, MERCHANT, House, opened, shop, shown, until

SCHEDULE = Schedule(pauses_ms=(1, 1), jitter_percent=0)
QUICK = WorkerSettings(schedule=SCHEDULE, lane=LaneLimits(failures=100))


@pytest.fixture
async def house(fresh_database_url: str) -> AsyncIterator[House]:
    async with opened(fresh_database_url) as made:
        yield made


def _has(house: House, endpoint: dict[str, Any], **counts: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return (await house.counts(endpoint)) == counts

    return reached


async def test_event_arrives_once_as_stored_and_the_official_packages_accept_it(
    house: House,
) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        endpoint = await house.endpoint(receiver.url)
        event_id = await house.event()
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=1))
        await deliver.step()
        ((body, headers),) = receiver.received
        assert body == await Events(house.reader).retrieve(MERCHANT, event_id)
        stripe.Webhook.construct_event(body, headers["stripe-signature"], endpoint["secret"])
        standardwebhooks.Webhook(endpoint["secret"]).verify(body, headers)
        assert headers["webhook-id"] == event_id


async def test_refused_delivery_is_tried_again_and_then_has_failed(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        receiver.answers = [500, 404, 503, 200]
        endpoint = await house.endpoint(receiver.url)
        await house.event()
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, failed=1))
        assert len(receiver.received) == 3
        assert len({body for body, _ in receiver.received}) == 1
        (row,) = await house.reader.where("webhook_delivery", endpoint=endpoint["id"])
        assert (row["attempts"], row["last_status"], row["sending"]) == (3, "503", False)


async def test_attempts_are_kept_with_status_latency_and_what_was_answered(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        receiver.answers = [500]
        receiver.says = "card 4242 4242 4242 4242, key sk_live_abcdefgh\x00 " + "x" * 9_000
        endpoint = await house.endpoint(receiver.url)
        event_id = await house.event()
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=1))
        first, second = await house.attempts(endpoint)
        assert (first["number"], first["status"], second["number"], second["status"]) == (
            1, 500, 2, 200,
        )  # fmt: skip
        assert first["event_id"] == second["event_id"] == event_id
        assert first["answer"].startswith("card [number], key [secret]")
        assert len(first["answer"]) == 500
        assert 0 <= first["latency_ms"] < 20_000


async def test_an_attempt_without_an_answer_says_why(house: House) -> None:
    async with house.postman(QUICK) as deliver:
        endpoint = await house.endpoint("http://127.0.0.1:1/hook")
        await house.event()
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, failed=1))
        attempts = await house.attempts(endpoint)
        assert [(one["status"], one["problem"]) for one in attempts] == [
            (None, "connection_refused")
        ] * 3


async def test_redirect_is_a_failure_and_is_not_followed(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        receiver.answers = [301, 307, 200]
        endpoint = await house.endpoint(receiver.url)
        await house.event()
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=1))
        assert len(receiver.received) == 3
        assert receiver.followed == 0


async def test_retry_after_is_waited_for(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        receiver.answers, receiver.headers = [503], {"Retry-After": "1"}
        endpoint = await house.endpoint(receiver.url)
        await house.event()
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=1))
        first, second = receiver.moments
        assert second - first >= 1.0


async def test_410_disables_the_endpoint_with_an_event_and_a_notice(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        receiver.answers = [410]
        endpoint = await house.endpoint(receiver.url)
        other = await house.endpoint(receiver.url, "hazina.webhook_endpoint.disabled")
        await house.event()
        await house.fan_out()

        async def disabled() -> bool:
            return bool(house.told)

        await until(deliver.step, disabled)
        row = await house.row(endpoint)
        assert (row["status"], row["disabled_reason"]) == ("disabled", "gone")
        assert [(told.endpoint, told.reason) for told in house.told] == [(endpoint["id"], "gone")]
        await house.fan_out()
        await until(deliver.step, _has(house, other, delivered=1))
        assert b'"hazina.webhook_endpoint.disabled"' in receiver.received[-1][0]
        await house.event()
        await house.fan_out()
        assert await house.counts(endpoint) == {"pending": 1}, "it hears of nothing new"


async def test_endpoint_that_fails_for_days_is_disabled_and_enabling_it_begins_anew(
    house: House,
) -> None:
    settings = WorkerSettings(
        schedule=Schedule((1,) * 9, 0), lane=LaneLimits(failures=100), disable_after_ms=300
    )
    async with shop() as receiver, house.postman(settings) as deliver:
        receiver.always = 500
        endpoint = await house.endpoint(receiver.url)
        await house.event()
        await house.fan_out()

        async def failing() -> bool:
            return (await house.row(endpoint))["failing_since"] is not None

        await until(deliver.step, failing)
        await asyncio.sleep(0.3)
        await house.event()
        await house.fan_out()

        async def disabled() -> bool:
            return (await house.row(endpoint))["status"] == "disabled"

        await until(deliver.step, disabled)
        await until(deliver.step, lambda: asyncio.sleep(0, bool(house.told)))
        assert house.told[0].reason == "failing"
        receiver.always = 200
        view = shown(
            await house.endpoints.update(house.caller, endpoint["id"], {"disabled": False}, None)
        )
        assert view["status"] == "enabled"
        assert "hazina" not in view


async def test_an_endpoint_that_recovers_is_no_longer_failing(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        receiver.answers = [500]
        endpoint = await house.endpoint(receiver.url)
        await house.event()
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=1))

        async def recovered() -> bool:
            return (await house.row(endpoint))["failing_since"] is None

        await until(deliver.step, recovered)
        assert (await house.row(endpoint))["version"] > 1, "it was noted in between"


async def test_two_workers_fan_out_each_event_once_and_send_it_once(house: House) -> None:
    async with (
        shop() as receiver,
        house.postman(QUICK) as one,
        house.postman(QUICK) as other,
    ):
        endpoint = await house.endpoint(receiver.url)
        await house.events(40)
        await asyncio.gather(*(house.fan_out() for _ in range(4)))
        assert await house.counts(endpoint) == {"pending": 40}

        async def both() -> int:
            return sum(await asyncio.gather(one.step(), other.step()))

        await until(both, _has(house, endpoint, delivered=40))
        assert len(set(receiver.ids)) == len(receiver.ids) == 40


async def test_cursor_that_was_set_back_makes_no_second_delivery(house: House) -> None:
    """A worker killed between the rows and the cursor reads the same events again."""
    async with shop() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.events(3)
        events = await Events(house.reader).forward(Cursor(), 10)
        await house.fanning.make(events)
        await house.fan_out()
        assert await house.counts(endpoint) == {"pending": 3}


async def test_attempt_of_a_lost_worker_is_written_down_as_interrupted(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        endpoint = await house.endpoint(receiver.url)
        await house.event()
        await house.fan_out()
        lost = house.deliveries()
        (taken,) = await lost.take(await lost.due(8, {}), lease_ms=50)
        assert taken.attempts == 1
        await until(deliver.step, _has(house, endpoint, delivered=1))
        attempts = await house.attempts(endpoint)
        assert [(one["number"], one["problem"], one["status"]) for one in attempts] == [
            (1, "interrupted", None),
            (2, None, 200),
        ]


async def test_worker_that_was_late_adds_its_attempt_and_decides_nothing(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        endpoint = await house.endpoint(receiver.url)
        await house.event()
        await house.fan_out()
        late = house.deliveries()
        (taken,) = await late.take(await late.due(8, {}), lease_ms=1)
        await until(deliver.step, _has(house, endpoint, delivered=1))
        await late.settle([late.tried(taken, Attempt(500), CLOCK.now())])
        assert await house.counts(endpoint) == {"delivered": 1}
        assert len(await house.attempts(endpoint)) == 3


async def test_endpoint_that_hangs_takes_nobody_elses_turn(house: House) -> None:
    settings = WorkerSettings(schedule=SCHEDULE, lane=LaneLimits(at_once=2))
    async with shop() as hanging, shop() as healthy, house.postman(settings) as deliver:
        hanging.always = 0
        await house.endpoint(hanging.url)
        endpoint = await house.endpoint(healthy.url)
        await house.events(30)
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=30))
        assert len(hanging.received) == 2
        assert healthy.under_way_max <= 2


async def test_backlog_of_an_endpoint_that_begins_to_hang_takes_nobody_elses_room(
    house: House,
) -> None:
    """Much is taken ahead of a receiver that answers well, and then waits behind it."""
    settings = WorkerSettings(
        schedule=SCHEDULE, lane=LaneLimits(at_once=2), deliveries_in_flight_max=20
    )
    async with (
        shop() as hanging,
        shop() as healthy,
        house.postman(settings, timeout_ms=50_000) as deliver,
    ):
        hanging.answers, hanging.always = [200] * 20, 0
        stuck = await house.endpoint(hanging.url)
        await house.events(100)
        await house.fan_out()
        await until(deliver.step, _has(house, stuck, delivered=20, pending=80))
        for _ in range(5):
            await deliver.step()
        endpoint = await house.endpoint(healthy.url, "refund.updated")
        await house.event("refund.updated")
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=1), seconds=10)


async def test_a_drain_while_nothing_can_be_written_ends_what_is_under_way(house: House) -> None:
    settings = WorkerSettings(schedule=SCHEDULE, lane=LaneLimits(at_once=2))
    async with shop() as receiver, house.postman(settings) as deliver:
        receiver.answers = [200] * 10
        receiver.always = 0
        endpoint = await house.endpoint(receiver.url)
        await house.events(30)
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=10, pending=20))
        assert receiver.under_way == 2
        await house.writer.close()
        with pytest.raises(Overloaded):
            await deliver.drain(50)
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert not [name for name in names if name.startswith("webhook evt_")]


async def test_breaker_leaves_a_failing_endpoint_alone_and_lets_it_back(house: House) -> None:
    settings = WorkerSettings(
        schedule=Schedule((1,) * 9, 0), lane=LaneLimits(at_once=1, failures=3, pause_ms=400)
    )
    async with shop() as receiver, house.postman(settings) as deliver:
        receiver.answers = [500] * 4
        endpoint = await house.endpoint(receiver.url)
        await house.events(20)
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=20))
        pauses = [later - one for one, later in itertools.pairwise(receiver.moments)]
        assert len(receiver.received) == 24
        assert pauses[2] >= 0.4, "after three failures it is left alone"
        assert pauses[3] >= 0.8, "and for longer when it fails once more"
        assert max(pauses[5:]) < 0.4, "then it has all its turns again"


async def test_paused_endpoint_keeps_its_events_until_it_is_resumed(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        endpoint = await house.endpoint(receiver.url)
        paused = shown(await house.endpoints.pause(house.caller, endpoint["id"], True, None))
        assert paused["hazina"] == {"paused": True}
        await house.events(3)
        await house.fan_out()
        for _ in range(5):
            await deliver.step()
        assert receiver.received == []
        await house.endpoints.pause(house.caller, endpoint["id"], False, None)
        await until(deliver.step, _has(house, endpoint, delivered=3))


async def test_what_failed_before_a_pause_or_at_another_url_disables_nobody(house: House) -> None:
    settings = WorkerSettings(
        schedule=Schedule((1,) * 9, 0), lane=LaneLimits(failures=100), disable_after_ms=60_000
    )
    async with shop() as receiver, house.postman(settings) as deliver:
        receiver.always = 500
        long_ago = CLOCK.now() - timedelta(days=1)
        resumed, moved = [await house.endpoint(receiver.url) for _ in range(2)]
        for one in (resumed, moved):
            await house.change(one["id"], {"failing_since": long_ago})
        await house.endpoints.pause(house.caller, resumed["id"], True, None)
        await house.endpoints.pause(house.caller, resumed["id"], False, None)
        url = {"url": f"{receiver.url}?new"}
        await house.endpoints.update(house.caller, moved["id"], url, None)
        await house.event()
        await house.fan_out()
        for one in (resumed, moved):
            await until(deliver.step, _has(house, one, failed=1))
            row = await house.row(one)
            assert row["status"] == "enabled"
            assert row["failing_since"] > long_ago, "it fails since it was sent to again"


async def test_both_secrets_are_accepted_while_they_overlap(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        endpoint = await house.endpoint(receiver.url)
        fresh = shown(await house.endpoints.rotate(house.caller, endpoint["id"], 60, None))
        await house.event()
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=1))
        await house.endpoints.rotate(house.caller, endpoint["id"], 0, None)
        await house.event()
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=2))
        (body, headers), (last, last_headers) = receiver.received
        for secret in (endpoint["secret"], fresh["secret"]):
            stripe.Webhook.construct_event(body, headers["stripe-signature"], secret)
            standardwebhooks.Webhook(secret).verify(body, headers)
            with pytest.raises(stripe.SignatureVerificationError):
                stripe.Webhook.construct_event(last, last_headers["stripe-signature"], secret)


async def test_one_event_a_range_and_all_failures_are_sent_again(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        endpoint = await house.endpoint(receiver.url)
        first, *others = await house.events(5)
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=5))
        await house.replays.one(house.caller, endpoint["id"], first, None)
        await until(deliver.step, _has(house, endpoint, delivered=5))
        assert sorted(receiver.ids) == sorted([first, first, *others])

        created = {"gte": 1_577_836_800}
        job = await _replayed(house, endpoint, {"created": created})
        assert job["replayed"] == 5
        await until(deliver.step, _has(house, endpoint, delivered=5))
        assert len(receiver.received) == 11

        receiver.answers = [500] * 9
        await house.events(3)
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=5, failed=3))
        job = await _replayed(house, endpoint, {"what": "failed"})
        assert (job["replayed"], job["status"]) == (3, "done")
        await until(deliver.step, _has(house, endpoint, delivered=8))


async def test_what_happened_while_it_was_disabled_is_sent_by_a_replay(house: House) -> None:
    async with shop() as receiver, house.postman(QUICK) as deliver:
        endpoint = await house.endpoint(receiver.url, "charge.succeeded")
        await house.endpoints.update(house.caller, endpoint["id"], {"disabled": True}, None)
        missed = await house.event()
        await house.event("charge.failed")
        await house.fan_out()
        await house.endpoints.update(house.caller, endpoint["id"], {"disabled": False}, None)
        assert await house.counts(endpoint) == {}
        await _replayed(house, endpoint, {"created": {"gte": 1_577_836_800}})
        await until(deliver.step, _has(house, endpoint, delivered=1))
        assert receiver.ids == [missed]


async def test_replay_without_bounds_is_refused(house: House) -> None:
    endpoint = await house.endpoint("http://127.0.0.1:9/hook")
    with pytest.raises(Refusal) as refused:
        await house.replays.many(house.caller, endpoint["id"], {}, None)
    assert refused.value.code is Code.PARAMETER_MISSING


async def test_a_test_goes_to_the_endpoint_that_is_tested_alone(house: House) -> None:
    async with shop() as receiver, shop() as other, house.postman(QUICK) as deliver:
        endpoint = await house.endpoint(receiver.url, "charge.failed")
        spared = await house.endpoint(other.url)
        await house.replays.test(house.caller, endpoint["id"], None)
        await house.fan_out()
        await until(deliver.step, _has(house, endpoint, delivered=1))
        assert (await house.counts(spared), other.received) == ({}, [])
        ((body, headers),) = receiver.received
        stripe.Webhook.construct_event(body, headers["stripe-signature"], endpoint["secret"])
        await house.endpoints.pause(house.caller, endpoint["id"], True, None)
        refused = await house.replays.test(house.caller, endpoint["id"], None)
        assert refused.code == "parameter_invalid"


async def test_event_of_a_test_clock_that_is_years_behind_is_delivered(house: House) -> None:
    async with shop() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.event(created=datetime(2020, 1, 1, tzinfo=UTC))
        await house.fan_out()
        assert await house.counts(endpoint) == {"pending": 1}


async def test_how_late_a_loop_is_counts_from_when_an_event_was_recorded(house: House) -> None:
    await house.fan_out()
    for year in (2020, 2040):
        event_id = await house.event(created=datetime(year, 1, 1, tzinfo=UTC))
        await asyncio.sleep(1.1)
        found = await lags(house.reader)
        late = CLOCK.now() - moment_of(event_id)
        assert 1 <= found["fan_out"] <= late.total_seconds() + 1
        await house.fan_out()


async def test_attempts_that_are_settled_again_after_an_error_are_written_down_once(
    house: House,
) -> None:
    """An error of one merchant's unit may hide that another's was committed."""
    async with shop() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.events(2)
        await house.fan_out()
        door = house.deliveries()
        taken = await door.take(await door.due(8, {}), lease_ms=60_000)
        tried = [door.tried(one, Attempt(200), CLOCK.now()) for one in taken]
        for _ in range(3):
            await door.settle(tried)
        assert await house.counts(endpoint) == {"delivered": 2}
        assert [one["number"] for one in await house.attempts(endpoint)] == [1, 1]


async def test_a_long_replay_gives_the_others_their_turn(house: House) -> None:
    one, other = [await house.endpoint("http://127.0.0.1:9/hook") for _ in range(2)]
    await house.events(450)
    created = {"created": {"gte": 1_577_836_800}}
    first = shown(await house.replays.many(house.caller, one["id"], created, None))
    second = shown(await house.replays.many(house.caller, other["id"], created, None))
    for _ in range(2):
        await house.replays.step()
    jobs = [await house.replays.retrieve(house.caller, job["id"]) for job in (first, second)]
    assert [job["replayed"] for job in jobs] == [200, 200]


async def test_endpoint_hears_only_of_what_it_asked_for(house: House) -> None:
    async with shop() as receiver:
        picky = await house.endpoint(receiver.url, "charge.failed")
        wide = await house.endpoint(receiver.url, "charge.*")
        for kind in ("charge.succeeded", "charge.failed", "refund.failed"):
            await house.event(kind)
        await house.fan_out()
        assert await house.counts(picky) == {"pending": 1}
        assert await house.counts(wide) == {"pending": 2}


async def test_endpoint_made_later_is_spared_what_was_before(house: House) -> None:
    await house.event()
    await house.fan_out()
    async with shop() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.fan_out()
        event_id = await house.event()
        await house.fan_out()
        (row,) = await house.reader.where("webhook_delivery", endpoint=endpoint["id"])
        assert row["event_id"] == event_id


async def test_secret_is_shown_once_and_deleted_endpoints_are_missing(house: House) -> None:
    made = await house.endpoint("http://127.0.0.1:9/hook", "charge.failed")
    assert made["secret"].startswith("whsec_")
    assert "secret" not in await house.endpoints.retrieve(house.caller, made["id"])
    changed = shown(
        await house.endpoints.update(
            house.caller, made["id"], {"disabled": True, "metadata": {"a": "b"}}, None
        )
    )
    assert (changed["status"], changed["metadata"]) == ("disabled", {"a": "b"})
    gone = shown(await house.endpoints.delete(house.caller, made["id"], None))
    assert gone == {"id": made["id"], "object": "webhook_endpoint", "deleted": True}
    with pytest.raises(Refusal) as refused:
        await house.endpoints.retrieve(house.caller, made["id"])
    assert refused.value.code is Code.RESOURCE_MISSING


async def _replayed(
    house: House, endpoint: dict[str, Any], params: dict[str, Any]
) -> dict[str, Any]:
    job = shown(await house.replays.many(house.caller, endpoint["id"], params, None))
    while await house.replays.step():
        pass
    return await house.replays.retrieve(house.caller, job["id"])
