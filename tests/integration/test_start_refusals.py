"""A process that cannot work safely says why in a sentence, and does not start."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg
import pytest

from hazina.bootstrap.app import open_core
from hazina.bootstrap.settings import Settings
from hazina.db.migrate import SchemaError

_NOBODY_THERE = "postgresql://127.0.0.1:1/hazina"
_PEPPER = "p" * 32


async def test_a_database_that_lacks_migrations_is_refused(empty_database_url: str) -> None:
    with pytest.raises(SchemaError, match="run `hazina migrate` first"):
        await open_core(Settings(database_url=empty_database_url, pepper=_PEPPER))


async def test_a_database_of_a_newer_release_is_refused(fresh_database_url: str) -> None:
    with psycopg.connect(fresh_database_url) as connection:
        connection.execute("INSERT INTO schema_migration VALUES ('9999_pre_future.sql', 'x')")

    with pytest.raises(SchemaError, match="unknown to this release"):
        await open_core(Settings(database_url=fresh_database_url, pepper=_PEPPER))


@pytest.mark.parametrize(
    ("command", "settings", "said"),
    [
        ("api", {"HAZINA_PEPPER": _PEPPER}, "PostgreSQL cannot be reached"),
        ("worker", {"HAZINA_PEPPER": _PEPPER}, "PostgreSQL cannot be reached"),
        ("migrate", {}, "PostgreSQL cannot be reached"),
        ("api", {}, "HAZINA_PEPPER is empty"),
        ("worker", {"HAZINA_DEADLINE_MS": "soon"}, "HAZINA_DEADLINE_MS"),
        ("worker", {"HAZINA_INQUIRY_SCHEDULE_MS": "soon"}, "inquiry_schedule_ms"),
        ("api", {"HAZINA_PEPPER": _PEPPER, "HAZINA_COMMAND_LEASE_MS": "9000"}, "must exceed"),
    ],
)
def test_what_stands_in_the_way_is_said_in_a_line(
    command: str, settings: dict[str, str], said: str
) -> None:
    others = {name: text for name, text in os.environ.items() if not name.startswith("HAZINA_")}
    ended = subprocess.run(
        [sys.executable, "-m", "hazina", command, *(["--port", "1"] if command == "api" else [])],
        env={**others, "HAZINA_DATABASE_URL": _NOBODY_THERE, "COLUMNS": "300", **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
