"""The writer over PostgreSQL: the hash chain, slots, server settings, both event loops, reading."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import psycopg
import pytest
import uvloop

from hazina.clock import SystemClock
from hazina.db.link import UnsafeServer
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore, StoreSettings
from hazina.db.unit import Committed, Insert, RowVersion, Stale, Unit, Update
from hazina.db.writer import Writer
from tests.support.toy import SCHEMA, ToyEngine, create_tables


@pytest.fixture
def url(fresh_database_url: str) -> str:
    create_tables(fresh_database_url)
    return fresh_database_url


def _insert(id: str, **columns: object) -> Unit:
    row = {"merchant_id": "m", "id": id, **columns}
    return Unit("m", writes=(Insert("toy_object", row),))


async def _open(url: str, settings: StoreSettings | None = None) -> PostgresStore:
    store = PostgresStore(url, SCHEMA, ToyEngine(), settings=settings)
    await store.open()
    return store


async def test_batches_form_a_hash_chain_that_refuses_changes(url: str) -> None:
    store = await _open(url)
    for number in range(3):
        await store.execute([_insert(str(number))])
    await store.close()
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT sequence, previous_hash, digest, hash FROM batch ORDER BY sequence"
        ).fetchall()
        for sql in ("UPDATE batch SET digest = ''", "DELETE FROM batch", "TRUNCATE batch"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(sql.encode())
    expected = bytes(32)
    for place, (sequence, previous_hash, digest, found) in enumerate(rows, 1):
        assert (sequence, previous_hash) == (place, expected)
        expected = hashlib.sha256(expected + sequence.to_bytes(8, "big") + digest).digest()
        assert found == expected
    assert len(rows) == 3


async def test_a_freed_slot_is_leased_again_and_its_chain_goes_on(url: str) -> None:
    first, second = await _open(url), await _open(url)
    assert (first.slot, second.slot) == (1, 2)
    await first.execute([_insert("a")])
    await first.close()
    third = await _open(url)
    assert third.slot == 1
    (verdict,) = await third.execute([_insert("b")])
    assert verdict == Committed((1 << 40) + 2)
    await second.close()
    await third.close()


async def test_a_writer_whose_lease_was_lost_goes_on_with_another_slot(url: str) -> None:
    late = await _open(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE writer_slot SET lease_until = now() - interval '1 second'")
    thief = await _open(url)
    assert (late.slot, thief.slot) == (1, 1)
    await thief.execute([_insert("a")])
    (verdict,) = await late.execute([_insert("b")])
    assert isinstance(verdict, Committed)
    assert (late.slot, thief.slot) == (2, 1)
    await late.close()
    await thief.close()


async def test_an_idle_lease_is_renewed(url: str) -> None:
    store = await _open(url, StoreSettings(lease_ms=300))
    for _ in range(5):
        await asyncio.sleep(0.12)
        await store.renew()
    other = await _open(url)
    assert (store.slot, other.slot) == (1, 2)
    await store.close()
    await other.close()


async def test_a_row_that_changes_while_its_lock_is_waited_for_makes_the_unit_stale(
    url: str,
) -> None:
    store = await _open(url)
    await store.execute([_insert("a")])
    unit = Unit(
        "m",
        relies_on=(RowVersion("toy_object", ("m", "a"), 1),),
        writes=(Update("toy_object", ("m", "a"), 1, {"state": "mine"}),),
    )
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE toy_object SET state = 'theirs', version = 2")
        executing = asyncio.create_task(store.execute([unit]))
        await asyncio.sleep(0.3)
        assert not executing.done()
        connection.commit()
        assert await executing == [Stale("toy_object", ("m", "a"))]
    await store.close()


async def test_a_backend_that_is_ended_is_replaced(url: str) -> None:
    store = await _open(url)
    await store.execute([_insert("a")])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    (verdict,) = await store.execute([_insert("b")])
    assert isinstance(verdict, Committed)
    await store.close()


async def test_a_server_that_may_lose_commits_is_refused(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off'.encode())
    with pytest.raises(UnsafeServer, match="synchronous_commit"):
        await _open(url)


async def test_array_statements_use_indexes_though_they_were_planned_on_empty_tables(
    url: str,
) -> None:
    store = await _open(url)
    await store.execute([_insert("a", state="1")])
    await store.execute([_change("a", 1)])
    rows = [_insert(f"{number:05}") for number in range(4_000)]
    for start in range(0, len(rows), 1_000):
        await store.execute(rows[start : start + 1_000])
    with psycopg.connect(url, autocommit=True) as connection:
        before = _tuples_fetched(connection)
        for version in range(2, 12):
            await store.execute([_change("a", version)])
        await store.close()  # The backend reports its statistics when it ends.
        await asyncio.sleep(1)
        after = _tuples_fetched(connection)
    assert after - before < 200


def _change(id: str, version: int) -> Unit:
    return Unit(
        "m",
        relies_on=(RowVersion("toy_object", ("m", id), version),),
        writes=(Update("toy_object", ("m", id), version, {"state": str(version)}),),
    )


def _tuples_fetched(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'toy_object'"
    ).fetchone()
    assert row is not None
    return row[0]


async def test_reads_of_one_moment_travel_together_and_named_queries_bind_names(
    url: str, tmp_path: Path
) -> None:
    store = await _open(url)
    await store.execute(
        [_insert(str(number), amount=number, body={"n": number}) for number in range(20)]
    )
    await store.close()
    queries = tmp_path / "queries.sql"
    queries.write_text(
        "-- name: totals\nSELECT sum(amount) AS total, max(body::text)::jsonb AS body\n"
        "FROM toy_object WHERE amount >= %(least)s AND id = ANY(%(ids)s);\n\n"
        "-- name: other\nSELECT 1 AS one;\n"
    )
    reader = PooledReader(url, SCHEMA, [queries], size=2)
    await reader.open()
    rows = await asyncio.gather(
        *(reader.get("toy_object", ("m", str(number % 25))) for number in range(100))
    )
    assert [row and row["amount"] for row in rows[:25]] == [*range(20), *[None] * 5]
    (total,) = await reader.query("totals", {"least": 5, "ids": ["5", "6", "1"]})
    assert total == {"total": 11, "body": {"n": 6}}
    assert isinstance(total["total"], int)
    assert await reader.query("other", {}) == [{"one": 1}]
    await reader.close()


def test_everything_runs_on_uvloop(url: str) -> None:
    async def run() -> None:
        store = await _open(url)
        writer = Writer(store, SystemClock())
        await writer.start()
        large = "x" * 3_000_000  # More than a socket takes at once.
        units = [_insert(str(number), state=large if number < 4 else "s") for number in range(300)]
        verdicts = await asyncio.gather(*(writer.submit(unit) for unit in units))
        assert all(isinstance(verdict, Committed) for verdict in verdicts)
        await writer.close()
        await store.close()
        reader = PooledReader(url, SCHEMA)
        await reader.open()
        row = await reader.get("toy_object", ("m", "3"))
        assert row is not None
        assert row["state"] == large
        await reader.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
