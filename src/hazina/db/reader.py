"""Reading: single rows by key, rows by equal columns, and named queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hazina.db.table import Key, Row


class Reader(Protocol):
    """Reads of committed rows. Rows are plain dicts of column to Python value, `version` included.

    Both stores offer it. Nothing read here is locked: what was read is bound to a decision by the
    unit's `relies_on`.
    """

    async def get(self, table: str, key: Key) -> Row | None:
        """Return one row; calls of the same moment travel together in one statement."""

    async def where(self, table: str, **equal: Any) -> list[Row]:
        """Return the rows of a table whose columns equal these values, in key order."""

    async def query(self, name: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run a named query of some package's `queries.sql` (`%(name)s` parameters)."""


class Searcher(Protocol):
    """Searches of committed rows by conditions that are put together for each query."""

    async def search(
        self, name: str, condition: str, parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """Run a named query with a condition of our own making at its `/* condition */ true`.

        The condition holds no client's text, only `%(name)s` parameters. Raises `TimeoutError`
        when the database has looked for too long.
        """
