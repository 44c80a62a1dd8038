"""One direct connection to PostgreSQL that sends whole phases of statements in one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import pq

from hazina.db.statements import Call, Statement

# Plans made while tables are empty would choose scans and hash joins, and stay (DB-27).
SESSION = """
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SET enable_bitmapscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan;
SET max_parallel_workers_per_gather = 0; SET cpu_tuple_cost = 10; SET cpu_index_tuple_cost = 10;
SET statement_timeout = 0; SET timezone = 'UTC'; SET client_encoding = 'UTF8';
"""
_TIMEOUTS = """
SET lock_timeout = {lock_timeout_ms}; SET idle_in_transaction_session_timeout = {idle_timeout_ms};
"""
_LARGE = 4_096
_RETRY = {"40001", "40P01", "55P03", "57014"}  # Serialization, deadlock, lock timeout, cancel.
_POISON = {"22", "23", "54"}  # Data, constraints, limits that a value passes (an index row's size).
_SHORT = {"53", "58"}  # Disk full, no memory, no more connections; errors of its files.
_LOST = {"08", "57", "25"}  # Connection, shutdown or terminated, idle in its transaction.


class LinkLost(Exception):
    """The connection is gone, or must not be used further."""


class Short(LinkLost):
    """PostgreSQL lacks room to do it: its disk, memory or connections are used up."""


class Again(Exception):
    """PostgreSQL asks for a retry: deadlock, lock timeout or serialization failure."""


class Poison(Exception):
    """PostgreSQL refuses the data."""


class UnsafeServer(Exception):
    """The server is set up in a way that loses acknowledged commits, or cannot commit."""


@dataclass(slots=True)
class Segment:
    """Calls on their way: what each coming result prepares (None: an execution), and what making
    them raised, if anything."""

    prepares: list[Statement | None]
    problem: Exception | None


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How long a session waits: for a lock, idle inside a batch, and for an answer of TCP."""

    lock_timeout_ms: int = 3_000
    idle_timeout_ms: int = 5_000
    tcp_user_timeout_ms: int = 10_000
    connect_timeout_seconds: int = 5
    answer_timeout_ms: int = 20_000
    """A server that is silent for so long is given up, though its host still acknowledges bytes."""


class Link:
    """A connection in pipeline mode. Not for concurrent use; every error but `Poison` ends it."""

    def __init__(
        self,
        connection: psycopg.AsyncConnection[psycopg.rows.TupleRow],
        settings: LinkSettings,
        server: str,
    ) -> None:
        """`server` tells one run of a server from all others."""
        self.server = server
        self._connection = connection
        self._pg = connection.pgconn
        self._names: dict[Statement, bytes] = {}
        self._names_made = 0
        self.pid = self._pg.backend_pid
        self.warned = False
        self._waiting: asyncio.Future[None] | None = None
        self._patience_s = settings.answer_timeout_ms / 1000
        connection.add_notice_handler(self._note)

    @classmethod
    async def connect(cls, url: str, settings: LinkSettings) -> Link:
        """Open a session with the writer's settings. Raises `LinkLost`, `UnsafeServer`."""
        try:
            connection = await psycopg.AsyncConnection.connect(
                url,
                autocommit=True,
                tcp_user_timeout=settings.tcp_user_timeout_ms,
                keepalives_idle=10,
                connect_timeout=settings.connect_timeout_seconds,
            )
        except psycopg.OperationalError as error:
            raise LinkLost(str(error)) from error
        try:
            timeouts = _TIMEOUTS.format(
                lock_timeout_ms=settings.lock_timeout_ms, idle_timeout_ms=settings.idle_timeout_ms
            )
            async with asyncio.timeout(settings.connect_timeout_seconds):
                await connection.execute((SESSION + timeouts).encode())
                server = await _refuse_unsafe(connection)
            connection.pgconn.nonblocking = 1
            connection.pgconn.enter_pipeline_mode()
        except (psycopg.OperationalError, TimeoutError) as error:
            connection.pgconn.finish()
            raise LinkLost(str(error) or "no answer to the first statement") from error
        except BaseException:
            await connection.close()
            raise
        return cls(connection, settings, server)

    async def run(self, calls: Iterable[Call]) -> list[pq.abc.PGresult]:
        """Send all calls at once and return their results, in order.

        A large call is on its way before the next one is asked for, so that PostgreSQL works while
        calls are still being made. What making them raises is raised after those that were sent.

        The first error stops the rest; it is raised as `Again`, `Poison`, `LinkLost`, or
        `psycopg.Error` when it is none of these (a mistake of ours).
        """
        segment = self.send(calls)
        results = await self.receive(segment)
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                self._raise(result)
        if segment.problem is not None:
            raise segment.problem
        pairs = zip(results, segment.prepares, strict=True)
        return [result for result, prepared in pairs if prepared is None]

    def send(self, calls: Iterable[Call]) -> Segment:
        """Send calls whose results `receive` returns, after those of the segments before it.

        Raises `LinkLost`; what making the calls raises is the segment's `problem`.
        """
        try:
            return self._send(calls)
        except psycopg.OperationalError as error:
            self.close()
            raise LinkLost(str(error)) from error
        except BaseException:
            self.close()
            raise
        finally:
            # Sending reads what has come when it cannot go on: who waits for the socket to be
            # readable would wait for what is here already.
            if self._waiting is not None:
                _wake(self._waiting)

    def hurry(self) -> None:
        """Put what was queued so far on its way; for calls that are still being made."""
        self._pg.flush()

    async def receive(self, segment: Segment) -> list[pq.abc.PGresult]:
        """Return the results of the oldest segment on its way; the last may be an error."""
        try:
            async with asyncio.timeout(self._patience_s):
                results = await self._receive()
        except TimeoutError as error:
            self.close()
            raise LinkLost(f"no answer for {self._patience_s} s") from error
        except psycopg.OperationalError as error:
            self.close()
            raise LinkLost(str(error)) from error
        except BaseException:  # Cancelled midway: what the server did is unknown.
            self.close()
            raise
        if any(result.status == pq.ExecStatus.FATAL_ERROR for result in results):
            self._forget_unprepared(segment.prepares, results)
        return results

    @property
    def alive(self) -> bool:
        """Tell whether the session can be used further."""
        return bool(self._pg.status == pq.ConnStatus.OK)

    def close(self) -> None:
        """End the session at once; what it had open is rolled back by the server."""
        self._pg.finish()

    def _note(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        # Names of severities are translated; this field is not.
        if diagnostic.severity_nonlocalized == "WARNING":
            self.warned = True

    def _send(self, calls: Iterable[Call]) -> Segment:
        """Queue everything."""
        sent: list[Statement | None] = []
        problem: Exception | None = None
        pg, names = self._pg, self._names
        try:
            for call in calls:
                name = names.get(call.statement)
                if name is None:
                    self._names_made += 1
                    name = names[call.statement] = b"s%d" % self._names_made
                    pg.send_prepare(name, call.statement.sql, call.statement.oids)
                    sent.append(call.statement)
                pg.send_query_prepared(name, call.parameters, [1] * len(call.parameters), 1)
                sent.append(None)
                if sum(map(len, filter(None, call.parameters))) > _LARGE:
                    pg.flush()
        except psycopg.Error:
            raise
        except Exception as error:
            problem = error
        pg.pipeline_sync()
        return Segment(sent, problem)

    def _forget_unprepared(
        self, sent: Sequence[Statement | None], results: Sequence[pq.abc.PGresult]
    ) -> None:
        for statement, result in zip(sent, results, strict=False):
            if statement is not None and result.status != pq.ExecStatus.COMMAND_OK:
                del self._names[statement]

    async def _receive(self) -> list[pq.abc.PGresult]:
        pg = self._pg
        results: list[pq.abc.PGresult] = []
        while pg.flush():
            await self._ready(write=True)
            pg.consume_input()
        empty = False
        while True:
            while pg.is_busy():
                await self._ready(write=bool(pg.flush()))
                pg.consume_input()
            result = pg.get_result()
            if result is None:
                if empty:
                    raise LinkLost("the server closed the connection")
                empty = True
                continue
            empty = False
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return results
            results.append(result)
            if result.status == pq.ExecStatus.FATAL_ERROR and pg.status != pq.ConnStatus.OK:
                return results

    async def _ready(self, *, write: bool) -> None:
        loop = asyncio.get_running_loop()
        ready = self._waiting = loop.create_future()
        socket = self._pg.socket
        loop.add_reader(socket, _wake, ready)
        if write:
            loop.add_writer(socket, _wake, ready)
        try:
            await ready
        finally:
            self._waiting = None
            loop.remove_reader(socket)
            if write:
                loop.remove_writer(socket)

    def _raise(self, result: pq.abc.PGresult) -> None:
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"08000").decode()
        message = result.get_error_message()
        if state in _RETRY and self._pg.status == pq.ConnStatus.OK:
            raise Again(message)
        if state[:2] in _LOST or self._pg.status != pq.ConnStatus.OK:
            self.close()
            raise LinkLost(message)
        if state[:2] in _POISON:
            raise Poison(message)
        self.close()
        if state[:2] in _SHORT:
            raise Short(message)
        raise psycopg.errors.lookup(state)(message)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _refuse_unsafe(connection: psycopg.AsyncConnection[psycopg.rows.TupleRow]) -> str:
    """Return when the server was started, to the microsecond."""
    cursor = await connection.execute(
        "SELECT current_setting('fsync'), current_setting('synchronous_commit'),"
        " pg_is_in_recovery(), pg_postmaster_start_time()::text"
    )
    row = await cursor.fetchone()
    assert row is not None
    fsync, synchronous_commit, is_replica, server = row
    if fsync == "off" or synchronous_commit == "off":
        raise UnsafeServer(
            f"fsync is {fsync} and synchronous_commit is {synchronous_commit}: an acknowledged"
            " payment could be lost. Turn both on."
        )
    if is_replica:
        raise UnsafeServer("This server is a replica. Connect the writer to the primary.")
    return str(server)
