"""Batches of a ledger that are sent whole, before the one in front of them has been answered."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import psycopg
import pytest

from hazina.clock import SystemClock
from hazina.db.ahead import Flight
from hazina.db.link import Link, LinkSettings
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore, StoreSettings
from hazina.db.recall import Recall
from hazina.db.statements import Statements
from hazina.db.table import Schema
from hazina.db.unit import Committed, Lacking, Lane, Quarantined, Unit
from hazina.db.writer import Writer
from hazina.ledger.client import AccountEvent, TransferEvent, stored_id, to_account, to_transfer
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.service import Ledgers
from hazina.ledger.tables import TABLES
from hazina.ledger.types import Result
from hazina.ledger.verify import INVARIANTS, QUERIES, broken_invariants, verify
from hazina.values import replace
from tests.support.proxy import Cut, Proxy

SPACE = "acct_a"
LIMITED, HISTORY = 2, 8
PENDING, POST, CLOSING_CREDIT = 2, 4, 128


def account(number: int, **values: int) -> AccountEvent:
    return AccountEvent(number, 1, 1, **{"flags": HISTORY, **values})


def transfer(number: int, debit: int = 1, credit: int = 2, **values: object) -> TransferEvent:
    fields = {"amount": 10, "ledger": 1, "code": 1, **values}
    return TransferEvent(number, debit, credit, **fields)  # type: ignore[arg-type]


def unit(*events: TransferEvent) -> Unit:
    made = tuple(to_transfer(SPACE, event) for event in events)
    return Unit(SPACE, transfers=made, lane=Lane.BULK)


def opening(*events: AccountEvent) -> Unit:
    made = tuple(to_account(SPACE, event, None) for event in events)
    return Unit(SPACE, transfers=made, lane=Lane.BULK)


@asynccontextmanager
async def a_store(url: str, accounts_max: int = 50_000) -> AsyncIterator[PostgresStore]:
    # So patient with an answer that one which never comes shows.
    link = LinkSettings(answer_timeout_ms=600_000)
    settings = StoreSettings(rest_max=0, terminate_after_ms=500, link=link)
    store = PostgresStore(
        url, Schema(TABLES), LedgerEngine(accounts_max=accounts_max), settings=settings
    )
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def two_stores(url: str, accounts: int) -> AsyncIterator[tuple[PostgresStore, PostgresStore]]:
    """Yield a store that opened so many accounts, and one that remembers the first two alone."""
    async with a_store(url) as one, a_store(url) as two:
        opened = opening(*(account(number) for number in range(1, accounts + 1)))
        assert await executed(one, opened) == ["created"] * accounts
        assert await executed(two, unit(transfer(1))) == ["created"]
        yield one, two


def departed(store: PostgresStore, *units: Unit) -> Flight:
    flight = store.depart(units)
    assert isinstance(flight, Flight), "the batch could not be judged from memory"
    return flight


async def landed(store: PostgresStore, flight: Flight) -> list[str]:
    return statuses(await store.land(flight))


async def executed(store: PostgresStore, *units: Unit) -> list[str]:
    return statuses(await store.execute(units))


def statuses(verdicts: object) -> list[str]:
    said: list[str] = []
    for verdict in verdicts:  # type: ignore[attr-defined]
        assert isinstance(verdict, Committed), verdict
        said += [result.status.value for result in verdict.results]
    return said


async def posted(url: str) -> dict[int, tuple[int, int]]:
    """Return what every account was debited and credited, after proving everything else."""
    reader = PooledReader(url, Schema(TABLES), [QUERIES, INVARIANTS])
    await reader.open()
    try:
        assert await broken_invariants(reader.query) == []
        assert await verify(reader.query) == []
        rows = await reader.where("account", space=SPACE)
    finally:
        await reader.close()
    return {
        row["client_id"].int: (int(row["debits_posted"]), int(row["credits_posted"]))
        for row in rows
    }


async def test_two_batches_are_on_their_way_at_once_and_the_chain_is_whole(
    fresh_database_url: str,
) -> None:
    async with a_store(fresh_database_url) as store:
        assert store.depart([unit(transfer(1))]) is None, "nothing is remembered yet"
        assert await executed(store, opening(account(1), account(2))) == ["created"] * 2
        flights = [
            departed(store, unit(transfer(1)), unit(transfer(2, 2, 1, amount=3))),
            departed(store, unit(transfer(3), transfer(4))),
        ]
        assert store.depart([unit(transfer(5))]) is None, "two at most"
        assert [await landed(store, flight) for flight in flights] == [["created"] * 2] * 2
        assert await landed(store, departed(store, unit(transfer(5)))) == ["created"]
        assert await executed(store, unit(transfer(5), transfer(6))) == ["exists", "created"]
    assert await posted(fresh_database_url) == {1: (50, 3), 2: (3, 50)}


async def test_a_large_batch_does_not_hide_the_answer_to_the_one_before_it(
    fresh_database_url: str,
) -> None:
    """What comes while a send is stuck is read by the driver: nothing more comes to wake us."""
    async with a_store(fresh_database_url) as store:
        assert await executed(store, opening(account(1), account(2))) == ["created"] * 2
        for first in range(100, 50_100, 5_000):
            landing = asyncio.create_task(landed(store, departed(store, unit(transfer(first)))))
            await asyncio.sleep(0.001)
            many = [transfer(number) for number in range(first + 1, first + 3_000)]
            second = departed(store, unit(*many))
            assert await landing == ["created"]
            assert set(await landed(store, second)) == {"created"}


async def test_what_another_writer_did_meanwhile_is_seen(fresh_database_url: str) -> None:
    """Both batches in flight fail, since the first one's account changed; both are booked then."""
    async with a_store(fresh_database_url) as store, a_store(fresh_database_url) as other:
        assert await executed(store, opening(*map(account, range(1, 5)))) == ["created"] * 4
        assert await executed(other, unit(transfer(1))) == ["created"]
        first = departed(store, unit(transfer(2)))
        second = departed(store, unit(transfer(3, 3, 4)))
        assert await landed(store, first) == ["created"]
        assert await landed(store, second) == ["created"]
    assert await posted(fresh_database_url) == {1: (20, 0), 2: (0, 20), 3: (10, 0), 4: (0, 10)}


async def test_a_limit_that_another_writer_used_up_holds(fresh_database_url: str) -> None:
    async with a_store(fresh_database_url) as store, a_store(fresh_database_url) as other:
        opened = opening(account(1), account(2), account(3, flags=LIMITED | HISTORY))
        assert await executed(store, opened) == ["created"] * 3
        assert await executed(store, unit(transfer(1, 1, 3))) == ["created"]
        assert await executed(other, unit(transfer(2, 3, 1))) == ["created"]
        assert await landed(store, departed(store, unit(transfer(3, 3, 2)))) == ["exceeds_credits"]
        assert await executed(store, unit(transfer(3, 3, 2))) == ["id_already_failed"]
    assert await posted(fresh_database_url) == {1: (10, 10), 2: (0, 0), 3: (10, 10)}


async def test_an_id_that_another_writer_booked_or_refused_is_known(
    fresh_database_url: str,
) -> None:
    """The accounts have nothing in common, so that no version tells."""
    async with a_store(fresh_database_url) as store, a_store(fresh_database_url) as other:
        limited = account(4, flags=LIMITED | HISTORY)
        opened = opening(*map(account, range(1, 4)), limited, account(5))
        assert await executed(store, opened) == ["created"] * 5
        assert await executed(other, unit(transfer(7, 3, 5))) == ["created"]
        assert await executed(other, unit(transfer(8, 4, 5))) == ["exceeds_credits"]
        booked, refused = unit(transfer(7)), unit(transfer(8))
        assert await landed(store, departed(store, booked)) == [
            "exists_with_different_debit_account_id"
        ]
        assert await executed(store, unit(transfer(1))) == ["created"]
        assert await landed(store, departed(store, refused)) == ["id_already_failed"]
    assert (await posted(fresh_database_url))[2] == (0, 10)


async def test_an_overdraft_that_was_lowered_meanwhile_holds(fresh_database_url: str) -> None:
    """Nothing raises the version then: the account's CHECK is what stops it."""
    async with a_store(fresh_database_url) as store:
        limited = account(1, flags=LIMITED | HISTORY, overdraft=100)
        assert await executed(store, opening(limited, account(2))) == ["created"] * 2
        with psycopg.connect(fresh_database_url) as connection:
            connection.execute("UPDATE account SET overdraft = 5 WHERE overdraft = 100")
        assert await landed(store, departed(store, unit(transfer(1)))) == ["exceeds_credits"]


@pytest.mark.parametrize(
    "event",
    [
        transfer(9, 1, 3),
        transfer(9, 1, 77),
        transfer(9, flags=POST, pending_id=1),
        transfer(9, flags=PENDING | CLOSING_CREDIT),
        transfer(9, code=0),
    ],
)
async def test_what_is_not_plainly_booked_is_judged_under_locks(
    fresh_database_url: str, event: TransferEvent
) -> None:
    async with a_store(fresh_database_url) as store:
        limited = account(3, flags=4 | HISTORY)
        assert await executed(store, opening(account(1), account(2), limited))
        assert await executed(store, unit(transfer(1))) == ["created"]
        assert not isinstance(store.depart([unit(transfer(2)), unit(event)]), Flight)
        first, _ = await executed(store, unit(transfer(2)), unit(event))
        assert first == "created"
    await posted(fresh_database_url)


async def test_a_value_that_cannot_be_stored_hurts_no_neighbour(fresh_database_url: str) -> None:
    async with a_store(fresh_database_url) as store:
        assert await executed(store, opening(account(1), account(2))) == ["created"] * 2
        bad = unit(transfer(2, reference="\x00"))
        first = departed(store, unit(transfer(1)), bad)
        second = departed(store, unit(transfer(3)))
        good, refused = await store.land(first)
        assert isinstance(good, Committed)
        assert isinstance(refused, Quarantined)
        assert await landed(store, second) == ["created"]
    assert await posted(fresh_database_url) == {1: (20, 0), 2: (0, 20)}


async def test_what_judging_trips_over_leaves_no_balance_moved(fresh_database_url: str) -> None:
    async with a_store(fresh_database_url) as store:
        assert await executed(store, opening(account(1), account(2))) == ["created"] * 2
        (sound,) = unit(transfer(2)).transfers
        broken = Unit(SPACE, transfers=(replace(sound, amount_minor="ten"),), lane=Lane.BULK)
        assert store.depart([unit(transfer(1)), broken]) is None
        assert isinstance(store.depart([unit(transfer(3))]), Lacking), "what was moved is forgotten"
        assert await executed(store, unit(transfer(3))) == ["created"]
        assert await landed(store, departed(store, unit(transfer(4)))) == ["created"]
    assert await posted(fresh_database_url) == {1: (20, 0), 2: (0, 20)}


async def test_accounts_that_are_not_remembered_are_read_beside_what_is_in_flight(
    fresh_database_url: str,
) -> None:
    async with a_store(fresh_database_url) as one, a_store(fresh_database_url) as two:
        opened = opening(account(1), account(2), account(3), account(4, flags=LIMITED | HISTORY))
        assert await executed(one, opened) == ["created"] * 4
        assert await executed(two, unit(transfer(1))) == ["created"]
        first = departed(two, unit(transfer(2)))
        lacking = two.depart([unit(transfer(3, 2, 3), transfer(4, 3, 4))])
        assert isinstance(lacking, Lacking)
        assert {key for (key,) in lacking.keys} == {stored_id(SPACE, 3), stored_id(SPACE, 4)}
        await two.recall(lacking)
        second = departed(two, unit(transfer(3, 2, 3), transfer(4, 3, 4)))
        assert [await landed(two, flight) for flight in (first, second)] == [
            ["created"], ["created"] * 2,
        ]  # fmt: skip
        # What was read is old by now: the proof fails, and the batch is executed as usual.
        assert await executed(one, unit(transfer(5, 4, 1))) == ["created"]
        assert await landed(two, departed(two, unit(transfer(6, 4, 1)))) == ["exceeds_credits"]
        missing = two.depart([unit(transfer(7, 1, 77))])
        assert isinstance(missing, Lacking)
        await two.recall(missing)
        assert isinstance(two.depart([unit(transfer(7, 1, 77))]), Lacking)
        assert await executed(two, unit(transfer(7, 1, 77))) == ["credit_account_not_found"]
    assert await posted(fresh_database_url) == {1: (20, 10), 2: (10, 20), 3: (10, 10), 4: (10, 10)}


async def test_where_nothing_can_be_read_beside_the_batches_they_are_executed_as_usual(
    fresh_database_url: str,
) -> None:
    async with two_stores(fresh_database_url, 6) as (_, two):
        for number in (3, 5):
            booked = unit(transfer(number, number, number + 1))
            lacking = two.depart([booked])
            assert isinstance(lacking, Lacking)
            await two.recall(lacking)
            assert await landed(two, departed(two, booked)) == ["created"]
            with psycopg.connect(fresh_database_url, autocommit=True) as connection:
                # The sessions that hold no lock of a slot are the one that reads, and this one.
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity a"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND NOT EXISTS"
                    " (SELECT FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory')"
                )
            for _ in range(2):  # One fails, and after it one is not tried.
                lacking = two.depart([unit(transfer(90, 1, 77))])
                assert isinstance(lacking, Lacking)
                await two.recall(lacking)
            other = unit(transfer(number + 100, 1, 2))
            assert await executed(two, other) == ["created"]
    assert (await posted(fresh_database_url))[3] == (10, 0)


async def test_the_connection_that_reads_ends_after_a_read_and_asks_no_other_server(
    fresh_database_url: str,
) -> None:
    schema = Schema(TABLES)
    recall = Recall(fresh_database_url, schema, Statements(schema), LinkSettings())
    wanted = Lacking("account", [(stored_id(SPACE, 1),)])
    async with a_store(fresh_database_url) as store:
        assert await executed(store, opening(account(1))) == ["created"]
    link = await Link.connect(fresh_database_url, LinkSettings())
    server = link.server
    link.close()
    with psycopg.connect(fresh_database_url) as blocker:
        blocker.execute("LOCK TABLE account IN ACCESS EXCLUSIVE MODE")
        reading = asyncio.create_task(recall.read(wanted, server))
        await asyncio.sleep(0.1)
        recall.close()  # Not under a read: its socket's number could be another's at once.
        await asyncio.sleep(0)
        assert not reading.done()
        blocker.rollback()
    assert [row["client_id"].int for row in await reading] == [1]
    assert await recall.read(wanted, "a server that was started at another time") == []
    assert await recall.read(wanted, server) == [], "after a failure one is not tried"
    assert len(await recall.read(wanted, server)) == 1
    recall.close()


async def test_callers_are_answered_when_the_session_ends_under_a_flight_and_a_read(
    fresh_database_url: str,
) -> None:
    async with two_stores(fresh_database_url, 4) as (_, two):
        writer = Writer(two, SystemClock())
        await writer.start()
        with psycopg.connect(fresh_database_url) as blocker:
            blocker.execute("LOCK TABLE account IN ACCESS EXCLUSIVE MODE")
            waiting = [asyncio.create_task(writer.submit(unit(transfer(2))))]
            await asyncio.sleep(0.05)
            for number in range(3, 103):
                booked = writer.submit(unit(transfer(number, 3, 4)))
                waiting.append(asyncio.create_task(booked))
            await asyncio.sleep(0.1)
            with psycopg.connect(fresh_database_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks"
                    " WHERE locktype = 'advisory' AND objid = 0 AND classid = %s",
                    [two.slot << 8],
                )
            await asyncio.sleep(0.1)
            blocker.rollback()
        async with asyncio.timeout(20):
            assert statuses(await asyncio.gather(*waiting)) == ["created"] * 101
        await writer.close()
    assert await posted(fresh_database_url) == {
        1: (20, 0), 2: (0, 20), 3: (1_000, 0), 4: (0, 1_000),
    }  # fmt: skip


async def test_a_writer_whose_slot_was_taken_books_in_another(fresh_database_url: str) -> None:
    async with a_store(fresh_database_url) as store:
        assert await executed(store, opening(account(1), account(2))) == ["created"] * 2
        before = store.slot
        with psycopg.connect(fresh_database_url) as connection:
            connection.execute("UPDATE writer_slot SET fence = fence + 1")
        flight = departed(store, unit(transfer(1)))
        assert await landed(store, flight) == ["created"]
        assert store.slot != before
        assert await landed(store, departed(store, unit(transfer(2)))) == ["created"]
    assert await posted(fresh_database_url) == {1: (20, 0), 2: (0, 20)}


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hz-proxy-") as name:
        yield Path(name)


@pytest.mark.parametrize("cut", list(Cut))
async def test_a_lost_answer_is_resolved_and_everything_is_booked_once(
    fresh_database_url: str, socket_folder: Path, cut: Cut
) -> None:
    """The old session is still there, and may commit what was sent: it is ended before looking."""
    async with Proxy(fresh_database_url, socket_folder) as proxy, a_store(proxy.url) as store:
        assert await executed(store, opening(account(1), account(2))) == ["created"] * 2
        assert await landed(store, departed(store, unit(transfer(1)))) == ["created"]
        proxy.cut_once(cut)
        first = departed(store, unit(transfer(2)))
        second = departed(store, unit(transfer(3)))
        async with asyncio.timeout(20):
            assert await landed(store, first) == ["created"]
            assert await landed(store, second) == ["created"]
        assert await executed(store, unit(transfer(4))) == ["created"]
        assert await landed(store, departed(store, unit(transfer(5)))) == ["created"]
    assert await posted(fresh_database_url) == {1: (50, 0), 2: (0, 50)}


@pytest.mark.parametrize("accounts_max", [50_000, 20])
async def test_sessions_that_end_at_any_moment_lose_and_double_nothing(
    fresh_database_url: str, accounts_max: int
) -> None:
    """Many callers, two writers on the same accounts, and sessions that are ended meanwhile.

    Whether all accounts are remembered, or have to be read again all the time.
    """
    random = Random(5)
    async with (
        _ledgers(fresh_database_url, accounts_max) as one,
        _ledgers(fresh_database_url, accounts_max) as two,
    ):
        opened = await one.create_accounts(SPACE, [account(n) for n in range(1, 40)])
        assert {result.status.value for result in opened} == {"created"}
        done: list[list[Result]] = []

        async def book(ledgers: Ledgers, first: int) -> None:
            for number in range(first, first + 25):
                debit, credit = random.sample(range(1, 40), 2)
                event = transfer(number, debit, credit)
                done.append(await ledgers.create_transfers(SPACE, [event]))

        async def disturb() -> None:
            async with await psycopg.AsyncConnection.connect(
                fresh_database_url, autocommit=True
            ) as connection:
                for _ in range(6):
                    await asyncio.sleep(random.random() / 10)
                    await connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_locks"
                        " WHERE locktype = 'advisory' AND objsubid = 1 AND objid = 0"
                    )

        callers = [book(one, 1_000 * n) for n in range(1, 151)]
        rivals = [book(two, 1_000 * n) for n in range(200, 205)]
        await asyncio.gather(*callers, *rivals, disturb())
    said = [result.status.value for results in done for result in results]
    assert set(said) <= {"created", "exists"}
    sums = (await posted(fresh_database_url)).values()
    assert sum(debits for debits, _ in sums) == 10 * len(said) == 10 * 155 * 25


@asynccontextmanager
async def _ledgers(url: str, accounts_max: int) -> AsyncIterator[Ledgers]:
    clock = SystemClock()
    async with a_store(url, accounts_max) as store:
        writer = Writer(store, clock)
        await writer.start()
        reader = PooledReader(url, Schema(TABLES), [QUERIES])
        await reader.open()
        try:
            yield Ledgers(reader, writer, clock)
        finally:
            await writer.close()
            await reader.close()
