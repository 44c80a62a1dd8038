"""Named queries run within a connection's own database transaction, which may then be undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.numeric import IntLoader

from hazina.db.queries import load_queries
from hazina.invariants.check import Fetch


def fetch_within(connection: psycopg.Connection[dict[str, Any]], files: Iterable[Path]) -> Fetch:
    """Return what runs named queries on this connection."""
    connection.adapters.register_loader("numeric", IntLoader)
    queries = load_queries(files)

    async def fetch(name: str, parameters: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        return connection.execute(queries[name].encode(), parameters).fetchall()

    return fetch
