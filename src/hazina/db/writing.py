"""From the effects of a batch to statements: one per table and form, tables by rank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hazina.db.judging import Effects, Place
from hazina.db.statements import Call, Change, Statements
from hazina.db.table import Key, Schema, Table


def writes(
    statements: Statements, schema: Schema, effects: Effects
) -> Iterator[tuple[Call, Table, int | None]]:
    """Yield what to execute, each with the number of rows that it must write, if known."""
    for table, keys in grouped(schema, list(effects.deletes)):
        gone = [effects.deletes[table.name, key] for key in keys]
        yield statements.delete(table, keys, gone), table, len(keys)
    for table, keys in grouped(schema, list(effects.inserts)):
        if table.in_order:
            keys = [key for name, key in effects.inserts if name == table.name]
        pairs = [effects.inserts[table.name, key] for key in keys]
        rows, versions = [row for row, _ in pairs], [version for _, version in pairs]
        yield statements.insert(table, rows, versions), table, len(keys)
    for many in sorted(effects.insert_rows, key=lambda many: schema[many.table].rank):
        table, ones = schema[many.table], [1] * len(next(iter(many.columns.values())))
        yield statements.insert_columns(table, many.columns, ones), table, len(ones)
    for table, keys in grouped(schema, list(effects.claims)):
        rows = [effects.claims[table.name, key] for key in keys]
        yield statements.claim(table, rows), table, None
    for table, changes in _changes(schema, effects):
        yield statements.update(table, changes), table, len(changes)
    for changed in sorted(effects.update_rows, key=lambda many: schema[many.table].rank):
        table, before = schema[changed.table], changed.versions
        after = [version + 1 for version in before]
        made = statements.update_columns(table, changed.keys, before, after, changed.columns)
        yield made, table, len(before)


def grouped(schema: Schema, places: Sequence[Place]) -> list[tuple[Table, list[Key]]]:
    """Return the distinct keys by table, tables by rank and keys sorted."""
    keys: dict[str, set[Key]] = {}
    for name, key in places:
        keys.setdefault(name, set()).add(key)
    tables = sorted((schema[name] for name in keys), key=lambda table: table.rank)
    return [(table, sorted(keys[table.name], key=table.order_of)) for table in tables]


def _changes(schema: Schema, effects: Effects) -> list[tuple[Table, list[Change]]]:
    """Return the changes by table and by the columns that they change."""
    groups: dict[tuple[str, frozenset[str]], list[Change]] = {}
    for (name, _), change in sorted(
        effects.changes.items(), key=lambda item: (schema[item[0][0]].rank, item[0][1])
    ):
        groups.setdefault((name, frozenset(change.changes)), []).append(change)
    return [(schema[name], changes) for (name, _), changes in groups.items()]
