"""The application's database role can do its work, and cannot rewrite what was booked."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from hazina.db.roles import RoleNames, grant_roles
from hazina.ledger.client import AccountEvent, TransferEvent
from hazina.ledger.tables import APPEND_ONLY, NEVER_REMOVED
from tests.support.ledger_on_postgres import a_ledger
from tests.support.roles import as_role, own_roles


@pytest.fixture
def names(fresh_database_url: str) -> Iterator[RoleNames]:
    """Roles of this test's database alone, granted a second time as after a migration."""
    with own_roles(fresh_database_url) as made:
        grant_roles(fresh_database_url, APPEND_ONLY, NEVER_REMOVED, made)
        yield made


async def test_the_application_role_books_and_reads(
    fresh_database_url: str, names: RoleNames
) -> None:
    async with a_ledger(as_role(fresh_database_url, names.application)) as ledger:
        doors = ledger.ledgers
        await doors.create_accounts("a", [AccountEvent(1, 1, 1), AccountEvent(2, 1, 1)])
        (result,) = await doors.create_transfers(
            "a", [TransferEvent(1, 1, 2, 5, ledger=1, code=1, flags=2, timeout=1)]
        )
        assert result.status == "created"
        assert await ledger.advance_ns(10**9) == 1
        await ledger.demand_whole()


_MONTH = "account_history_later"


@pytest.mark.parametrize("table", [*APPEND_ONLY, *NEVER_REMOVED, "schema_migration", _MONTH])
@pytest.mark.parametrize("who", ["application", "reader"])
def test_no_role_of_a_process_may_rewrite_what_was_booked(
    fresh_database_url: str, names: RoleNames, table: str, who: str
) -> None:
    statements = [
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"DROP TABLE {table}",
        "SET session_replication_role = replica",
        "CREATE TABLE another (id integer)",
    ]
    if table not in NEVER_REMOVED or who == "reader":
        column = {"batch": "hash", "schema_migration": "checksum"}.get(table, "id")
        column = {"account_history": "line", _MONTH: "line", "pending": "state"}.get(table, column)
        statements.append(f"UPDATE {table} SET {column} = {column}")
    url = as_role(fresh_database_url, getattr(names, who))
    for statement in statements:
        with (
            psycopg.connect(url, autocommit=True) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())


def test_partitions_of_a_neighbouring_schema_are_left_alone(
    fresh_database_url: str, names: RoleNames
) -> None:
    with psycopg.connect(fresh_database_url) as connection:
        connection.execute(
            "CREATE SCHEMA neighbour;"
            "CREATE TABLE neighbour.log (at bigint) PARTITION BY RANGE (at);"
            "CREATE TABLE neighbour.log_first PARTITION OF neighbour.log DEFAULT"
        )
    grant_roles(fresh_database_url, APPEND_ONLY, NEVER_REMOVED, names)
