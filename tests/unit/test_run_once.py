"""Work that is one unit, when somebody takes what it claims between its look and its commit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hazina.clock import SystemClock
from hazina.db.memory import MemoryReader, MemoryStore
from hazina.db.unit import Claim, Unit
from hazina.db.writer import Writer
from hazina.idempotency.service import Idempotency, OneUnit
from hazina.refusals import Code, Refusal
from tests.support.toy import SCHEMA, ToyEngine

_CLAIM = Claim("toy_claim", {"merchant_id": "m", "name": "till", "body": None, "lease_until": None})


@asynccontextmanager
async def _standing() -> AsyncIterator[tuple[Idempotency, MemoryReader, Writer]]:
    store = MemoryStore(SCHEMA, ToyEngine())
    clock = SystemClock()
    writer = Writer(store, clock)
    await writer.start()
    reader = MemoryReader(store)
    yield Idempotency(reader, writer, clock, "https://docs.example"), reader, writer
    await writer.close()


async def _run(finds: bool) -> tuple[dict[str, str], int]:
    """Do work whose claim is taken after its first look; return its answer and how often it looked.

    With `finds`, a look finds what was taken, and then claims nothing.
    """
    looks = 0
    async with _standing() as (idempotency, reader, writer):

        async def load() -> bool:
            nonlocal looks
            looks += 1
            found = await reader.get("toy_claim", ("m", "till")) is not None
            if not found:
                await writer.submit(Unit("m", claims=(_CLAIM,)))
            return found and finds

        def decide(found: bool) -> OneUnit:
            return OneUnit(Unit("m", claims=() if found else (_CLAIM,)), {"found": str(found)})

        answer = await idempotency.run_once(None, "m", load, decide)
    return json.loads(answer.body), looks


def test_a_second_look_finds_what_was_taken() -> None:
    assert asyncio.run(_run(finds=True)) == ({"found": "True"}, 2)


def test_what_no_look_finds_is_refused_for_now() -> None:
    with pytest.raises(Refusal) as refused:
        asyncio.run(_run(finds=False))

    assert refused.value.code is Code.LOCK_TIMEOUT
