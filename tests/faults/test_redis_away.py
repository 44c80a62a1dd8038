"""Redis is killed, hangs, forgets everything and comes back while clients pay: nothing fails."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from typing import Any

import pytest

from hazina.bootstrap.app import open_core
from tests.support import crash, promises
from tests.support.books import check_books, settle
from tests.support.direct import Answer, Direct
from tests.support.redis_server import PROGRAM, SKIP_REASON, RedisServer
from tests.support.simulator import Simulator

pytestmark = [
    pytest.mark.timeout(300), pytest.mark.skipif(PROGRAM is None, reason=SKIP_REASON),
]  # fmt: skip
_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_ROUNDS, _SECONDS = (5, 4.0) if _WHOLE else (1, 0.7)
_CLIENTS = 4
# So high that nobody reaches it: whatever is refused is refused because Redis is away.
_RATES = {
    "rate_read_per_minute": 1_000_000, "rate_write_per_minute": 1_000_000,
    "rate_burst_seconds": 60,
}  # fmt: skip


async def test_payments_go_on_whatever_becomes_of_redis(fresh_database_url: str) -> None:
    with Simulator() as simulator, RedisServer() as redis:
        chosen = crash.settings(fresh_database_url, simulator.url, patient=True)
        core = await open_core(chosen.model_copy(update=_RATES | {"redis_url": redis.url}))
        api = Direct(core, checked=False)
        key = await core.merchants.issue_key(await core.merchants.create(overdraft_minor=10**9))
        answers: dict[str, Answer] = {}
        ended = asyncio.Event()
        clients = [
            asyncio.create_task(_pay(api, key, str(number), answers, ended))
            for number in range(_CLIENTS)
        ]
        for _ in range(_ROUNDS):
            await _through_everything(redis)
        ended.set()
        await asyncio.gather(*clients)
        await settle(core)
        for name, answer in answers.items():
            assert answer.status == 200, (name, answer.raw)
            again = await _once(api, key, name)
            assert again.raw == answer.raw
        await core.close()
        check_books(fresh_database_url, simulator.books())
    assert len(answers) > _CLIENTS
    promises.note("redis away", f"{len(answers)} payments, {_ROUNDS} rounds, 0 refused")


async def _through_everything(redis: RedisServer) -> None:
    """Let it forget, hang, die, be away, and come back with nothing."""
    program = "redis-cli"
    await asyncio.sleep(_SECONDS)
    port = redis.url.rsplit(":", 1)[1].split("/")[0]
    emptied = [program, "-p", port, "flushall"]
    await asyncio.to_thread(subprocess.run, emptied, check=True, stdout=subprocess.DEVNULL)
    await asyncio.sleep(_SECONDS)
    os.kill(redis.pid, signal.SIGSTOP)
    await asyncio.sleep(_SECONDS)
    redis.stop()
    await asyncio.sleep(_SECONDS)
    redis.start()
    await asyncio.sleep(_SECONDS)


async def _pay(
    api: Direct, key: str, client: str, answers: dict[str, Answer], ended: asyncio.Event
) -> None:
    number = 0
    while not ended.is_set():
        number += 1
        name = f"{client} {number}"
        answers[name] = await _once(api, key, name)


async def _once(api: Direct, key: str, name: str) -> Answer:
    fields: dict[str, Any] = {
        "amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true",
        "payment_method_types[]": "card",
    }  # fmt: skip
    return await api.send(key, "POST", "/v1/payment_intents", fields, idempotency_key=name)
