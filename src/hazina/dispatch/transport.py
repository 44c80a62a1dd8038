"""The HTTP client behind connectors: one request, one whole reply, or an honest exception."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httptools

from hazina.rails.transport import NeverSent, NoAnswer, Reply

REPLY_BYTES_MAX = 4_194_304
IDLE_SECONDS_MAX = 4.0
"""Shorter than the shortest keep-alive in common use (5 s): connections are rarely stale."""

_Origin = tuple[bool, str, int]


@lru_cache(maxsize=4_096)
def _parsed(url: str) -> tuple[_Origin, str, str]:
    """Return the origin, the host header and the path with its query."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NeverSent("not an http address")
    secure = parts.scheme == "https"
    path = parts.path or "/"
    if parts.query:
        path = f"{path}?{parts.query}"
    origin = (secure, parts.hostname, parts.port or (443 if secure else 80))
    return origin, parts.netloc.rpartition("@")[2], path


class _Connection(asyncio.Protocol):
    """One connection that carries one request at a time."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._waiting: asyncio.Future[Reply] | None = None
        self._parser: Any = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._framed = False
        self.usable = True
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._fail("connection lost before the whole reply had come")

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            # Nobody asked: what speaks out of turn cannot be trusted with the next request.
            self.abort("bytes without a request")
            return
        self._size += len(data)
        if self._size > REPLY_BYTES_MAX:
            self.abort("reply too large")
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort("reply is not HTTP")

    def on_message_begin(self) -> None:
        self._headers = {}
        self._body = []
        self._framed = False

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        self._headers[key] = value.decode("latin-1")
        if key in ("content-length", "transfer-encoding"):
            self._framed = True

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._waiting is None:
            return
        if not self._framed and status not in (204, 304):
            # Its end would be the end of the connection, which a cut looks like too.
            self.abort("reply without a length")
            return
        self.usable = self.usable and self._parser.should_keep_alive()
        waiting, self._waiting = self._waiting, None
        if not waiting.done():
            waiting.set_result(Reply(status, self._headers, b"".join(self._body)))

    def alive(self) -> bool:
        """Return whether, as far as this side knows, a request can still be sent."""
        return self.usable and not self._transport.is_closing()

    def ask(self, message: bytes) -> asyncio.Future[Reply]:
        """Send one request; the reply or `NoAnswer` comes with the future."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._size = 0
        self._transport.write(message)
        return self._waiting

    def abort(self, reason: str) -> None:
        """Give the connection up and fail what waits on it."""
        self.usable = False
        self._fail(reason)
        self._transport.abort()

    def _fail(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(NoAnswer(reason))


class HttpTransport:
    """Keeps connections alive per origin; never repeats a request, never follows a redirect.

    A request on a kept connection that turns out dead is `NoAnswer`: its bytes may have been read.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._idle: dict[_Origin, list[_Connection]] = {}
        self._all: set[_Connection] = set()

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_ms: int
    ) -> Reply:
        """Return the whole reply. Raises `NeverSent` or `NoAnswer`; connecting is in the time."""
        origin, host, path = _parsed(url)
        message = _message(method, host, path, headers, body)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_ms / 1000
        connection = self._kept(origin, loop.time())
        if connection is None:
            connection = await self._connected(origin, deadline)
        answer = connection.ask(message)
        timer = loop.call_at(deadline, connection.abort, f"no reply within {timeout_ms} ms")
        try:
            reply = await answer
        except asyncio.CancelledError:
            connection.abort("cancelled")
            raise
        finally:
            timer.cancel()
            self._put_back(origin, connection, loop.time())
        return reply

    def _kept(self, origin: _Origin, now: float) -> _Connection | None:
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            fresh = now - connection.idle_since < IDLE_SECONDS_MAX
            if fresh and connection.alive():
                return connection
            connection.abort("idle for too long")
            self._all.discard(connection)
        return None

    async def _connected(self, origin: _Origin, deadline: float) -> _Connection:
        secure, host, port = origin
        if secure and self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            async with asyncio.timeout_at(deadline):
                _, connection = await asyncio.get_running_loop().create_connection(
                    _Connection, host, port, ssl=self._tls if secure else None
                )
        except (OSError, TimeoutError, ssl.SSLError, UnicodeError) as failure:
            raise NeverSent(f"could not connect: {type(failure).__name__}") from failure
        self._all.add(connection)
        return connection

    def _put_back(self, origin: _Origin, connection: _Connection, now: float) -> None:
        if connection.usable:
            connection.idle_since = now
            self._idle.setdefault(origin, []).append(connection)
        else:
            connection.abort("not to be used again")
            self._all.discard(connection)

    async def close(self) -> None:
        """Let go of every connection; what waits on one gets `NoAnswer`."""
        for connection in self._all:
            connection.abort("transport closed")
        self._all.clear()
        self._idle.clear()


def _message(method: str, host: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{lines}content-length: {len(body)}\r\n\r\n"
    # Four line ends are ours and one is each header's; more means that a value brought one along.
    if head.count("\n") != 4 + len(headers) or " " in path or not head.isascii():
        raise NeverSent("a header or the path holds a character that HTTP forbids")
    return head.encode() + body
