"""Connections of a load generator: keep-alive sockets, each with one request under way."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol


class Run(Protocol):
    """What the connections ask, and who counts their answers."""

    def over(self) -> bool:
        """Say whether no further request is to be sent."""

    def message(self, number: int) -> bytes:
        """Return the next request of the connection with this number."""

    def answered(self, answer: bytes, since: float) -> None:
        """Count an answer, whole, to what was sent at `since` of `perf_counter`."""


async def play(run: Run, port: int, count: int) -> None:
    """Keep `count` connections to a port of 127.0.0.1 busy until the run is over."""
    loop = asyncio.get_running_loop()
    ended = [loop.create_future() for _ in range(count)]
    for number, done in enumerate(ended):
        await loop.create_connection(
            lambda number=number, done=done: _Connection(run, number, done), "127.0.0.1", port
        )
    await asyncio.gather(*ended)


class _Connection(asyncio.Protocol):
    """One connection; the answer starts the next request."""

    def __init__(self, run: Run, number: int, ended: asyncio.Future[None]) -> None:
        self._run = run
        self._number = number
        self._ended = ended
        self._received = b""
        self._wanted = 0
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received = data if not self._received else self._received + data
        if not self._wanted:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._received[:end].lower()
            start = head.index(b"content-length:") + 15
            self._wanted = end + 4 + int(head[start:].split(b"\r\n", 1)[0])
        if len(self._received) >= self._wanted:
            self._run.answered(self._received, self._since)
            self._received, self._wanted = b"", 0
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _next(self) -> None:
        if self._run.over():
            self._transport.close()
            return
        message = self._run.message(self._number)
        self._since = time.perf_counter()
        self._transport.write(message)
