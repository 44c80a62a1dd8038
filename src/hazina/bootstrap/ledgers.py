"""The ledger alone, without payments: for commands that book or read over one database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hazina.clock import SystemClock
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.table import Schema
from hazina.db.writer import Writer
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.history import History
from hazina.ledger.service import Ledgers
from hazina.ledger.tables import TABLES
from hazina.ledger.verify import INVARIANTS, QUERIES


@asynccontextmanager
async def open_reader(url: str) -> AsyncIterator[PooledReader]:
    """Open a reader of the ledger's tables, with its queries and invariants."""
    reader = PooledReader(url, Schema(TABLES), [QUERIES, INVARIANTS], size=1)
    await reader.open()
    try:
        yield reader
    finally:
        await reader.close()


@dataclass(frozen=True, slots=True)
class OpenLedger:
    """The doors of an open ledger."""

    ledgers: Ledgers
    history: History
    reader: PooledReader


@asynccontextmanager
async def open_ledgers(url: str) -> AsyncIterator[OpenLedger]:
    """Open a ledger to book in, with a writer slot of its own."""
    clock = SystemClock()
    store = PostgresStore(url, Schema(TABLES), LedgerEngine(clock), clock=clock)
    await store.open()
    writer = Writer(store, clock)
    await writer.start()
    try:
        async with open_reader(url) as reader:
            yield OpenLedger(Ledgers(reader, writer, clock), History(reader), reader)
    finally:
        await writer.close()
        await store.close()
