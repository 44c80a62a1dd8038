"""Rate limits over the API: what is refused, with which headers, in memory and in a real Redis."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from hazina.clock import SystemClock
from hazina.merchants.limits import Rate
from hazina.redis.limits import RedisLimits
from tests.support.direct import Direct, direct
from tests.support.redis_server import PROGRAM, SKIP_REASON, RedisServer

needs_redis = pytest.mark.skipif(PROGRAM is None, reason=SKIP_REASON)
# Three at once, and so slow that nothing is refilled while a test runs.
SLOW: dict[str, Any] = {
    "rate_read_per_minute": 1, "rate_write_per_minute": 1, "rate_burst_seconds": 180,
}  # fmt: skip


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


async def new_key(api: Direct) -> str:
    return await api.core.merchants.issue_key(await api.core.merchants.create())


async def exhaust(api: Direct, key: str) -> list[int]:
    """Read six times."""
    return [(await api.send(key, "GET", "/v1/balance")).status for _ in range(6)]


async def test_too_many_requests_are_refused_with_stripes_headers(database_url: str) -> None:
    async with direct(database_url, **SLOW) as api:
        key, other = await new_key(api), await new_key(api)
        statuses = await exhaust(api, key)
        assert statuses == [200] * 3 + [429] * 3
        refused = await api.send(key, "GET", "/v1/balance")
        assert (refused.status, refused.code) == (429, "rate_limit")
        assert refused.headers["stripe-rate-limited-reason"] == "global-rate"
        assert refused.headers["stripe-should-retry"] == "true"
        assert int(refused.headers["retry-after"]) >= 1
        assert (await api.send(other, "GET", "/v1/balance")).status == 200
        assert (await api.send(key, "POST", "/v1/customers")).status == 200


async def test_a_limited_request_claims_nothing(database_url: str) -> None:
    async with direct(database_url, **SLOW) as api:
        key = await new_key(api)
        for number in range(6):
            answer = await api.send(
                key, "POST", "/v1/customers", {"name": "A"}, idempotency_key=f"limited {number}"
            )
        assert answer.status == 429
        with psycopg.connect(database_url) as connection:
            kept = connection.execute(
                "SELECT count(*) FROM idempotency_key WHERE key = 'limited 5'"
            ).fetchone()
        assert kept == (0,)


@needs_redis
async def test_two_processes_share_one_rate_in_redis(database_url: str, redis: RedisServer) -> None:
    async with (
        direct(database_url, redis_url=redis.url, **SLOW) as here,
        direct(database_url, redis_url=redis.url, **SLOW) as there,
    ):
        key = await new_key(here)
        statuses = await exhaust(here, key) + await exhaust(there, key)
        assert statuses == [200] * 3 + [429] * 9


@needs_redis
async def test_with_redis_away_each_process_counts_for_itself_and_nothing_fails(
    database_url: str, redis: RedisServer
) -> None:
    async with direct(database_url, redis_url=redis.url, **SLOW) as api:
        key = await new_key(api)
        assert (await api.send(key, "GET", "/v1/balance")).status == 200
        redis.stop()
        statuses = await exhaust(api, key)
        assert statuses == [200] * 3 + [429] * 3


@needs_redis
async def test_redis_that_is_back_is_asked_again(redis: RedisServer) -> None:
    """The server that comes back is new and empty; only the memory knows of the key."""
    clock = SystemClock()
    rate = Rate(1, 1)
    limits = RedisLimits(redis.url, clock, rate, rate, away_ms=10)
    assert await limits.wait_ms("a", False) == 0
    redis.stop()
    assert await limits.wait_ms("b", False) == 0
    assert await limits.wait_ms("b", False) > 0
    redis.start()
    for _ in range(500):
        if await limits.wait_ms("b", False) == 0:
            break
        await clock.sleep_ms(10)
    assert await limits.wait_ms("b", False) > 0
    await limits.close()


@needs_redis
async def test_more_requests_at_once_than_connections_do_not_make_redis_look_away(
    redis: RedisServer,
) -> None:
    """What another process was granted counts here as before."""
    rate = Rate(1, 20)
    here = RedisLimits(redis.url, SystemClock(), rate, rate, connections_max=1)
    there = RedisLimits(redis.url, SystemClock(), rate, rate)
    assert not any(await asyncio.gather(*(here.wait_ms("a", False) for _ in range(10))))
    for _ in range(20):
        await there.wait_ms("a", False)
    assert await here.wait_ms("a", False) > 0
    await here.close()
    await there.close()


@needs_redis
async def test_redis_is_looked_for_after_a_look_that_failed_by_surprise(
    redis: RedisServer,
) -> None:
    """Something else listens there for a while, and answers what is no number where one stands."""
    rate = Rate(1, 1)
    limits = RedisLimits(redis.url, SystemClock(), rate, rate, away_ms=10)
    redis.stop()
    assert await limits.wait_ms("a", False) == 0
    looks = asyncio.Semaphore(0)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(b":none\r\n")
        writer.close()
        looks.release()

    port = int(redis.url.rsplit(":", 1)[1].split("/")[0])
    async with asyncio.timeout(10), await asyncio.start_server(answer, "127.0.0.1", port):
        await looks.acquire()
        await looks.acquire()
    redis.start()
    # The server that came back has not counted yet; only the memory knows of the key.
    async with asyncio.timeout(10):
        while await limits.wait_ms("a", False):
            await asyncio.sleep(0.01)
    await limits.close()


@needs_redis
async def test_nobody_waits_for_a_redis_that_hangs_once_that_is_known(redis: RedisServer) -> None:
    """Only what was under way when it stopped answering waits; it is looked for aside."""
    rate = Rate(60_000, 1_000)
    limits = RedisLimits(redis.url, SystemClock(), rate, rate, away_ms=1)
    assert await limits.wait_ms("a", False) == 0
    os.kill(redis.pid, signal.SIGSTOP)
    assert await limits.wait_ms("a", False) == 0
    for _ in range(20):
        await asyncio.sleep(0.01)
        with pytest.raises(StopIteration) as counted:
            limits.wait_ms("a", False).send(None)
        assert counted.value.value == 0
    os.kill(redis.pid, signal.SIGCONT)
    await limits.close()
