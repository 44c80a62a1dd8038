"""Relays of the tests: over a store of their own, in this process or in one that can be killed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hazina.bootstrap.app import SCHEMA, query_files
from hazina.clock import SystemClock
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.writer import Writer
from hazina.ids import SystemIds
from hazina.kafka.producer import KafkaSender
from hazina.kafka.relay import Relay, RelaySettings


@asynccontextmanager
async def parts_over(url: str) -> AsyncIterator[tuple[PooledReader, Writer]]:
    """Yield a reader and a writer of a database, without the ledger."""
    clock = SystemClock()
    store = PostgresStore(url, SCHEMA, None, clock=clock)
    await store.open()
    writer = Writer(store, clock)
    await writer.start()
    reader = PooledReader(url, SCHEMA, query_files(), size=2)
    try:
        yield reader, writer
    finally:
        await writer.close()
        await reader.close()
        await store.close()


@asynccontextmanager
async def relay_over(
    url: str,
    brokers: str,
    prefix: str,
    *,
    events_max: int = 500,
    lease_ms: int = 1_000,
    farewell: bool = True,
) -> AsyncIterator[Relay]:
    """Yield a relay over a writer of its own; without a farewell its lease runs on."""
    async with parts_over(url) as (reader, writer):
        relay = Relay(
            reader=reader, writer=writer, clock=SystemClock(), ids=SystemIds(),
            sender=KafkaSender(brokers, {}),
            settings=RelaySettings(prefix, 4, events_max, lease_ms),
        )  # fmt: skip
        try:
            yield relay
        finally:
            if farewell:
                await relay.close()


async def relay_until(relay: Relay, count: int, seconds: float = 120.0) -> int:
    """Step until so many events were carried; return how many were."""
    carried = 0
    async with asyncio.timeout(seconds):
        while carried < count:
            found = await relay.step()
            carried += found
            if not found:
                await asyncio.sleep(0.02)
    return carried


async def _for_ever(url: str, brokers: str, prefix: str) -> None:
    async with relay_over(url, brokers, prefix, events_max=50) as relay:
        while True:
            if not await relay.step():
                await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(_for_ever(*sys.argv[1:]))
