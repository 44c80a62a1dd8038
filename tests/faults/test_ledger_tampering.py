"""Whatever is edited, deleted, swapped, inserted or cut behind our back is found."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from random import Random, SystemRandom

import psycopg
import pytest

from hazina.ledger.client import AccountEvent, TransferEvent
from hazina.ledger.verify import Head, broken_invariants, heads, verify
from tests.support.ledger_on_postgres import LedgerOnPostgres, a_ledger
from tests.support.promises import note

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
pytestmark = pytest.mark.timeout(3_600)
_EACH = 1_600 if _WHOLE else 45
_CUTS = 400 if _WHOLE else 12
"""How often each of the six tables is tampered with, and how often a tail is cut: 10,000 in all."""
# What no promise rests on: counters of writes, a column that is no longer written, and the
# database's own time of batches (those that booked transfers are compared with them).
_FREE = {
    "account": {"version"},
    "pending": {"version", "expires_at"},
    "batch": {"committed_at"},
}
TABLES = ("account", "transfer", "account_history", "pending", "seen", "batch")


async def play(
    ledger: LedgerOnPostgres, after_each: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Book something of every kind, in several batches."""
    doors = ledger.ledgers
    for number in range(1, 5):
        event = AccountEvent(number, 1, 1, 2 if number == 4 else 8, metadata={"n": str(number)})
        await doors.create_accounts("a", [event])
    for round_ in range(6):
        base = round_ * 10
        both = {"debit_account_id": 1, "credit_account_id": 2, "ledger": 1, "code": 1}
        timed = {**both, "flags": 2, "timeout": 5 if round_ == 1 else 0}
        await doors.create_transfers("a", [
            TransferEvent(base + 1, amount=50 + round_, user_data_64=round_, **both),
            TransferEvent(base + 2, amount=7, **timed),
            TransferEvent(base + 3, 4, 1, 10**6, ledger=1, code=1),
        ])  # fmt: skip
        if round_ in (2, 3):
            flags = 4 if round_ == 2 else 8
            await doors.create_transfers(
                "a", [TransferEvent(base + 4, pending_id=base + 2, amount=0, flags=flags)]
            )
        if after_each is not None:
            await after_each()
    await ledger.advance_ns(10 * 10**9)


def tamper(url: str, statement: str) -> int:
    """Run a statement as somebody would who can switch triggers and constraints off."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        return connection.execute(statement.encode()).rowcount


def columns(url: str, table: str) -> dict[str, str]:
    """Return the columns that count, with their types."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s",
            (table,),
        ).fetchall()
    return {name: kind for name, kind in rows if name not in _FREE.get(table, ())}


def differs(url: str, table: str, kept: str) -> bool:
    """Tell whether a table has other rows than it had, in the columns that count.

    Two rows that exchange a value may be the same two rows as before.
    """
    names = ", ".join(sorted(columns(url, table)))
    with psycopg.connect(url) as connection:
        row = connection.execute(
            f"SELECT EXISTS ((SELECT {names} FROM {table} EXCEPT ALL SELECT {names} FROM {kept})"
            f" UNION ALL (SELECT {names} FROM {kept} EXCEPT ALL SELECT {names} FROM {table}))"
            .encode()
        ).fetchone()  # fmt: skip
    assert row is not None
    return bool(row[0])


def lift_constraints(url: str) -> None:
    """Take away what would refuse the tampering itself."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype IN ('c', 'p') AND conrelid::regclass::text = ANY (%s)"
            " AND conparentid = 0",
            (list(TABLES),),
        ).fetchall()
        for table, name in rows:
            connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
        connection.execute(b"DROP INDEX transfer_in_batch, transfer_resolves_once")


async def found(ledger: LedgerOnPostgres, anchor: Sequence[Head]) -> bool:
    findings = await verify(ledger.reader.query, anchor=anchor)
    return bool(findings) or bool(await broken_invariants(ledger.reader.query))


_NEW = {
    "uuid": "gen_random_uuid()",
    "bytea": "sha256(gen_random_uuid()::text::bytea)",
    "text": "'x' || {c}",
    "jsonb": '\'{"n": "9"}\'',
    "timestamp with time zone": "{c} - interval '1 second'",
}


def an_edit(random: Random, table: str, kinds: dict[str, str]) -> str:
    name, kind = random.choice(sorted(kinds.items()))
    new = _NEW.get(kind, "coalesce({c}, 0) + 1").replace("{c}", f"coalesce({name}::text, '')"
        if kind == "text" else name)  # fmt: skip
    if kind == "timestamp with time zone":
        return f"UPDATE {table} SET {name} = {new} WHERE ctid = (SELECT ctid FROM {table} LIMIT 1)"
    at = f"(SELECT ctid FROM {table} ORDER BY md5(ctid::text || '{random.random()}') LIMIT 1)"
    return f"UPDATE {table} SET {name} = {new} WHERE ctid = {at}"


def a_swap(random: Random, table: str, kinds: dict[str, str]) -> str:
    """Return a statement with which two rows exchange what they have in one column."""
    name = random.choice(sorted(kinds))
    return (
        f"WITH two AS (SELECT ctid AS at, was, row_number() OVER () AS n FROM ("
        f" SELECT * FROM (SELECT DISTINCT ON ({name}) ctid, {name} AS was FROM {table}"
        f" ORDER BY {name}, md5(ctid::text || '{random.random()}')) one_of_each"
        f" ORDER BY md5(ctid::text || '{random.random()}') LIMIT 2) chosen)"
        f" UPDATE {table} t SET {name} = o.was FROM two m JOIN two o ON o.n <> m.n"
        f" WHERE t.ctid = m.at"
    )


def an_insert(random: Random, table: str, kinds: dict[str, str]) -> str:
    """Return a statement that adds a copy of a row under a key of its own."""
    at = f"(SELECT ctid FROM {table} ORDER BY md5(ctid::text || '{random.random()}') LIMIT 1)"
    key = {"account_history": "account_id", "pending": "transfer_id", "batch": "slot"}
    changed = key.get(table, "id")
    fresh = "9" if changed == "slot" else "gen_random_uuid()"
    names = ", ".join(sorted(kinds))
    values = ", ".join(fresh if name == changed else name for name in sorted(kinds))
    rest = " , version" if "version" in _FREE.get(table, ()) else ""
    return (
        f"INSERT INTO {table} ({names}{rest}) SELECT {values}{rest} FROM {table} WHERE ctid = {at}"
    )


def a_deletion(random: Random, table: str, kinds: dict[str, str]) -> str:
    """Return a statement that removes one row, the last few that were written, or all."""
    if random.random() < 0.1:
        return f"TRUNCATE {table}"
    order = random.choice([f"md5(ctid::text || '{random.random()}')", "ctid DESC"])
    count = 1 if "md5" in order else random.randint(1, 5)
    rows = f"SELECT ctid FROM {table} ORDER BY {order} LIMIT {count}"
    return f"DELETE FROM {table} WHERE ctid IN ({rows})"


_KINDS = (an_edit, an_edit, an_edit, a_deletion, a_swap, an_insert)


@pytest.mark.parametrize("table", TABLES)
async def test_random_tampering_with_each_table_is_found(
    fresh_database_url: str, table: str
) -> None:
    seed = SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    random = Random(seed)
    async with a_ledger(fresh_database_url) as ledger:
        await play(ledger)
        anchor = await heads(ledger.reader.query)
        await ledger.demand_whole()
        lift_constraints(fresh_database_url)
        kinds = columns(fresh_database_url, table)
        with psycopg.connect(fresh_database_url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLE kept AS TABLE {table}".encode())
        times = 0
        while times < _EACH:
            statement = random.choice(_KINDS)(random, table, kinds)
            tamper(fresh_database_url, statement)
            if differs(fresh_database_url, table, "kept"):
                assert await found(ledger, anchor), statement
                times += 1
            tamper(fresh_database_url, f"TRUNCATE {table}; INSERT INTO {table} SELECT * FROM kept")
        assert not await found(ledger, anchor)
    note(f"ledger tampered with: {table}", f"{_EACH:,} times, each found")


async def test_a_line_that_takes_the_number_of_the_next_is_found(fresh_database_url: str) -> None:
    """Both lines then stand at one place of the history, and no number is missing at its ends."""
    async with a_ledger(fresh_database_url) as ledger:
        await play(ledger)
        lift_constraints(fresh_database_url)
        with psycopg.connect(fresh_database_url, autocommit=True) as connection:
            lines = connection.execute(
                "SELECT account_id::text, line FROM account_history h WHERE EXISTS (SELECT FROM"
                " account_history n WHERE n.account_id = h.account_id AND n.line = h.line + 1)"
                " AND line > 1"
            ).fetchall()
            connection.execute("CREATE TABLE kept AS TABLE account_history")
        assert lines
        for account_id, line in lines[:12]:
            place = f"account_id = '{account_id}' AND line = {line}"
            tamper(fresh_database_url, f"UPDATE account_history SET line = line + 1 WHERE {place}")
            assert await broken_invariants(ledger.reader.query), place
            tamper(
                fresh_database_url,
                "TRUNCATE account_history; INSERT INTO account_history SELECT * FROM kept",
            )


async def test_a_cut_tail_is_found_by_the_anchor_alone(fresh_database_url: str) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await play(ledger)
        # A batch that only refused leaves an id; both can go without a trace inside.
        await ledger.ledgers.create_transfers(
            "a", [TransferEvent(900, 4, 1, 10**9, ledger=1, code=1)]
        )
        anchor = await heads(ledger.reader.query)
        tamper(
            fresh_database_url,
            "DELETE FROM seen WHERE (slot, sequence) IN (SELECT slot, max(sequence) FROM batch"
            " GROUP BY slot)",
        )
        tamper(
            fresh_database_url,
            "DELETE FROM batch b WHERE sequence = (SELECT max(sequence) FROM batch"
            " WHERE slot = b.slot)",
        )
        assert not await found(ledger, [])
        assert await found(ledger, anchor)


async def test_a_ledger_that_is_taken_back_to_an_earlier_day_is_found_by_the_anchor(
    fresh_database_url: str,
) -> None:
    """All tables are as they were, so that nothing inside tells; cuts are also made in part."""
    seed = SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    random = Random(seed)
    days: list[int] = []

    async def keep() -> None:
        days.append(len(days))
        with psycopg.connect(fresh_database_url, autocommit=True) as connection:
            for table in TABLES:
                connection.execute(f"CREATE TABLE {table}_{days[-1]} AS TABLE {table}".encode())

    async with a_ledger(fresh_database_url) as ledger:
        await play(ledger, keep)
        await ledger.demand_whole()
        anchor = await heads(ledger.reader.query)
        lift_constraints(fresh_database_url)
        await keep()
        times = 0
        while times < _CUTS:
            day = random.choice(days[:-1])
            whole = random.random() < 0.5
            tables = TABLES if whole else random.sample(TABLES, random.randint(1, 5))
            _take_back(fresh_database_url, tables, day)
            if not any(differs(fresh_database_url, one, f"{one}_{days[-1]}") for one in tables):
                continue  # Nothing was written to these since.
            assert await found(ledger, anchor), (day, tables)
            assert not whole or not await found(ledger, []), "found without the anchor"
            times += 1
            _take_back(fresh_database_url, TABLES, days[-1])
        assert not await found(ledger, anchor)
    note("ledger taken back", f"{_CUTS:,} times, each found")


def _take_back(url: str, tables: Sequence[str], day: int) -> None:
    for table in tables:
        tamper(url, f"TRUNCATE {table}; INSERT INTO {table} SELECT * FROM {table}_{day}")
