"""The migration runner: numbered SQL files, applied once each, in order, and never changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import errors

from hazina.db.patience import ATTEMPTS_MAX, patiently

MIGRATIONS = Path(__file__).parent / "migrations"

_NAME = re.compile(r"^(?P<number>\d{4})_(pre|post)_[a-z0-9_]+\.sql$")
_CHECK_SUFFIX = ".check.sql"
_ADVISORY_LOCK = 0x48415A494E41  # "HAZINA" in ASCII; one migration run per database at a time.
_CONNECT_SECONDS = 5

_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class SchemaError(Exception):
    """The schema of the database is not the one that this release knows, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file with its checksum and, beside it, the check that it is followed by."""

    name: str
    checksum: str
    sql: bytes
    check: bytes | None


def migrate(url: str, folders: Sequence[Path] = (MIGRATIONS,)) -> list[str]:
    """Apply the migrations that the database lacks and return their names, in order.

    Each runs in a database transaction of its own, followed by its check, a query in
    `NNNN_pre_what.check.sql` that must return no rows. A migration that waits longer than three
    seconds for a lock gives way to the sessions behind it and is tried again. Raises `SchemaError`
    for a database that cannot be reached, or that has a migration that is unknown here or differs
    from ours.
    """
    known = load(folders)
    applied_now = []
    with _connected(url) as connection, _only_one(connection):
        connection.execute(_CREATE_TABLE)
        applied = _applied(connection)
        _refuse_strangers(known, applied)
        for migration in known:
            if migration.name not in applied:
                _apply_patiently(connection, migration)
                applied_now.append(migration.name)
    return applied_now


def check(url: str, folders: Sequence[Path] = (MIGRATIONS,)) -> None:
    """Raise `SchemaError` unless the database has exactly the migrations of `folders`."""
    known = load(folders)
    with _connected(url) as connection:
        found = connection.execute("SELECT to_regclass('schema_migration')").fetchone()
        applied = _applied(connection) if found and found[0] is not None else {}
    _refuse_strangers(known, applied)
    missing = [migration.name for migration in known if migration.name not in applied]
    if missing:
        raise SchemaError(f"The database lacks {', '.join(missing)}: run `hazina migrate` first.")


def load(folders: Sequence[Path]) -> list[Migration]:
    """Read the migrations of all folders, ordered by name; numbers must differ."""
    found: dict[str, Migration] = {}
    for path in (path for folder in folders for path in folder.glob("*.sql")):
        if path.name.endswith(_CHECK_SUFFIX):
            continue
        match = _NAME.match(path.name)
        if match is None:
            raise SchemaError(f"{path.name} must be named NNNN_pre_what.sql or NNNN_post_what.sql.")
        number = match["number"]
        if number in found:
            raise SchemaError(
                f"{path.name} and {found[number].name} have one number: take the next."
            )
        found[number] = _read(path)
    return [found[number] for number in sorted(found)]


def _connected(url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS)
    except psycopg.OperationalError as error:
        raise SchemaError(
            f"PostgreSQL cannot be reached: {str(error).strip()} Start it, or correct "
            "HAZINA_DATABASE_URL."
        ) from error


def _read(path: Path) -> Migration:
    sql = path.read_bytes()
    check_path = path.with_name(path.name.removesuffix(".sql") + _CHECK_SUFFIX)
    return Migration(
        name=path.name,
        checksum=hashlib.sha256(sql).hexdigest(),
        sql=sql,
        check=check_path.read_bytes() if check_path.exists() else None,
    )


def _applied(connection: psycopg.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, checksum FROM schema_migration").fetchall())


def _refuse_strangers(known: Sequence[Migration], applied: dict[str, str]) -> None:
    checksums = {migration.name: migration.checksum for migration in known}
    unknown = sorted(applied.keys() - checksums.keys())
    if unknown:
        raise SchemaError(
            f"The database has {', '.join(unknown)}, unknown to this release: "
            "run the release that made it, or a newer one."
        )
    changed = sorted(name for name, checksum in applied.items() if checksums[name] != checksum)
    if changed:
        raise SchemaError(
            f"{', '.join(changed)} was changed after it was applied: "
            "restore the file and put the change into a new migration."
        )


def _apply_patiently(connection: psycopg.Connection, migration: Migration) -> None:
    try:
        patiently(connection, lambda: _apply(connection, migration))
    except errors.LockNotAvailable:
        raise SchemaError(
            f"{migration.name} found its tables locked {ATTEMPTS_MAX} times: "
            "end the long-running sessions and migrate again."
        ) from None


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    connection.execute(migration.sql)
    if migration.check is not None:
        bad_row = connection.execute(migration.check).fetchone()
        if bad_row is not None:
            raise SchemaError(f"The check of {migration.name} found a row: {bad_row}.")
    connection.execute(
        "INSERT INTO schema_migration (name, checksum) VALUES (%s, %s)",
        (migration.name, migration.checksum),
    )


@contextmanager
def _only_one(connection: psycopg.Connection) -> Iterator[None]:
    """Hold the advisory lock of migrations; a process that dies lets go of it."""
    connection.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_ADVISORY_LOCK,))
