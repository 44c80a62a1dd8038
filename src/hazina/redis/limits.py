"""Counts of requests in Redis, so that all processes together grant a key one rate."""

from __future__ import annotations

import asyncio

import structlog
from redis.asyncio import Redis
from redis.exceptions import MaxConnectionsError, RedisError

from hazina.clock import Clock
from hazina.merchants.limits import MemoryLimits, Rate
from hazina.tasks import Tasks

_log = structlog.get_logger("hazina.redis")
_TIMEOUT_SECONDS = 0.1
AWAY_MS = 2_000

# The same arithmetic as MemoryLimits.count, on Redis's own clock; a key expires when it is empty.
_COUNT = """
local now = redis.call('TIME')
local now_us = now[1] * 1000000 + now[2]
local interval_us = tonumber(ARGV[1])
local until_us = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now_us) + interval_us
local over_us = until_us - now_us - tonumber(ARGV[2]) * interval_us
if over_us > 0 then return math.ceil(over_us / 1000) end
local life_ms = math.ceil((until_us - now_us) / 1000) + 1
redis.call('SET', KEYS[1], string.format('%d', until_us), 'PX', life_ms)
return 0
"""


class RedisLimits:
    """Counts in Redis; while it is away, each process counts for itself.

    That a limit is kept a little worse is better than that payments fail: nothing is refused
    because Redis is away. What comes while all connections are in use is counted so too. Only
    requests under way at the moment when it stops answering wait for it, once; whether it is back
    is asked aside, every two seconds.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        read: Rate,
        write: Rate,
        *,
        away_ms: int = AWAY_MS,
        connections_max: int = 100,
    ) -> None:
        self._clock = clock
        self._away_ms = away_ms
        self._rates = {False: read, True: write}
        self._memory = MemoryLimits(clock, read, write)
        self._redis = Redis.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS,
            max_connections=connections_max,
        )  # fmt: skip
        self._count = self._redis.register_script(_COUNT)
        self._tasks = Tasks()
        self._looking: asyncio.Task[None] | None = None
        """Looks whether Redis is back, while it is away."""

    async def wait_ms(self, key_id: str, write: bool) -> int:
        """Count one request; return 0, or how long to wait when it is one too many."""
        rate = self._rates[write]
        if not rate.per_minute:
            return 0
        if self._looking is not None:
            return self._memory.count(key_id, write)
        name = f"hazina:rate:{'write' if write else 'read'}:{key_id}"
        try:
            counted = await self._count(keys=[name], args=[rate.interval_us, rate.burst])
        except MaxConnectionsError:
            # So many ask at once: the pool is at its bound, and Redis is not away for it.
            return self._memory.count(key_id, write)
        except (TimeoutError, RedisError, OSError) as error:
            if self._looking is None:
                _log.warning("redis_away", problem=type(error).__name__)
                self._looking = self._tasks.spawn(self._look_again(), "redis is looked for")
            return self._memory.count(key_id, write)
        return int(counted)

    async def _look_again(self) -> None:
        """Come back to Redis once it answers."""
        while True:
            await self._clock.sleep_ms(self._away_ms)
            try:
                # Connections from before may be dead, and each would be found out by a request.
                await self._redis.connection_pool.disconnect(inuse_connections=False)
                await self._redis.ping()
            except (TimeoutError, RedisError, OSError):
                continue
            except Exception:
                # Whoever looks must not end: nobody would come back to Redis then.
                _log.exception("redis_look_failed")
                continue
            self._looking = None
            return

    async def close(self) -> None:
        """Disconnect."""
        if self._looking is not None:
            self._looking.cancel()
        await self._redis.aclose()
