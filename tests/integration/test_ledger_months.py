"""History lies in months: made ahead, never in the way of a booking, moved when they are old."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from hazina.cli.commands import app
from hazina.db.migrate import MIGRATIONS, migrate
from hazina.db.months import MonthsError, Partition, make_months, move_months, partitions
from hazina.ledger.client import AccountEvent, TransferEvent, stored_id
from hazina.ledger.history import History
from tests.support.ledger_on_postgres import LedgerOnPostgres, a_ledger
from tests.support.roles import as_role, own_roles

_FIRST, _LATER = "account_history_first", "account_history_later"
_BEFORE_MONTHS = "0110"
_WAITING = """
SELECT FROM pg_locks WHERE NOT granted AND relation = 'account_history'::regclass
"""


def _month(later: int) -> datetime:
    """Return the first moment of this month, or of one so many months later."""
    now = datetime.now(UTC)
    years, month = divmod(now.month - 1 + later, 12)
    return datetime(now.year + years, month + 1, 1, tzinfo=UTC)


def _name(month: datetime) -> str:
    return f"account_history_{month:%Y_%m}"


async def _booked(ledger: LedgerOnPostgres, first: int, count: int) -> None:
    if first == 1:
        await ledger.ledgers.create_accounts("a", [AccountEvent(1, 1, 1), AccountEvent(2, 1, 1)])
    events = [TransferEvent(first + n, 1, 2, 5, ledger=1, code=1) for n in range(count)]
    results = await ledger.ledgers.create_transfers("a", events)
    assert {result.status for result in results} == {"created"}


async def _lines(ledger: LedgerOnPostgres) -> list[tuple[int, int]]:
    """Return number and credits of each line of account 2, as a statement shows them."""
    history = History(ledger.reader)
    account = await history.account(stored_id("a", 2), "a")
    assert account is not None
    span = await history.span(account, None, None)
    return [(line.line, line.totals.credits_posted) async for line in history.lines(span)]


def _holding(url: str) -> dict[str, int]:
    """Return how many lines each partition holds that holds any."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT tableoid::regclass::text, count(*) FROM account_history GROUP BY 1"
        ).fetchall()
    return dict(rows)


def test_a_new_ledger_has_this_month_and_three_to_come(fresh_database_url: str) -> None:
    names = [partition.name for partition in partitions(fresh_database_url)]
    assert names == [_FIRST, *(_name(_month(later)) for later in range(4)), _LATER]


def test_months_are_made_once_and_join_without_a_gap(fresh_database_url: str) -> None:
    made = make_months(fresh_database_url, 14)
    assert made == [_name(_month(later)) for later in range(4, 15)]
    assert make_months(fresh_database_url, 14) == []
    found = partitions(fresh_database_url)
    assert [found[0].first_ns, found[-1].end_ns] == [None, None]
    assert [one.end_ns for one in found[:-1]] == [one.first_ns for one in found[1:]]
    assert found[-1].first == f"{_month(15):%Y-%m}"


@pytest.mark.parametrize("ahead", [-1, 0, 121])
def test_no_month_and_too_many_months_are_refused(fresh_database_url: str, ahead: int) -> None:
    with pytest.raises(MonthsError, match="1 to 120"):
        make_months(fresh_database_url, ahead)


async def test_lines_beyond_all_months_are_kept_and_found_when_months_are_made(
    fresh_database_url: str,
) -> None:
    """Nobody has made months for a year: booking went on, and what it left stays whole."""
    for later in (0, 6, 7):
        async with a_ledger(fresh_database_url, _month(later) + timedelta(days=3)) as ledger:
            await _booked(ledger, 1 + later, 1)
    assert _holding(fresh_database_url) == {_name(_month(0)): 2, _LATER: 4}

    made = make_months(fresh_database_url, 12)

    assert made == [_name(_month(4)), *(_name(_month(later)) for later in range(8, 13))]
    assert _holding(fresh_database_url) == {_name(_month(0)): 2, _name(_month(4)): 4}
    async with a_ledger(fresh_database_url, _month(9)) as ledger:
        await _booked(ledger, 100, 1)
        assert await _lines(ledger) == [(1, 5), (2, 10), (3, 15), (4, 20)]
        at = [
            (
                await ledger.ledgers.history.at(stored_id("a", 2), int(when.timestamp()) * 10**9)
            ).lines
            for when in (_month(0), _month(1), _month(7), _month(8), _month(10))
        ]
        assert at == [0, 1, 2, 3, 4]
        await ledger.demand_whole()
    assert _holding(fresh_database_url)[_name(_month(8))] == 2


_HAND_WRITTEN = """
INSERT INTO account_history
VALUES (gen_random_uuid(), 1, gen_random_uuid(), 1, 0, 1, 0, 0, %s)
"""


async def test_lines_that_come_while_months_wait_for_their_lock_are_kept(
    fresh_database_url: str,
) -> None:
    """Also where the database's own isolation would have them looked for in an older snapshot."""
    with psycopg.connect(fresh_database_url, autocommit=True) as connection:
        connection.execute(
            f"ALTER DATABASE {connection.info.dbname}"
            " SET default_transaction_isolation = 'repeatable read'".encode()
        )
    with psycopg.connect(fresh_database_url) as booking:
        booking.execute(_HAND_WRITTEN, (int(_month(9).timestamp()) * 10**9,))
        made = asyncio.create_task(asyncio.to_thread(make_months, fresh_database_url, 12))
        with psycopg.connect(fresh_database_url, autocommit=True) as looking:
            while not looking.execute(_WAITING).fetchall():
                await asyncio.sleep(0.02)
    await made
    assert sum(_holding(fresh_database_url).values()) == 1


@pytest.mark.parametrize("later", [9, 2])
def test_no_line_is_lost_to_a_session_that_does_not_see_it(
    fresh_database_url: str, later: int
) -> None:
    """Whoever calls the function by hand may do so in a snapshot of before the line."""
    with psycopg.connect(fresh_database_url) as making:
        making.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert making.execute("SELECT FROM account_history").fetchall() == []
        with psycopg.connect(fresh_database_url) as booking:
            booking.execute(_HAND_WRITTEN, (int(_month(later).timestamp()) * 10**9,))
        if later == 9:
            with pytest.raises(psycopg.errors.CheckViolation):
                making.execute("SELECT ledger_make_months(12)")
        else:
            making.execute("SELECT ledger_make_months(12)")
    assert sum(_holding(fresh_database_url).values()) == 1
    assert len(make_months(fresh_database_url, 12)) == (4 if later == 9 else 0)


async def test_bookings_go_on_while_months_are_made(fresh_database_url: str) -> None:
    async with a_ledger(fresh_database_url, datetime.now(UTC)) as ledger:
        await _booked(ledger, 1, 1)

        async def book(first: int) -> None:
            for number in range(first, first + 40):
                await _booked(ledger, number, 1)

        async def make() -> None:
            for ahead in range(4, 24):
                await asyncio.to_thread(make_months, fresh_database_url, ahead)

        await asyncio.gather(make(), *(book(1_000 * caller) for caller in range(1, 6)))
        assert [line for line, _ in await _lines(ledger)] == list(range(1, 202))
        await ledger.demand_whole()


@pytest.fixture
def url_before_months(empty_database_url: str, tmp_path: Path) -> str:
    """A database as the last release without months left it."""
    for path in MIGRATIONS.glob("*.sql"):
        if path.name[:4] <= _BEFORE_MONTHS:
            shutil.copy(path, tmp_path)
    migrate(empty_database_url, [tmp_path])
    return empty_database_url


async def test_a_process_books_on_with_its_role_while_months_come(url_before_months: str) -> None:
    with own_roles(url_before_months) as names:
        async with a_ledger(as_role(url_before_months, names.application)) as ledger:
            await _booked(ledger, 1, 1)
            migrate(url_before_months)
            await _booked(ledger, 2, 1)
            assert await _lines(ledger) == [(1, 5), (2, 10)]
        with psycopg.connect(as_role(url_before_months, names.reader)) as connection:
            assert connection.execute("SELECT line FROM account_history").rowcount == 4


async def test_what_was_stored_before_there_were_months_stays_and_ties_are_parted(
    url_before_months: str,
) -> None:
    async with a_ledger(url_before_months) as ledger:
        await _booked(ledger, 1, 6)
        with psycopg.connect(url_before_months, autocommit=True) as connection:
            # As lines were that are older than the ledger's own timestamps: in one microsecond.
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE transfer SET timestamp = NULL WHERE flags = 0")
            connection.execute(
                "UPDATE account_history SET timestamp = (SELECT min(timestamp) / 1000 * 1000"
                " FROM account_history) WHERE line < 5"
            )
            connection.execute("RESET session_replication_role")

        migrate(url_before_months)

        assert partitions(url_before_months)[0].name == _FIRST
        assert set(_holding(url_before_months)) == {_FIRST}
        await _booked(ledger, 7, 2)
        assert await _lines(ledger) == [(line, 5 * line) for line in range(1, 9)]


def _every_statement(names: list[str]) -> list[str]:
    changes = ("UPDATE {} SET line = line", "DELETE FROM {}", "TRUNCATE {}")
    return [change.format(name) for name in names for change in changes]


async def test_no_month_takes_changes_whoever_asks(fresh_database_url: str) -> None:
    make_months(fresh_database_url, 5)
    names = [partition.name for partition in partitions(fresh_database_url)]
    for statement in _every_statement(["account_history", *names]):
        with (
            psycopg.connect(fresh_database_url, autocommit=True) as connection,
            pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
        ):
            connection.execute(statement.encode())


@pytest.fixture
def tablespace(fresh_database_url: str) -> Any:
    """Make a tablespace in the server's own folder; it is removed with the test's database."""
    name = f"cold_{conninfo_to_dict(fresh_database_url)['dbname']}"
    with psycopg.connect(fresh_database_url, autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute(f"CREATE TABLESPACE {name} LOCATION ''".encode())
        yield name
        for partition in partitions(fresh_database_url):
            connection.execute(
                f"ALTER TABLE {partition.name} SET TABLESPACE pg_default;"
                f"ALTER INDEX {partition.name}_pkey SET TABLESPACE pg_default".encode()
            )
        connection.execute(f"DROP TABLESPACE {name}".encode())


async def test_months_that_are_over_move_and_are_as_before(
    fresh_database_url: str, tablespace: str
) -> None:
    before = [(one.name, one.first_ns, one.end_ns) for one in partitions(fresh_database_url)]
    async with a_ledger(fresh_database_url) as ledger:
        await _booked(ledger, 1, 3)
        moved = list(move_months(fresh_database_url, _month(24), tablespace))
        assert [one.name for one in moved] == [_FIRST]
        assert _where(partitions(fresh_database_url)) == {_FIRST: tablespace}
        assert list(move_months(fresh_database_url, _month(24), tablespace)) == []
        await _booked(ledger, 4, 1)
        assert await _lines(ledger) == [(1, 5), (2, 10), (3, 15), (4, 20)]
        await ledger.demand_whole()
    after = [(one.name, one.first_ns, one.end_ns) for one in partitions(fresh_database_url)]
    assert after == before
    with psycopg.connect(fresh_database_url, autocommit=True) as connection:
        for change in _every_statement([_FIRST]):
            with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                connection.execute(change.encode())
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO account_history SELECT * FROM account_history")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                "INSERT INTO account_history SELECT account_id, 0, transfer_id, amount,"
                " debits_pending, debits_posted, credits_pending, credits_posted, timestamp + 1"
                " FROM account_history"
            )


async def test_bookings_and_reads_go_on_while_months_move(
    fresh_database_url: str, tablespace: str
) -> None:
    """To and fro, while lines of today are booked and old ones are read."""
    async with a_ledger(fresh_database_url, datetime(2020, 1, 1, tzinfo=UTC)) as ledger:
        await _booked(ledger, 1, 300)
    moving = True
    async with a_ledger(fresh_database_url, datetime.now(UTC)) as ledger:

        async def move() -> None:
            nonlocal moving
            for to in (tablespace, "pg_default") * 4:
                found = await asyncio.to_thread(_moved, fresh_database_url, to)
                assert found == [_FIRST]
            moving = False

        async def book() -> int:
            number = 1_000
            while moving:
                await _booked(ledger, number, 1)
                number += 1
            return number - 1_000

        async def read() -> int:
            reads = 0
            while moving:
                at = int(_month(0).timestamp()) * 10**9 - 1
                assert (await ledger.ledgers.history.at(stored_id("a", 2), at)).lines == 300
                reads += 1
            return reads

        _, booked, reads = await asyncio.gather(move(), book(), read())
        assert min(booked, reads) > 8
        assert [line for line, _ in await _lines(ledger)] == list(range(1, 301 + booked))
        await ledger.demand_whole()


def _moved(url: str, to: str) -> list[str]:
    return [one.name for one in move_months(url, _month(0), to)]


async def test_a_month_that_is_being_moved_holds_no_booking_up(fresh_database_url: str) -> None:
    async with a_ledger(fresh_database_url, datetime.now(UTC)) as ledger:
        await _booked(ledger, 1, 1)
        with psycopg.connect(fresh_database_url) as moving:
            moving.execute(f"LOCK TABLE {_FIRST} IN ACCESS EXCLUSIVE MODE".encode())
            await asyncio.wait_for(_booked(ledger, 2, 3), 20)
        assert len(await _lines(ledger)) == 4


def _where(found: list[Partition]) -> dict[str, str]:
    return {one.name: one.tablespace for one in found if one.tablespace != "pg_default"}


def _command(url: str, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(
        app, ["ledger", "partitions", *arguments], env={"HAZINA_DATABASE_URL": url}
    )
    return done.exit_code, done.stdout, f"{done.stderr}{done.exception or ''}"


def test_the_command_makes_months_and_lists_them(fresh_database_url: str) -> None:
    code, out, said = _command(fresh_database_url, "--ahead", "4", "--json")
    assert (code, said) == (0, f"made {_name(_month(4))}\n")
    listed = [orjson.loads(line) for line in out.splitlines()]
    assert [one["name"] for one in listed][-2:] == [_name(_month(4)), _LATER]
    code, out, said = _command(fresh_database_url, "--ahead", "4")
    assert (code, said) == (0, "")
    assert f"{_month(4):%Y-%m}" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--ahead", "0"], "1 to 120"),
        (["--move-before", "2026-01"], "belong together"),
        (["--move-before", "January", "--tablespace", "cold"], "write it as 2026-01"),
        (["--move-before", "2100-01", "--tablespace", "nowhere"], "CREATE TABLESPACE"),
        (["--move-before", "2100-01", "--tablespace", "pg_global"], "pg_global"),
    ],
)
def test_the_command_says_what_to_do_instead(
    fresh_database_url: str, arguments: list[str], sentence: str
) -> None:
    code, _, said = _command(fresh_database_url, *arguments)
    assert code != 0
    assert sentence in said
