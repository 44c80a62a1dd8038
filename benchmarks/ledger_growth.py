"""Measures the ledger with many transfers stored: `python -m benchmarks.ledger_growth`.

Bookings of 256 callers beside an empty ledger, balances at random moments, and a statement of a
million lines with the memory that reading it takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import sys
import time
from pathlib import Path
from uuid import UUID

import psycopg
import uvloop
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.ledger_load import ACCOUNTS, SPACE, LedgerOrder, ledgers_at, open_accounts, play
from benchmarks.stage import other_load, own_folder
from hazina.db import embedded
from hazina.db.migrate import migrate
from hazina.ledger.client import stored_id
from hazina.ledger.service import Ledgers

_FILL = Path(__file__).parent / "ledger_growth.sql"
_YEAR_NS = 365 * 86_400 * 1_000_000_000
_LOOKS = 500


def url_of(server_url: str, name: str) -> str:
    """Return the URL of a database of the measurement."""
    return make_conninfo(**{**conninfo_to_dict(server_url), "dbname": f"bench_{name}"})


def make_database(server_url: str, name: str) -> str:
    """Make a migrated database with the accounts of the measurement; return its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "bench_{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "bench_{name}"'.encode())
    url = url_of(server_url, name)
    migrate(url)
    asyncio.run(_open_accounts(url))
    return url


def filled_database(server_url: str, folder: Path, millions: float) -> tuple[str, int, int]:
    """Give the filled database, filled now unless the folder says that it is; its first moments."""
    began, said = time.perf_counter(), folder / "filled.json"
    if said.exists():
        url = url_of(server_url, "filled")
        migrate(url)
        found = json.loads(said.read_text())
        if found["millions"] != millions:
            sys.exit(f"{folder} holds {found['millions']} millions: give --millions, or another.")
        return url, found["long_start"], found["start"]
    transfers = int(millions * 1_000_000)
    url = make_database(server_url, "filled")
    long_start, start = fill(url, transfers, min(1_000_000, transfers // 2))
    said.write_text(json.dumps({"millions": millions, "long_start": long_start, "start": start}))
    print(f"{transfers:,} transfers were stored in {time.perf_counter() - began:.0f} s", flush=True)
    return url, long_start, start


def fill(url: str, transfers: int, long: int) -> tuple[int, int]:
    """Store transfers of the last year; return when the longest account's and all others' began."""
    rounds = (transfers - long) // (ACCOUNTS // 2)
    start = (time.time_ns() - _YEAR_NS) // 64 * 64
    step = _YEAR_NS // (rounds + long + 1) // 64_000 * 64_000
    text = _FILL.read_text()
    for name, value in (
        ("$rounds", rounds), ("$long", long), ("$start", start), ("$step", step),
    ):  # fmt: skip
        text = text.replace(name, str(value))
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in text.split(";\n\n"):
            if statement.strip():
                connection.execute(statement.encode())
        connection.execute("VACUUM (ANALYZE) transfer")
        connection.execute("VACUUM (ANALYZE) account_history")
        connection.execute("CHECKPOINT")
    return start, start + long * step


async def _open_accounts(url: str) -> None:
    async with ledgers_at(url) as ledgers:
        await open_accounts(ledgers)


async def _book(url: str, seconds: float) -> tuple[float, float]:
    async with ledgers_at(url) as ledgers:
        load = await play(ledgers, LedgerOrder(url, 256, seconds))
    return load.rate, load.p99_ms


async def _balances(url: str, start: int, client_id: int | None) -> tuple[float, float]:
    """Return the median and the 99th percentile of a balance at a random moment, in ms."""
    choose, times = random.Random(11), []
    async with ledgers_at(url) as ledgers:
        for _ in range(_LOOKS):
            one = client_id or choose.randint(1, ACCOUNTS)
            moment = start + int(choose.random() * (time.time_ns() - start))
            began = time.perf_counter()
            await ledgers.history.at(stored_id(SPACE, one), moment)
            times.append(1000 * (time.perf_counter() - began))
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


async def _statement(url: str) -> tuple[int, float, float]:
    """Read the longest statement; return its lines, seconds, and the memory it took in MB."""
    async with ledgers_at(url) as ledgers:
        account_id = stored_id(SPACE, ACCOUNTS)
        await _lines(ledgers, account_id, 10_000)  # Buffers and caches have their size now.
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        count = await _lines(ledgers, account_id, None)
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return count, seconds, (after - before) / 1024


async def _lines(ledgers: Ledgers, account_id: UUID, upto: int | None) -> int:
    account = await ledgers.history.account(account_id, SPACE)
    assert account is not None
    count = 0
    async for line in ledgers.history.lines(await ledgers.history.span(account, None, None)):
        count += 1
        assert line.line == count
        if count == upto:
            break
    return count


def wait_for_rest(server_url: str) -> None:
    """Wait until what was just booked is written, and vacuumed where autovacuum has begun to."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        while (
            connection.execute(
                "SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
            ).fetchone()
            is not None
        ):
            time.sleep(0.2)


def run(arguments: argparse.Namespace, folder: Path) -> None:
    """Fill a ledger, measure, and print."""
    server = embedded.ensure(folder / "postgres")
    try:
        measure(arguments, folder, server)
    finally:
        embedded.stop(server)


def measure(arguments: argparse.Namespace, folder: Path, server: embedded.Server) -> None:
    """Measure on databases of a server: an empty one and the filled one."""
    empty = make_database(server.url, "empty")
    filled, long_start, start = filled_database(server.url, folder, arguments.millions)
    if arguments.fill_only:
        return
    print(f"Other programs use {other_load():.2f} cores at rest.")
    rates: dict[str, list[float]] = {"empty": [], "filled": []}
    for number in range(arguments.runs):
        for name, url in (("empty", empty), ("filled", filled)):
            rate, p99 = uvloop.run(_book(url, arguments.seconds))
            rates[name].append(rate)
            print(f"  run {number + 1}, {name}: {rate:,.0f}/s, p99 {p99:.1f} ms", flush=True)
    ratio = statistics.median(rates["filled"]) / statistics.median(rates["empty"])
    print(f"256 callers, filled / empty: {ratio:.2f} (aim 0.9)")
    wait_for_rest(server.url)
    for what, client_id, since in (
        ("a random account", None, start), ("the longest account", ACCOUNTS, long_start),
    ):  # fmt: skip
        p50, p99 = uvloop.run(_balances(filled, since, client_id))
        print(f"balance at a moment, {what}: p50 {p50:.2f} ms, p99 {p99:.2f} ms (aim 5 ms)")
    lines, seconds, megabytes = uvloop.run(_statement(filled))
    print(f"statement of {lines:,} lines: {seconds:.1f} s, {megabytes:.1f} MB more memory")


def main() -> None:
    """Read the options and measure on a temporary PostgreSQL."""
    parser = argparse.ArgumentParser(prog="benchmarks.ledger_growth", description=__doc__)
    parser.add_argument("--millions", type=float, default=20)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--keep", type=Path, help="a folder to fill once and measure again")
    parser.add_argument("--fill-only", action="store_true", help="fill, and measure another time")
    arguments = parser.parse_args()
    with own_folder(arguments.keep) as folder:
        run(arguments, folder)


if __name__ == "__main__":
    main()
