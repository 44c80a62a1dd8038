"""Database roles: an owner that migrates, an application that owns nothing, a reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

_ADVISORY_LOCK = 0x48415A524F4C45  # "HAZROLE" in ASCII; roles belong to the whole cluster.
_OWN_TABLES = ("schema_migration",)
_PARTITIONS = (
    "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
    " AND relnamespace = 'public'::regnamespace"
)


@dataclass(frozen=True, slots=True)
class RoleNames:
    """Group roles without login; grant them to the users that processes connect as."""

    application: str = "hazina_application"
    reader: str = "hazina_reader"


def grant_roles(
    url: str, append_only: Sequence[str], never_removed: Sequence[str], names: RoleNames
) -> None:
    """Make the roles if they are not there and give them exactly their rights in this database.

    Run it as the owner, after each migration. The application may insert and read everywhere. It
    may change and remove rows, except that those of `append_only` tables stay as they are and those
    of `never_removed` ones stay. It owns nothing, so it can lift neither triggers nor constraints.
    The reader may read.
    """
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
        for name in (names.application, names.reader):
            _make(connection, name)
        application, reader = sql.Identifier(names.application), sql.Identifier(names.reader)
        _run(connection, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        for role in (application, reader):
            _run(connection, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}", role)
            _run(connection, "GRANT USAGE ON SCHEMA public TO {}", role)
            _run(connection, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}", role)
        _run(
            connection,
            "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
            application,
        )
        _run(connection, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}", application)
        for table in (*append_only, *_OWN_TABLES):
            _run(
                connection,
                "REVOKE UPDATE, DELETE ON {} FROM {}",
                sql.Identifier(table),
                application,
            )
        # Rows come in by the table that they are partitions of, whose triggers and rights count.
        for (partition,) in connection.execute(_PARTITIONS).fetchall():
            _run(
                connection,
                "REVOKE INSERT, UPDATE, DELETE ON {} FROM {}",
                sql.Identifier(partition),
                application,
            )
        for table in never_removed:
            _run(connection, "REVOKE DELETE ON {} FROM {}", sql.Identifier(table), application)
        for table in _OWN_TABLES:
            _run(connection, "REVOKE INSERT ON {} FROM {}", sql.Identifier(table), application)


def _make(connection: psycopg.Connection, name: str) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
    if found is None:
        _run(connection, "CREATE ROLE {} NOLOGIN", sql.Identifier(name))


def _run(connection: psycopg.Connection, statement: str, *names: sql.Identifier) -> None:
    connection.execute(sql.SQL(statement).format(*names))
