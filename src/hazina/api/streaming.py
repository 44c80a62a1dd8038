"""Server-sent events: an answer that goes on until one side has had enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from hazina.api.reply import Header, Receive, Send
from hazina.api.version import API_VERSION
from hazina.refusals import Refusal
from hazina.values import value

CONTENT_TYPE = "text/event-stream"
_log = structlog.get_logger("hazina.api")

Recheck = Callable[[], Awaitable[object]]
"""Raises `Refusal` when the caller's key does not count any more."""


@value
class Streamed:
    """What a handler returns instead of a body: parts as they come, each possibly empty.

    The first part is made before the answer begins, so that a refusal is still an ordinary one.
    """

    parts: AsyncIterator[bytes]


class StreamReply:
    """Sends the parts until they end, the client hangs up or its key is revoked."""

    def __init__(self, streamed: Streamed, first: bytes, receive: Receive, check: Recheck) -> None:
        self._parts = streamed.parts
        self._first = first
        self._receive = receive
        self._check = check
        self.headers: list[Header] = []
        """Further headers of this answer."""

    @classmethod
    async def begin(cls, streamed: Streamed, receive: Receive, check: Recheck) -> StreamReply:
        """Make the first part. Raises what the handler refuses."""
        return cls(streamed, await anext(streamed.parts), receive, check)

    async def send(self, send: Send, request_id: str, _: str | None) -> None:
        """Send everything that comes. Ends without an error: the client resumes elsewhere."""
        headers = [
            (b"content-type", CONTENT_TYPE.encode()),
            (b"stripe-version", API_VERSION.encode()),
            (b"cache-control", b"no-cache, no-store"),
            (b"x-accel-buffering", b"no"),
            (b"request-id", request_id.encode()),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sending = asyncio.create_task(self._send_parts(send), name=f"stream {request_id}")
        hanging_up = asyncio.create_task(self._hung_up(), name=f"stream end {request_id}")
        try:
            await asyncio.wait((sending, hanging_up), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, hanging_up):
                task.cancel()
            ended = (await asyncio.gather(sending, hanging_up, return_exceptions=True))[0]
            await self._parts.aclose()  # type: ignore[attr-defined]
        if isinstance(ended, Exception) and not isinstance(ended, Refusal):
            _log.error("stream_failed", request_id=request_id, exc_info=ended)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_parts(self, send: Send) -> None:
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        async for part in self._parts:
            if part:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await self._check()

    async def _hung_up(self) -> None:
        """Return when the client is gone: nothing else can come after its request."""
        await self._receive()
        await self._receive()
