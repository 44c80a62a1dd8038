"""HTTP on the provider's side: requests in, answers out, and answers spoilt on purpose.

A protocol of its own instead of a web server, because a simulator must be able to break an answer
anywhere and must be cheap beside what it measures.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import httptools

_REASONS = {200: "OK", 303: "See Other", 400: "Bad Request", 404: "Not Found", 409: "Conflict"}
_BODY_BYTES_MAX = 1_048_576
_JSON = "application/json"


class Exchange(asyncio.Protocol):
    """One connection and the request it carries now. Requests are answered one at a time."""

    def __init__(self, handle: Callable[[Exchange], None], open_connections: set[Exchange]) -> None:
        self._handle = handle
        self._open = open_connections
        self._transport: Any = None
        self._parser = httptools.HttpRequestParser(self)
        self._busy = False
        self.method = ""
        self.path = ""
        self.body = b""
        self.gone: asyncio.Event | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        if self.gone is not None:
            self.gone.set()

    def data_received(self, data: bytes) -> None:
        if self._busy:
            self.hang_up()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.hang_up()

    def on_message_begin(self) -> None:
        self.path = ""
        self.body = b""

    def on_url(self, url: bytes) -> None:
        self.path += url.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body
        if len(self.body) > _BODY_BYTES_MAX:
            self.hang_up()

    def on_message_complete(self) -> None:
        if self._transport.is_closing():
            return
        self._busy = True
        self.method = self._parser.get_method().decode()
        self._handle(self)

    def reply(
        self, status: int, body: bytes, content_type: str = _JSON, location: str | None = None
    ) -> None:
        """Answer, and keep the connection if the client wants it."""
        if self._transport.is_closing():
            return
        self._busy = False
        self._transport.write(_message(status, body, content_type, location))
        if not self._parser.should_keep_alive():
            self._transport.close()

    def truncate(self, status: int, body: bytes) -> None:
        """Announce the whole body, send half of it, and close."""
        self._transport.write(_message(status, body, _JSON, None)[: -(len(body) // 2 + 1)])
        self._transport.close()

    def reset_mid_body(self, status: int, body: bytes) -> None:
        """Send half of the body and let the client see a reset connection."""
        self._transport.write(_message(status, body, _JSON, None)[: -(len(body) // 2 + 1)])
        asyncio.get_running_loop().call_later(0.02, self.reset)

    def reset(self) -> None:
        """Drop the connection so that the client's kernel reports a reset."""
        connection = self._transport.get_extra_info("socket")
        if connection is not None and not self._transport.is_closing():
            # Lingering for zero seconds turns the close into a reset.
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()

    def hang_up(self) -> None:
        """Close without an answer."""
        self._transport.abort()

    async def silence(self, duration_ms: int) -> None:
        """Say nothing for that long or until the client has gone, then close."""
        self.gone = asyncio.Event()
        try:
            async with asyncio.timeout(duration_ms / 1000):
                await self.gone.wait()
        except TimeoutError:
            self.hang_up()


def _message(status: int, body: bytes, content_type: str, location: str | None) -> bytes:
    further = f"location: {location}\r\n" if location else ""
    head = (
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\ncontent-type: {content_type}\r\n"
        f"{further}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1", "replace") + body
