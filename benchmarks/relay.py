"""Measures the relay: `python -m benchmarks.relay`, a log of events carried to a real Kafka.

The events are written straight into the log, then one relay carries them in this process, which
reads them from PostgreSQL, sends them, waits for every acknowledgement and moves its place.
"""

from __future__ import annotations

import argparse
import asyncio
import time

import psycopg

from benchmarks.stage import machine_ms, own_folder
from hazina.bootstrap.app import SCHEMA, query_files
from hazina.clock import SystemClock
from hazina.db import embedded
from hazina.db.migrate import migrate
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.writer import Writer
from hazina.ids import SystemIds
from hazina.kafka.producer import KafkaSender
from hazina.kafka.relay import Relay, RelaySettings
from tests.support.kafka_broker import INSTALLED, SKIP_REASON, own_broker

_FILL = """
INSERT INTO event (merchant_id, id, type, object_id, sequence, created, body)
SELECT 'acct_bench_test', 'evt_' || lpad(n::text, 26, '0'), 'charge.succeeded',
    'ch_' || (n %% 20000), n / 20000 + 1, now(),
    convert_to('{"id":"evt_' || lpad(n::text, 26, '0') || '","object":"event","filler":"'
        || left(repeat(md5(n::text), 64), %(bytes)s::int - 70) || '"}', 'UTF8')
FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""


def fill(database_url: str, count: int, size: int) -> None:
    """Write events, a thousand per database transaction."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for first in range(1, count + 1, 1_000):
            last = min(first + 999, count)
            connection.execute(_FILL, {"first": first, "last": last, "bytes": size})
        connection.execute("VACUUM ANALYZE event")


async def drain(database_url: str, brokers: str, count: int) -> tuple[float, float]:
    """Relay everything; return seconds, and CPU milliseconds of the whole machine."""
    clock, ids = SystemClock(), SystemIds()
    store = PostgresStore(database_url, SCHEMA, None, clock=clock)
    await store.open()
    writer = Writer(store, clock)
    await writer.start()
    reader = PooledReader(database_url, SCHEMA, query_files())
    await reader.open()
    relay = Relay(
        reader=reader, writer=writer, clock=clock, ids=ids, sender=KafkaSender(brokers, {}),
        settings=RelaySettings(),
    )  # fmt: skip
    await relay.step()
    done, began, cpu = await relay.step(), time.monotonic(), machine_ms()
    counted = 0
    while done + counted < count:
        counted += await relay.step()
    seconds, spent = time.monotonic() - began, machine_ms() - cpu
    await relay.close()
    await writer.close()
    await reader.close()
    await store.close()
    return counted / seconds, spent / counted


def main() -> None:
    """Fill a log, relay it and print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=200_000)
    options.add_argument("--bytes", type=int, default=1_500)
    chosen = options.parse_args()
    if not INSTALLED:
        raise SystemExit(SKIP_REASON)
    with own_folder() as folder:
        server = embedded.ensure(folder / "postgres")
        migrate(server.url)
        fill(server.url, chosen.events, chosen.bytes)
        with own_broker(folder) as broker:
            per_second, cpu = asyncio.run(drain(server.url, broker.address, chosen.events))
    print(f"{chosen.events} events of {chosen.bytes} bytes, one relay, every record acknowledged")
    print(f"{per_second:,.0f} events/s, {cpu * 1000:.0f} us of CPU per event on the whole machine")


if __name__ == "__main__":
    main()
