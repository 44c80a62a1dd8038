"""A reader for those who only look: named queries of one's own over any database of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from hazina.db.pooled import PooledReader
from hazina.db.table import Schema


@asynccontextmanager
async def open_to_look(url: str, files: Sequence[Path]) -> AsyncIterator[PooledReader]:
    """Open a reader of one connection with the queries of these files."""
    reader = PooledReader(url, Schema(()), files, size=1)
    await reader.open()
    try:
        yield reader
    finally:
        await reader.close()
