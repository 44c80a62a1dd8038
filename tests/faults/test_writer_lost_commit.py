"""A COMMIT whose answer is lost: the caller learns the truth, and nothing is written twice."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from hazina.db.postgres import PostgresStore, StoreSettings
from hazina.db.unit import Claim, Committed, Unit
from tests.support.proxy import Cut, Proxy
from tests.support.toy import SCHEMA, ToyEngine, create_tables

# The first commit of an object sleeps inside COMMIT, as one that waits for a standby does.
_SLOW_COMMIT = """
CREATE SEQUENCE commits;
CREATE FUNCTION wait_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('commits') = 1 THEN PERFORM pg_sleep({seconds}); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wait_once AFTER INSERT ON toy_claim
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_once();
"""

UNIT = Unit("m", claims=(Claim("toy_claim", {"merchant_id": "m", "name": "once"}),))


@pytest.fixture
def url(fresh_database_url: str) -> str:
    create_tables(fresh_database_url)
    return fresh_database_url


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hz-proxy-") as name:
        yield Path(name)


@pytest.fixture
async def proxy(url: str, socket_folder: Path) -> AsyncIterator[Proxy]:
    async with Proxy(url, socket_folder) as proxy:
        yield proxy


async def _store(proxy: Proxy, *, terminate_after_ms: int) -> PostgresStore:
    settings = StoreSettings(terminate_after_ms=terminate_after_ms)
    store = PostgresStore(proxy.url, SCHEMA, ToyEngine(), settings=settings)
    await store.open()
    return store


def _make_commit_slow(url: str, seconds: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SLOW_COMMIT.format(seconds=seconds).encode())


def _count(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_backend_that_still_commits_is_waited_for(url: str, proxy: Proxy) -> None:
    """The old backend is inside COMMIT when a plain read says that the row is absent."""
    _make_commit_slow(url, seconds=2)
    store = await _store(proxy, terminate_after_ms=10_000)
    proxy.cut_once(Cut.AFTER_COMMIT_WAS_SENT)
    executing = asyncio.create_task(store.execute([UNIT]))
    await proxy.was_cut.wait()
    await asyncio.sleep(0.3)
    assert _count(url, "batch") == 0
    (verdict,) = await executing
    assert isinstance(verdict, Committed)
    assert (_count(url, "toy_claim"), _count(url, "batch")) == (1, 1)
    (second,) = await store.execute([Unit("m")])
    assert isinstance(second, Committed)
    assert second.batch_id == verdict.batch_id + 1
    await store.close()


async def test_a_backend_that_hangs_in_commit_is_ended_and_the_units_written_once(
    url: str, proxy: Proxy
) -> None:
    _make_commit_slow(url, seconds=60)
    store = await _store(proxy, terminate_after_ms=500)
    proxy.cut_once(Cut.AFTER_COMMIT_WAS_SENT)
    async with asyncio.timeout(20):
        (verdict,) = await store.execute([UNIT])
    assert isinstance(verdict, Committed)
    assert (_count(url, "toy_claim"), _count(url, "batch")) == (1, 1)
    await store.close()


async def test_units_whose_commit_never_arrived_are_written_once(url: str, proxy: Proxy) -> None:
    """The old backend idles inside its database transaction and holds everything it locked."""
    store = await _store(proxy, terminate_after_ms=500)
    proxy.cut_once(Cut.BEFORE_COMMIT_WAS_SENT)
    async with asyncio.timeout(20):
        (verdict,) = await store.execute([UNIT])
    assert isinstance(verdict, Committed)
    assert (_count(url, "toy_claim"), _count(url, "batch")) == (1, 1)
    await store.close()


async def test_a_commit_that_warns_is_not_taken_for_durable_before_it_is_resolved(
    url: str, proxy: Proxy
) -> None:
    """The warning stands for "might not have been replicated", which only a standby can cause."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE WARNING 'in doubt'; RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON toy_claim
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn();
            """
        )
    store = await _store(proxy, terminate_after_ms=2_000)
    with psycopg.connect(url, autocommit=True) as connection:
        before = connection.execute("SELECT xmin FROM writer_slot").fetchone()
        (verdict,) = await store.execute([UNIT])
        after = connection.execute("SELECT xmin FROM writer_slot").fetchone()
    assert isinstance(verdict, Committed)
    assert before != after, "no commit of our own proved that the batch is durable"
    assert (_count(url, "toy_claim"), _count(url, "batch")) == (1, 1)
    await store.close()
