"""How long the oldest work of each loop has been waiting."""

from __future__ import annotations

from hazina.clock import whole_seconds
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.ids import moment_of


async def lags(reader: Reader) -> dict[str, int]:
    """Return the seconds by loop, in real time; nothing of a loop for which nothing waits."""
    rows = await reader.query("worker_lags", {})
    return {row["loop"]: _lag_seconds(row) for row in rows}


def _lag_seconds(row: Row) -> int:
    # An event's id tells when it was recorded; its `created` may be a test clock's.
    since = row["since"] or moment_of(row["event_id"])
    return whole_seconds(since, row["now"])
