"""A TCP proxy that breaks what it carries: between the core and PostgreSQL, or a provider.

It runs in a thread of its own, so that it goes on while a test or a core blocks.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

_CHUNK = 65_536


class Fault(StrEnum):
    """What the proxy does to connections, those that are open and those that come."""

    NONE = "none"
    LATENCY = "latency"
    """Each piece is carried late."""
    HALF_OPEN = "half_open"
    """What is sent goes through, and what is answered never comes: the connection looks alive."""
    RESET = "reset"
    """Open connections are reset at the next byte, and new ones as soon as they are made."""
    TRUNCATE = "truncate"
    """Of each answer only the first bytes come, and then the end."""
    BLACKHOLE = "blackhole"
    """Connections are taken, and nothing is carried in either direction."""
    REFUSE = "refuse"
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where connections go: a port of the loopback address, or a socket in the file system."""

    port: int = 0
    path: str = ""

    @staticmethod
    def of_database(url: str) -> Target:
        """Return the socket that a test database's URL names."""
        folder = parse_qs(urlsplit(url).query)["host"][0]
        return Target(path=f"{folder}/.s.PGSQL.5432")

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.path:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection("127.0.0.1", self.port)


class TcpProxy:
    """Listens on a free port and carries everything to the target until told otherwise."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._fault = Fault.NONE
        self._latency_s = 0.0
        self._bytes_max = 0
        self.port = 0
        self.accepted = 0
        """Connections that were made so far."""

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def database_url(self, url: str) -> str:
        """Return a test database's URL as it is reached through the proxy."""
        parts = urlsplit(url)
        return f"postgresql://{parts.username}@127.0.0.1:{self.port}{parts.path}"

    @property
    def url(self) -> str:
        """Return the address of a provider behind the proxy."""
        return f"http://127.0.0.1:{self.port}"

    def set(self, fault: Fault, *, latency_ms: int = 0, bytes_max: int = 0) -> None:
        """Break connections like this from now on; `Fault.NONE` heals what can be healed."""
        self._call(self._change(fault, latency_ms, bytes_max))

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _change(self, fault: Fault, latency_ms: int, bytes_max: int) -> None:
        before, self._fault = self._fault, fault
        self._latency_s, self._bytes_max = latency_ms / 1000, bytes_max
        if fault is Fault.REFUSE:
            await self._close_server()
        elif before is Fault.REFUSE:
            await self._listen()
        if fault in (Fault.RESET, Fault.REFUSE) or before in (Fault.HALF_OPEN, Fault.BLACKHOLE):
            # What stopped in the middle of a message cannot go on: its bytes were lost.
            self._reset_all()

    def _reset_all(self) -> None:
        for writer in self._writers:
            _reset(writer)
        self._writers.clear()

    async def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _end(self) -> None:
        await self._close_server()
        self._reset_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._fault is Fault.RESET:
            _reset(writer)
            return
        self._writers.add(writer)
        try:
            there, back = await self._target.connect()
        except OSError:
            _reset(writer)
            self._writers.discard(writer)
            return
        self._writers.add(back)
        self._spawn(self._carry(reader, back, writer, self._forth))
        self._spawn(self._carry(there, writer, back, self._back))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
        other: asyncio.StreamWriter, spoil: Callable[[bytes], bytes | None],
    ) -> None:  # fmt: skip
        try:
            while data := await reader.read(_CHUNK):
                if self._fault is Fault.LATENCY:
                    await asyncio.sleep(self._latency_s)
                carried = spoil(data)
                if carried is None:
                    _reset(writer)
                    _reset(other)
                    return
                if not carried:
                    continue
                writer.write(carried)
                await writer.drain()
                if len(carried) < len(data):
                    return
        except OSError:
            pass
        finally:
            # Where nothing is carried, not even the end is; healing or the proxy's own end is.
            if self._fault not in (Fault.HALF_OPEN, Fault.BLACKHOLE):
                writer.close()
                self._writers.discard(writer)

    def _forth(self, data: bytes) -> bytes | None:
        if self._fault is Fault.RESET:
            return None
        return b"" if self._fault is Fault.BLACKHOLE else data

    def _back(self, data: bytes) -> bytes | None:
        match self._fault:
            case Fault.RESET:
                return None
            case Fault.BLACKHOLE | Fault.HALF_OPEN:
                return b""
            case Fault.TRUNCATE:
                return data[: self._bytes_max]
            case _:
                return data


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side's kernel reports a reset."""
    connection = writer.get_extra_info("socket")
    closing = writer.transport.is_closing()
    if connection is not None and connection.family == socket.AF_INET and not closing:
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
