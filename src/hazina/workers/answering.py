"""One connection to a receiver of webhooks: what is read of an answer, and when it is enough."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httptools


@dataclass(frozen=True, slots=True)
class PostLimits:
    """How long a receiver may take and how much of its answer is read."""

    timeout_ms: int = 15_000
    connect_ms: int = 5_000
    answer_bytes: int = 65_536
    kept_bytes: int = 4_096
    body_wait_seconds: float = 1.0
    """Once the status is there, how long the rest is waited for."""
    idle_seconds: float = 4.0
    """Shorter than the shortest keep-alive in common use (5 s)."""
    age_seconds: float = 60.0
    """A connection is not kept for longer, so that a receiver that moves is found."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A receiver's answer: its status, when to try again, the first bytes of its body."""

    status: int
    retry_after: str | None
    body: bytes


class NoAnswer(Exception):
    """No status came; `problem` says why in a word."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Nothing(Exception):
    """The connection ended before a single byte of an answer."""


class Connection(asyncio.Protocol):
    """Carries one request at a time; gives up on an answer that has no end."""

    def __init__(self, limits: PostLimits, loop: asyncio.AbstractEventLoop) -> None:
        self._limits = limits
        self._loop = loop
        self._transport: Any = None
        self._waiting: asyncio.Future[Reply] | None = None
        self._parser: Any = None
        self._status = 0
        self._retry_after: str | None = None
        self._body = b""
        self._size = 0
        self._enough: asyncio.TimerHandle | None = None
        self._made = loop.time()
        self.usable = True
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._end(NoAnswer("connection_closed") if self._size else Nothing())

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            self.abort("unasked")  # What speaks out of turn is not trusted with the next request.
            return
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.usable = False
            self._end(NoAnswer("not_http"))
            return
        if self._size > self._limits.answer_bytes:
            self.usable = False
            self._end(NoAnswer("answer_too_large"))

    def on_message_begin(self) -> None:
        self._retry_after = None

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 11 and name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")[:100]

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self._status = status
            self._enough = self._loop.call_later(self._limits.body_wait_seconds, self._no_more)

    def on_body(self, body: bytes) -> None:
        if len(self._body) < self._limits.kept_bytes:
            self._body += body[: self._limits.kept_bytes - len(self._body)]

    def on_message_complete(self) -> None:
        if not self._status:
            return  # Only an interim answer, such as 100.
        self.usable = self.usable and self._parser.should_keep_alive()
        self._end(NoAnswer("connection_closed"))

    def fresh(self, now: float) -> bool:
        """Say whether a request can still be sent, as far as this side knows."""
        return (
            self.usable
            and not self._transport.is_closing()
            and now - self.idle_since < self._limits.idle_seconds
            and now - self._made < self._limits.age_seconds
        )

    def ask(self, message: bytes) -> asyncio.Future[Reply]:
        """Send a request. The future ends with a reply, `NoAnswer` or `Nothing`."""
        self._waiting = self._loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._status, self._body, self._size = 0, b"", 0
        self._transport.write(message)
        return self._waiting

    def give_up(self, problem: str) -> None:
        """End the connection; a status that has come is the answer all the same."""
        self.usable = False
        self._end(NoAnswer(problem))
        self._transport.abort()

    def abort(self, problem: str) -> None:
        """End the connection and fail what waits on it."""
        self.usable = False
        self._status = 0
        self._end(NoAnswer(problem))
        self._transport.abort()

    def _no_more(self) -> None:
        self.usable = False
        self._end(NoAnswer("timeout"))

    def _end(self, otherwise: Exception) -> None:
        """Answer with the status if there is one, or else with this."""
        if self._enough is not None:
            self._enough.cancel()
            self._enough = None
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.done():
            return
        if self._status:
            waiting.set_result(Reply(self._status, self._retry_after, self._body))
        else:
            waiting.set_exception(otherwise)
