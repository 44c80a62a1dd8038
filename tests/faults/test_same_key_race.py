"""Many requests with few keys, from two processes that are killed meanwhile: one effect per key."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from hazina.bootstrap.app import Core, open_core
from hazina.merchants.merchant import Caller
from tests.support import crash, promises
from tests.support.books import check_books, check_requests, effective, rows, settle
from tests.support.simulator import Simulator

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_KEYS, _EACH, _KILLS = (200, 50, 12) if _WHOLE else (20, 20, 3)
_AT_ONCE = 40
_OF_THE_MOMENT = ("idempotency_key_in_use", "lock_timeout", "operation_in_progress", "overloaded")
_STATUSES = "SELECT status FROM payment_intent"
_SECONDS_MAX = 600 if _WHOLE else 90
pytestmark = pytest.mark.timeout(_SECONDS_MAX + 60)


async def test_each_key_has_one_effect_and_one_answer(
    fresh_database_url: str, tmp_path: Path
) -> None:
    with Simulator() as simulator:
        chosen = crash.settings(fresh_database_url, simulator.url, patient=True)
        core = await open_core(chosen)
        caller = Caller(await core.merchants.create(overdraft_minor=10**9), False, "req_1")
        await core.close()
        files = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
        _race(chosen, caller, files)
        janitor = await open_core(chosen)
        await settle(janitor)
        await janitor.close()
        books = simulator.books()
        check_requests(simulator.requests())
    answers = [answer for file in files for answer in _answers(file)]
    assert len(answers) == _KEYS * _EACH
    by_key = defaultdict(set)
    for key, _, code, body in answers:
        by_key[key].add((code, body))
    assert len(by_key) == _KEYS
    assert [key for key, found in by_key.items() if len(found) > 1] == []
    # A payment whose process died is processing to whoever asks then: the provider is asked, and
    # what was never sent is sent.
    told = Counter(
        code or orjson.loads(body)["status"] for found in by_key.values() for code, body in found
    )
    assert told.keys() <= {"succeeded", "processing"}, told
    statuses = [row["status"] for row in rows(fresh_database_url, _STATUSES)]
    paid = statuses.count("succeeded")
    assert len(statuses) == paid == _KEYS, Counter(statuses)
    assert sum(effective(entry) for entry in books) == len(books) == paid
    check_books(fresh_database_url, books)
    asked = f"{len(answers)} requests over {_KEYS} keys, {_KILLS} kills: {paid} effects"
    promises.note("same key, with kills", f"{asked}, one answer each")


def _race(chosen: crash.Settings, caller: Caller, files: list[Path]) -> None:
    """Have both processes ask until all is answered; kill one now and then, and start it again."""
    until = time.monotonic() + _SECONDS_MAX
    chance = random.Random(_KEYS)
    running = [crash.start(chosen, _asks(caller, file)) for file in files]
    kills = _KILLS
    with crash.ending(running):
        while any(process.exitcode != 0 for process in running):
            assert time.monotonic() < until, "not all is answered in time"
            time.sleep(0.05 + chance.random() / 5 if kills == _KILLS else 0.2 + chance.random())
            if kills:
                victim = chance.randrange(2)
                if running[victim].exitcode is None:
                    running[victim].kill()
                    running[victim].join()
                    kills -= 1
            for side, process in enumerate(running):
                if process.exitcode is not None and process.exitcode != 0:
                    ended = f"{process.exitcode}: {process.said}"
                    assert process.exitcode == -signal.SIGKILL, ended
                    running[side] = crash.start(chosen, _asks(caller, files[side]))
    assert kills < _KILLS, "all was answered before the first kill"


def _asks(caller: Caller, file: Path) -> Callable[[Core], Awaitable[None]]:
    """Return what one process does: its half of every key's requests that is not answered yet."""

    async def work(core: Core) -> None:
        done = {(key, number) for key, number, _, _ in _answers(file)}
        left = [
            (f"key-{key}", number)
            for key in range(_KEYS)
            for number in range(_EACH // 2)
            if (f"key-{key}", number) not in done
        ]
        # Neighbours in the list have the same key, and are asked for at once.
        gate = asyncio.Semaphore(_AT_ONCE)
        with file.open("ab", buffering=0) as kept:

            async def ask(key: str, number: int) -> None:
                async with gate:
                    code, body = await _answered(core, caller, key)
                kept.write(orjson.dumps([key, number, code, body]) + b"\n")

            await asyncio.gather(*(ask(key, number) for key, number in left))

    return work


async def _answered(core: Core, caller: Caller, key: str) -> tuple[str | None, str]:
    """Ask until there is an answer that stays."""
    while True:
        answer = await crash.read(crash.perform(core, caller, "create", "ok", "", key))
        if answer.code not in _OF_THE_MOMENT:
            return answer.code, answer.body.decode()
        await core.clock.sleep_ms(100)


def _answers(file: Path) -> list[Any]:
    """Return the answers that were written whole; a kill may leave half a line."""
    content = file.read_bytes() if file.exists() else b""
    return [orjson.loads(line) for line in content.split(b"\n")[:-1] if line.endswith(b"]")]
