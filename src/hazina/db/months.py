"""The months of `account_history`: what there is, months to come, old ones on other disks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg
from psycopg import errors, sql
from psycopg.rows import class_row

from hazina.db.patience import ATTEMPTS_MAX, patiently

_IN_THE_WAY = (errors.LockNotAvailable, errors.DeadlockDetected)
_NANOSECONDS = 1_000_000_000
_AHEAD_MAX = 120
_PARTITIONS = r"""
WITH found AS (
    SELECT c.relname AS name, coalesce(t.spcname, own.spcname) AS tablespace,
           pg_total_relation_size(c.oid) AS size_bytes, greatest(c.reltuples, 0)::bigint AS lines,
           pg_get_expr(c.relpartbound, c.oid) AS bounds
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
    JOIN pg_database d ON d.datname = current_database()
    JOIN pg_tablespace own ON own.oid = d.dattablespace
    WHERE i.inhparent = 'account_history'::regclass
)
SELECT name, tablespace, size_bytes, lines,
       substring(bounds FROM 'FROM \(''(\d+)''\)')::bigint AS first_ns,
       substring(bounds FROM 'TO \(''(\d+)''\)')::bigint AS end_ns,
       (extract(epoch FROM now()) * 1000000000)::bigint AS now_ns
FROM found ORDER BY first_ns NULLS FIRST
"""


class MonthsError(Exception):
    """The months cannot be changed as asked; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: lines from `first_ns` (None: the beginning) to before `end_ns` (None: ever).

    Nanoseconds since 1970, `now_ns` is when this was read. `lines` is PostgreSQL's estimate,
    `size_bytes` counts the index too.
    """

    name: str
    first_ns: int | None
    end_ns: int | None
    lines: int
    size_bytes: int
    tablespace: str
    now_ns: int

    @property
    def first(self) -> str:
        """The month in which it begins."""
        return "the beginning" if self.first_ns is None else _month(self.first_ns)

    @property
    def last(self) -> str:
        """The last month that it holds."""
        return "ever after" if self.end_ns is None else _month(self.end_ns - 1)


def partitions(url: str) -> list[Partition]:
    """Return the partitions, oldest first."""
    with (
        psycopg.connect(url, autocommit=True) as connection,
        connection.cursor(row_factory=class_row(Partition)) as cursor,
    ):
        return cursor.execute(_PARTITIONS).fetchall()


def make_months(url: str, ahead: int) -> list[str]:
    """Make what is missing until so many months after this one; return the names, oldest first.

    Run it as the owner. Bookings wait for some milliseconds while it is done. Raises `MonthsError`.
    """
    if not 1 <= ahead <= _AHEAD_MAX:
        raise MonthsError(f"Ask for 1 to {_AHEAD_MAX} months ahead, not {ahead}.")
    with psycopg.connect(url, autocommit=True) as connection:
        # A snapshot from before the lock would not show what was booked while waiting for it.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        rows = _run(connection, sql.SQL("SELECT ledger_make_months({})").format(ahead))
    return [name for (name,) in rows]


def move_months(url: str, before: datetime, tablespace: str) -> Iterator[Partition]:
    """Move months that ended before a moment to a tablespace; yield each when it is there.

    Run it as the owner. The oldest goes first, each in a database transaction of its own, so that
    this may be stopped and run again. What is not over stays. Booking goes on; who reads history
    waits for the month that is being copied. Raises `MonthsError`.
    """
    before_ns = int(before.timestamp()) * _NANOSECONDS
    to = sql.Identifier(tablespace)
    with psycopg.connect(url, autocommit=True) as connection:
        for one in partitions(url):
            too_young = one.end_ns is None or one.end_ns > min(before_ns, one.now_ns)
            if too_young or one.tablespace == tablespace:
                continue
            table, index = sql.Identifier(one.name), sql.Identifier(f"{one.name}_pkey")
            # Pages are copied as they are: a copy of the rows would be newer than what a reader
            # that waits for it may see, who would find the month empty.
            _run(
                connection,
                sql.SQL("ALTER TABLE {} SET TABLESPACE {}").format(table, to),
                sql.SQL("ALTER INDEX {} SET TABLESPACE {}").format(index, to),
            )
            yield replace(one, tablespace=tablespace)


def _run(connection: psycopg.Connection, *statements: sql.Composed) -> list[tuple[str]]:
    """Run statements in one database transaction; return the rows of the last, if it has any."""

    def work() -> list[tuple[str]]:
        for statement in statements:
            done = connection.execute(statement)
        return done.fetchall() if done.description else []

    try:
        return patiently(connection, work, _IN_THE_WAY)
    except _IN_THE_WAY as error:
        raise MonthsError(
            f"account_history was found locked {ATTEMPTS_MAX} times: end the long-running "
            "sessions and run this again."
        ) from error
    except errors.InsufficientPrivilege as error:
        raise MonthsError(
            f"{error.diag.message_primary}: only the owner of the tables may do this, "
            "and needs the right to CREATE in a tablespace to move there."
        ) from error
    except errors.UndefinedObject as error:
        raise MonthsError(
            f"{error.diag.message_primary}: a superuser makes one with CREATE TABLESPACE."
        ) from error
    except (errors.InvalidParameterValue, errors.FeatureNotSupported) as error:
        raise MonthsError(f"{error.diag.message_primary}.") from error


def _month(moment_ns: int) -> str:
    return f"{datetime.fromtimestamp(moment_ns // _NANOSECONDS, UTC):%Y-%m}"
