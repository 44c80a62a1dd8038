"""The reader over a few PostgreSQL connections; single rows asked for together travel together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.adapt import Buffer
from psycopg.rows import DictRow, dict_row
from psycopg.types.numeric import NumericBinaryLoader, NumericLoader

from hazina.clock import Clock, SystemClock
from hazina.db.gate import Gate
from hazina.db.link import Again, Link, LinkLost, LinkSettings
from hazina.db.queries import load_queries
from hazina.db.results import decode_rows
from hazina.db.statements import Call, Statements
from hazina.db.table import Key, Row, Schema, Table

_Waiting = dict[Key, asyncio.Future[Row | None]]
_Session = psycopg.AsyncConnection[DictRow]
_CONDITION = "/* condition */ true"
# A plan for any parameters would have to serve all filters of a list at once; making a plan for
# those that were sent costs a fraction of a millisecond. Compiling such plans never pays, one read
# must not take all cores, and bitmaps of many rows must not become those of whole pages.
_OPTIONS = (
    "-c plan_cache_mode=force_custom_plan -c jit=off -c work_mem=32MB"
    " -c max_parallel_workers_per_gather=0"
)
_SEARCH_MS_MAX = 2_000
_SEARCH_OPTIONS = f"{_OPTIONS} -c statement_timeout={_SEARCH_MS_MAX}"


class _WholeNumber(NumericLoader):
    """Reads numeric as int where it is whole, as sums of amounts are."""

    def load(self, data: Buffer) -> Any:
        return _whole(super().load(data))


class _WholeNumberBinary(NumericBinaryLoader):
    def load(self, data: Buffer) -> Any:
        return _whole(super().load(data))


def _whole(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number


class PooledReader:
    """Reads committed rows from the primary. `size` bounds the connections of each of two kinds."""

    def __init__(
        self, url: str, schema: Schema, query_files: Iterable[Path] = (), *, size: int = 4,
        patience_ms: int | None = None, clock: Clock | None = None,
    ) -> None:  # fmt: skip
        """With `patience_ms` a read that takes longer is given up; else it may take for ever."""
        self._url = url
        self._schema = schema
        self._statements = Statements(schema)
        self._queries = load_queries(query_files)
        self._links: list[Link] = []
        self._sessions: list[_Session] = []
        self._searchers: list[_Session] = []
        self._link_turn = asyncio.Semaphore(size)
        self._session_turn = asyncio.Semaphore(size)
        self._search_turn = asyncio.Semaphore(size)
        self._waiting: dict[str, _Waiting] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._settings = LinkSettings()
        self._gate = Gate(clock or SystemClock(), patience_ms)

    async def open(self) -> None:
        """Connect once, so that a wrong address shows at start. Raises `LinkLost`."""
        self._links.append(await Link.connect(self._url, self._settings))

    async def close(self) -> None:
        """Wait for reads under way and disconnect."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
        for link in self._links:
            link.close()
        for session in (*self._sessions, *self._searchers):
            await session.close()
        self._links, self._sessions, self._searchers = [], [], []

    async def get(self, table: str, key: Key) -> Row | None:
        """Return one row; calls of the same moment travel together in one statement.

        Raises `Unreachable`, as all reads do, when PostgreSQL does not answer.
        """
        waiting = self._waiting.get(table)
        if waiting is None:
            waiting = self._waiting[table] = {}
            task = asyncio.create_task(self._fetch(self._schema[table], waiting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        future = waiting.get(key)
        if future is None:
            future = waiting[key] = asyncio.get_running_loop().create_future()
        # Several callers may wait for the same row: one that is cancelled must not take it along.
        row = await asyncio.shield(future)
        return None if row is None else dict(row)

    async def where(self, table: str, **equal: Any) -> list[Row]:
        """Return the rows of a table whose columns equal these values, in key order."""
        made = self._statements.where(self._schema[table], equal)
        async with self._gate.passing():
            return list(await self._run(self._schema[table], made, first=0))

    async def query(self, name: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run a named query of some package's `queries.sql` (`%(name)s` parameters)."""
        sql = self._queries[name]
        async with self._gate.passing():
            try:
                return await self._query(sql, parameters)
            except psycopg.OperationalError:
                # A kept connection may have died since its last use; reading twice is harmless.
                return await self._query(sql, parameters)

    async def search(
        self, name: str, condition: str, parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """Run a named query with a condition of our own making at its `/* condition */ true`.

        Searches have connections of their own, so that slow ones keep nothing else waiting.
        Raises `TimeoutError` when the database has looked for too long.
        """
        sql = self._queries[name].replace(_CONDITION, f"({condition})")
        assert sql != self._queries[name], f"{name} has no place for a condition"
        try:
            async with self._gate.passing(), self._search_turn:
                try:
                    return await self._query_on(self._searchers, sql, parameters, _SEARCH_OPTIONS)
                except psycopg.errors.QueryCanceled:
                    raise
                except psycopg.OperationalError:
                    return await self._query_on(self._searchers, sql, parameters, _SEARCH_OPTIONS)
        except psycopg.errors.QueryCanceled:
            raise TimeoutError("the search took too long") from None

    async def _fetch(self, table: Table, waiting: _Waiting) -> None:
        """Read what was asked for up to the moment that a connection is free."""
        try:
            async with self._gate.passing(), self._link_turn:
                del self._waiting[table.name]
                made = self._statements.read(table, list(waiting))
                rows = await self._run_on_link(table, made, first=1)
            found = {table.key_of(row): row for row in rows}
            for key, future in waiting.items():
                if not future.done():
                    future.set_result(found.get(key))
        except Exception as error:
            if self._waiting.get(table.name) is waiting:
                del self._waiting[table.name]
            for future in waiting.values():
                if not future.done():
                    future.set_exception(error)

    async def _run(self, table: Table, made: Call, *, first: int) -> Sequence[Row]:
        async with self._link_turn:
            return await self._run_on_link(table, made, first=first)

    async def _run_on_link(self, table: Table, made: Call, *, first: int) -> Sequence[Row]:
        try:
            return await self._once(table, made, first=first)
        except (LinkLost, Again):
            for link in self._links:
                link.close()
            self._links = []
            return await self._once(table, made, first=first)

    async def _once(self, table: Table, made: Call, *, first: int) -> Sequence[Row]:
        if self._links:
            link = self._links.pop()
        else:
            link = await Link.connect(self._url, self._settings)
        try:
            (result,) = await link.run([made])
        except BaseException:
            link.close()
            raise
        self._links.append(link)
        return decode_rows(table, result, first=first)

    async def _query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        async with self._session_turn:
            return await self._query_on(self._sessions, sql, parameters, _OPTIONS)

    async def _query_on(
        self, idle: list[_Session], sql: str, parameters: Mapping[str, Any], options: str
    ) -> Sequence[Row]:
        async with self._session(idle, options) as session:
            cursor = await session.execute(sql.encode(), parameters)
            return await cursor.fetchall()

    @asynccontextmanager
    async def _session(self, idle: list[_Session], options: str) -> AsyncIterator[_Session]:
        session = idle.pop() if idle else await self._connect(options)
        try:
            yield session
        except psycopg.errors.QueryCanceled:
            idle.append(session)
            raise
        except BaseException:
            await session.close()
            raise
        idle.append(session)

    async def _connect(self, options: str) -> _Session:
        session = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, row_factory=dict_row, options=options
        )
        session.adapters.register_loader("numeric", _WholeNumber)
        session.adapters.register_loader("numeric", _WholeNumberBinary)
        await session.execute("SET timezone = 'UTC'")
        return session
