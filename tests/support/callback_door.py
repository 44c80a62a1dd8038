"""A door for a provider's callbacks into a core that has no API before it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hazina.bootstrap.app import Core

PATH = "/callbacks/sandbox"
_TAKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_REFUSED = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@asynccontextmanager
async def callback_door(
    core: Core, port: int, wanted: Callable[[str], bool] = lambda reference: True
) -> AsyncIterator[None]:
    """Hand callbacks about wanted references to the core; others must come again later."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (h.partition(": ") for h in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        taken = wanted(json.loads(body)["reference"])
        taken = taken and await core.callbacks.receive("sandbox", headers, body)
        writer.write(_TAKEN if taken else _REFUSED)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        yield
