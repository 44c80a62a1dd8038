"""Redis is killed, hangs, forgets everything and comes back while clients pay: nothing fails.

Nor does a payment take longer. The requests under way when Redis stops answering wait 0.1 s for it,
once: of a whole run's turns, with hundreds of payments, they are less than one in a hundred.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from hazina.bootstrap.app import open_core
from hazina.redis.limits import AWAY_MS
from hazina.refusals import Code
from tests.support import crash, promises
from tests.support.books import check_books, settle
from tests.support.direct import Answer, Direct
from tests.support.redis_server import PROGRAM, SKIP_REASON, RedisServer
from tests.support.rounds import P99_RATIO_MAX, Rounds
from tests.support.simulator import Simulator

pytestmark = [
    pytest.mark.timeout(600), pytest.mark.skipif(PROGRAM is None, reason=SKIP_REASON),
]  # fmt: skip
_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_ROUNDS, _SECONDS = (5, 5.0) if _WHOLE else (1, 0.7)
_BACK_SECONDS = AWAY_MS / 1_000 + 0.5 if _WHOLE else 0.2
_CLIENTS = 4
_STATES = ("emptied", "hanging", "killed")
_ASKED_AGAIN_MAX = 4_000
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
        clients = Clients(api, key)
        compared: dict[str, Rounds] = {state: Rounds() for state in _STATES}
        async with clients.paying():
            for _ in range(_ROUNDS):
                for state in _STATES:
                    there = await clients.turn()
                    await _become(state, redis)
                    compared[state].add(there, await clients.turn())
                    await _heal(state, redis)
                    await asyncio.sleep(_BACK_SECONDS)
        answers = clients.answers
        await settle(core)
        for name, answer in answers.items():
            assert answer.status == 200, (name, answer.raw)
        for name in list(answers)[:: 1 + len(answers) // _ASKED_AGAIN_MAX]:
            again = await _once(api, key, name)
            assert again.raw == answers[name].raw
        await core.close()
        check_books(fresh_database_url, simulator.books())
    assert len(answers) > _CLIENTS
    if _WHOLE:
        slow = {state: rounds for state, rounds in compared.items() if rounds.ratio > P99_RATIO_MAX}
        assert not slow, slow
    figure = f"{len(answers)} payments, {_ROUNDS} rounds, 0 refused, {clients.shed} shed"
    promises.note("redis away", figure)
    for state, rounds in compared.items():
        promises.note(f"redis away: {state}", rounds.figure())


async def _become(state: str, redis: RedisServer) -> None:
    """Let it forget, hang or die."""
    match state:
        case "emptied":
            port = redis.url.rsplit(":", 1)[1].split("/")[0]
            emptied = ["redis-cli", "-p", port, "flushall"]
            await asyncio.to_thread(subprocess.run, emptied, check=True, stdout=subprocess.DEVNULL)
        case "hanging":
            os.kill(redis.pid, signal.SIGSTOP)
        case _:
            await asyncio.to_thread(redis.stop)


async def _heal(state: str, redis: RedisServer) -> None:
    """Let it go on, or come back with nothing."""
    match state:
        case "hanging":
            os.kill(redis.pid, signal.SIGCONT)
        case "killed":
            await asyncio.to_thread(redis.start)


@dataclass(slots=True)
class Clients:
    """Some who pay, one payment after another, and how long each payment of a turn took."""

    api: Direct
    key: str
    answers: dict[str, Answer] = field(default_factory=dict)
    shed: int = 0
    """How often one was told to come again, which is PostgreSQL's doing and never Redis's."""
    _times: list[float] = field(default_factory=list)
    _ended: bool = False

    @asynccontextmanager
    async def paying(self) -> AsyncIterator[None]:
        clients = [asyncio.create_task(self._pay(str(number))) for number in range(_CLIENTS)]
        try:
            yield
        finally:
            self._ended = True
            await asyncio.gather(*clients)

    async def turn(self) -> list[float]:
        """Let them pay for a while; return how long the payments took, in seconds."""
        self._times = []
        await asyncio.sleep(_SECONDS)
        while len(self._times) < 2:
            await asyncio.sleep(0.05)
        return self._times

    async def _pay(self, client: str) -> None:
        number = 0
        while not self._ended:
            number += 1
            name, begun = f"{client} {number}", time.perf_counter()
            answer = await _once(self.api, self.key, name)
            while answer.code == Code.OVERLOADED:
                # A machine that stands still makes the writer's queue look too long.
                self.shed += 1
                answer = await _once(self.api, self.key, name)
            self.answers[name] = answer
            self._times.append(time.perf_counter() - begun)


async def _once(api: Direct, key: str, name: str) -> Answer:
    fields: dict[str, Any] = {
        "amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true",
        "payment_method_types[]": "card",
    }  # fmt: skip
    return await api.send(key, "POST", "/v1/payment_intents", fields, idempotency_key=name)
