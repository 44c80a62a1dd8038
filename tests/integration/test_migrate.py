"""The migration runner on a real PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from hazina.db.migrate import SchemaError, check, migrate


def _write(folder: Path, name: str, sql: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(sql)


def _tables(url: str) -> set[str]:
    query = (
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute(query)}


def test_migrations_of_all_folders_are_applied_once_in_order_of_their_names(
    empty_database_url: str, tmp_path: Path
) -> None:
    _write(tmp_path / "a", "0002_pre_second.sql", "ALTER TABLE first ADD COLUMN more int;")
    _write(tmp_path / "b", "0001_pre_first.sql", "CREATE TABLE first (id int); SELECT 1;")
    folders = [tmp_path / "a", tmp_path / "b"]

    assert migrate(empty_database_url, folders) == ["0001_pre_first.sql", "0002_pre_second.sql"]
    assert migrate(empty_database_url, folders) == []
    assert _tables(empty_database_url) == {"first", "schema_migration"}
    check(empty_database_url, folders)


def test_a_changed_migration_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, "0001_pre_first.sql", "CREATE TABLE first (id int)")
    migrate(empty_database_url, [tmp_path])
    _write(tmp_path, "0001_pre_first.sql", "CREATE TABLE first (id bigint)")

    with pytest.raises(SchemaError, match="changed after it was applied"):
        migrate(empty_database_url, [tmp_path])
    with pytest.raises(SchemaError, match="changed after it was applied"):
        check(empty_database_url, [tmp_path])


def test_a_database_of_a_newer_release_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, "0001_pre_first.sql", "CREATE TABLE first (id int)")
    migrate(empty_database_url, [tmp_path])

    with pytest.raises(SchemaError, match="unknown to this release"):
        migrate(empty_database_url, [])
    with pytest.raises(SchemaError, match="unknown to this release"):
        check(empty_database_url, [])


def test_a_process_refuses_a_database_that_lacks_a_migration(
    empty_database_url: str, tmp_path: Path
) -> None:
    _write(tmp_path, "0001_pre_first.sql", "CREATE TABLE first (id int)")

    with pytest.raises(SchemaError, match="lacks 0001_pre_first"):
        check(empty_database_url, [tmp_path])


def test_a_migration_whose_check_finds_a_row_leaves_nothing_behind(
    empty_database_url: str, tmp_path: Path
) -> None:
    _write(tmp_path, "0001_pre_first.sql", "CREATE TABLE first AS SELECT -1 AS amount_minor")
    _write(tmp_path, "0001_pre_first.check.sql", "SELECT * FROM first WHERE amount_minor < 0")

    with pytest.raises(SchemaError, match="check of 0001_pre_first"):
        migrate(empty_database_url, [tmp_path])
    assert _tables(empty_database_url) == {"schema_migration"}


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["first.sql"], "must be named"),
        (["0001_pre_first.sql", "0001_post_other.sql"], "one number"),
    ],
)
def test_a_misnamed_file_is_refused(
    empty_database_url: str, tmp_path: Path, names: list[str], complaint: str
) -> None:
    for name in names:
        _write(tmp_path, name, "SELECT 1")

    with pytest.raises(SchemaError, match=complaint):
        migrate(empty_database_url, [tmp_path])


def test_two_runs_at_once_apply_each_migration_once(
    empty_database_url: str, tmp_path: Path
) -> None:
    _write(tmp_path, "0001_pre_first.sql", "SELECT pg_sleep(0.2); CREATE TABLE first (id int)")
    applied: list[str] = []
    runs = [
        threading.Thread(target=lambda: applied.extend(migrate(empty_database_url, [tmp_path])))
        for _ in range(4)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    assert applied == ["0001_pre_first.sql"]


def test_a_migration_gives_way_to_a_locked_table_and_is_tried_again(
    empty_database_url: str, tmp_path: Path
) -> None:
    """A session holds the table for longer than one lock timeout, then lets go."""
    _write(tmp_path, "0001_pre_first.sql", "CREATE TABLE first (id int)")
    migrate(empty_database_url, [tmp_path])
    _write(tmp_path, "0002_pre_second.sql", "ALTER TABLE first ADD COLUMN more int")
    with psycopg.connect(empty_database_url) as holder:
        holder.execute("LOCK TABLE first")
        release = threading.Timer(4, holder.rollback)
        release.start()

        assert migrate(empty_database_url, [tmp_path]) == ["0002_pre_second.sql"]
        release.join()
