"""HTTP between real processes: each request is carried singly, and some are lost on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.network import Weather
from tests.simulation.played.haste import SPEED

_TOO_LATE_SECONDS = 30 / SPEED + 1
"""On a machine that stands still a late message could come after the not-found window, which the
provider promises cannot happen: such a one is lost instead."""
_GARBLED = b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 24\r\n\r\n"
_GARBLED += b"<html>Bad gateway</html>"


@dataclass(frozen=True, slots=True)
class Message:
    """One request or answer: its first line, and all its bytes."""

    head: str
    raw: bytes
    body: bytes = b""

    @property
    def status(self) -> int:
        """An answer's status."""
        return int(self.head.split(" ")[1])


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """Return the next request or answer; None when the connection ends before it is whole."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = await reader.readexactly(length) if length else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Message(head.split(b"\r\n", 1)[0].decode(), head + body, body)


async def exchange(port: int, request: bytes) -> Message | None:
    """Send a request over a connection of its own; None when no whole answer comes."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return None
    try:
        writer.write(request)
        return await read_message(reader)
    finally:
        writer.transport.abort()


class Wire:
    """Listens on a port of its own and carries requests to another, as the weather is."""

    def __init__(self, weather: Weather, heard: Callable[[Message], None] | None = None) -> None:
        """`heard` is told of whatever may have arrived."""
        self.port = 0
        self.to_port = 0
        self.struck = 0
        """So many messages met a fate."""
        self._weather = weather
        self._heard = heard
        self._server: asyncio.Server | None = None
        self._late: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_message(reader)) is not None:
                carried = asyncio.ensure_future(self._carry(request))
                gone = asyncio.ensure_future(reader.read(1))
                await asyncio.wait((carried, gone), return_when=asyncio.FIRST_COMPLETED)
                gone.cancel()
                await asyncio.wait((gone,))
                if not carried.done():
                    carried.cancel()
                    return
                answer = carried.result()
                if answer is None:
                    return
                writer.write(answer)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.transport.abort()

    async def _carry(self, request: Message) -> bytes | None:
        """Return the answer's bytes, None for a connection that ends."""
        weather, fate = self._weather, self._weather.fate()
        if fate == "request_twice" and b"4xx@" in request.body:
            fate = ""  # A provider that says that it does nothing does not do it afterwards.
        self.struck += fate != ""
        if fate == "refused":
            return None
        if self._heard is not None:
            self._heard(request)
        if fate == "request_twice":
            late = asyncio.create_task(self._again(request))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
        if fate == "request_lost":
            await asyncio.Event().wait()
        # It goes on also when whoever sent it has gone.
        sent = asyncio.create_task(
            self._send(request, weather.late() if fate == "request_late" else weather.wait())
        )
        self._late.add(sent)
        sent.add_done_callback(self._late.discard)
        answer = await asyncio.shield(sent)
        match fate:
            case "answer_lost":
                await asyncio.Event().wait()
            case "answer_garbled":
                return _GARBLED
            case "answer_late":
                await asyncio.sleep(weather.late())
        return answer.raw if answer is not None else None

    async def _again(self, request: Message) -> None:
        await self._send(request, self._weather.late())

    async def _send(self, request: Message, wait: float) -> Message | None:
        began = time.monotonic()
        await asyncio.sleep(wait)
        if time.monotonic() - began > _TOO_LATE_SECONDS:
            return None
        return await exchange(self.to_port, request.raw)
