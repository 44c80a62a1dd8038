"""Every table that is declared to the writer exists as declared, with a key that tells its rows."""

from __future__ import annotations

import re
from uuid import UUID

import psycopg
import pytest

from hazina.bootstrap.app import SCHEMA
from hazina.db.forms import read_columns
from hazina.db.link import SESSION
from hazina.db.statements import Statements
from hazina.db.table import Kind, Table

_TYPES: dict[Kind, str] = {
    "text": "text",
    "uuid": "uuid",
    "bigint": "int8",
    "integer": "int4",
    "numeric": "numeric",
    "boolean": "bool",
    "timestamptz": "timestamptz",
    "jsonb": "jsonb",
    "bytea": "bytea",
    "from_now": "timestamptz",
}

_COLUMNS = """
SELECT attname, typname FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""
_UNIQUE_KEYS = """
SELECT array_agg(attname::text) FROM pg_index
JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey)
WHERE indrelid = %s::regclass AND indisunique AND indpred IS NULL GROUP BY indexrelid
"""

_PRIMARY_KEYS = """
SELECT c.relname FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
WHERE i.indisprimary AND (
    i.indrelid = %(table)s::regclass
    OR i.indrelid IN (SELECT relid FROM pg_partition_tree(%(table)s::regclass))
)
"""

_EXPENDABLE_DEFAULTS = """
SELECT attname FROM pg_attribute JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = %s::regclass AND NOT attnotnull
"""


@pytest.mark.parametrize("table", SCHEMA.tables.values(), ids=list(SCHEMA.tables))
def test_a_declared_table_has_its_columns_and_a_unique_key(database_url: str, table: Table) -> None:
    with psycopg.connect(database_url) as connection:
        found = dict(connection.execute(_COLUMNS, (table.name,)).fetchall())
        keys = [set(names) for (names,) in connection.execute(_UNIQUE_KEYS, (table.name,))]
    declared = {name: _TYPES[kind] for name, kind in read_columns(table).items()}
    assert {name: found.get(name) for name in declared} == declared
    assert set(table.key) in keys
    assert not table.tenant or table.key[0] == "merchant_id"


@pytest.mark.parametrize("table", SCHEMA.tables.values(), ids=list(SCHEMA.tables))
def test_a_column_that_may_be_null_has_no_default(database_url: str, table: Table) -> None:
    # The writer leaves a column out whose values are all NULL: a default would take their place.
    with psycopg.connect(database_url) as connection:
        names = {name for (name,) in connection.execute(_EXPENDABLE_DEFAULTS, (table.name,))}
    assert not names & table.columns.keys()


@pytest.mark.parametrize("table", SCHEMA.tables.values(), ids=list(SCHEMA.tables))
def test_a_key_is_found_by_its_primary_key_before_statistics_are_gathered(
    database_url: str, table: Table
) -> None:
    # Of indexes that seem equally good PostgreSQL takes the newest. Where this fails, a migration
    # has added an index that begins like the key: make the primary key anew after it (see 0060).
    found = Statements(SCHEMA).lock(table, [tuple(_SAMPLES[_kind(table, n)] for n in table.key)])
    sql, oids = found.statement.sql.decode(), found.statement.oids
    with psycopg.connect(database_url, autocommit=True) as connection:
        if connection.info.server_version < 160_000:
            pytest.skip("EXPLAIN (GENERIC_PLAN) needs PostgreSQL 16")
        connection.execute(SESSION)
        for place, oid in enumerate(oids, 1):
            kind = connection.execute("SELECT %s::oid::regtype::text", (oid,)).fetchone()
            assert kind is not None
            sql = re.sub(rf"\${place}\b", f"${place}::{kind[0]}", sql)
        lines = connection.execute(f"EXPLAIN (GENERIC_PLAN, COSTS OFF) {sql}".encode()).fetchall()
        own = connection.execute(_PRIMARY_KEYS, {"table": table.name}).fetchall()
    plan = "\n".join(line for (line,) in lines)
    assert sorted(re.findall(r"Scan using (\S+)", plan)) == sorted(name for (name,) in own), plan


_SAMPLES = {"text": "a", "uuid": UUID(int=1), "bigint": 1, "integer": 1, "bytea": b"a"}


def _kind(table: Table, name: str) -> Kind:
    return table.columns.get(name) or table.defaults[name]
