"""Reading the stream of events over HTTP, and forwarding what comes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp

from hazina.cli.place import NotPossible
from hazina.clock import Clock, unix
from hazina.webhooks.signature import HEADER, header

_SILENCE_SECONDS_MAX = 45
_PAUSE_MS = 1_000
_FORWARD_SECONDS_MAX = 30
_LINE_BYTES_MAX = 16 * 1024 * 1024


class Forward:
    """Posts events to one URL, signed as webhooks are. Nothing is tried twice."""

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock

    async def post(self, session: aiohttp.ClientSession, body: bytes) -> str:
        """Post one event and return what came of it, in a word."""
        headers = {
            HEADER: header([self._secret], unix(self._clock.now()), body),
            "Content-Type": "application/json; charset=utf-8",
        }
        limit = aiohttp.ClientTimeout(total=_FORWARD_SECONDS_MAX)
        try:
            async with session.post(
                self._url, data=body, headers=headers, allow_redirects=False, timeout=limit
            ) as reply:
                return f"[{reply.status}]"
        except (aiohttp.ClientError, TimeoutError) as problem:
            return f"[{type(problem).__name__}]"

    @property
    def url(self) -> str:
        """Where to."""
        return self._url


class Tail:
    """Prints events, and resumes behind the last one when the connection was lost."""

    def __init__(
        self, url: str, key: str, clock: Clock, types: Sequence[str], *, as_json: bool,
        forward: Forward | None,
    ) -> None:  # fmt: skip
        self._url = f"{url.rstrip('/')}/v1/events/stream"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._clock = clock
        self._types = types
        self._as_json = as_json
        self._forward = forward
        self._last: str | None = None

    async def run(self, after: str | None, follow: bool) -> None:
        """Follow until interrupted, or until the end. Raises `NotPossible` for a refusal."""
        self._last = after
        timeout = aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_SECONDS_MAX)
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=_LINE_BYTES_MAX) as session:
            while True:
                try:
                    async for event_id, body in self._events(session, follow):
                        await self._show(session, body)
                        self._last = event_id
                except (aiohttp.ClientError, TimeoutError) as problem:
                    print(f"connection lost ({type(problem).__name__}); again in a second")
                else:
                    if not follow:
                        return
                await self._clock.sleep_ms(_PAUSE_MS)

    async def _events(
        self, session: aiohttp.ClientSession, follow: bool
    ) -> AsyncIterator[tuple[str, bytes]]:
        query = [("types[]", one) for one in self._types]
        query.append(("follow", "true" if follow else "false"))
        headers = dict(self._headers)
        if self._last is not None:
            headers["Last-Event-ID"] = self._last
        async with session.get(self._url, params=query, headers=headers) as answer:
            if answer.status != 200:
                await _demand_better(answer)
            event_id = ""
            async for line in answer.content:
                name, _, content = line.rstrip(b"\n").partition(b": ")
                if name == b"id":
                    event_id = content.decode()
                elif name == b"data":
                    yield event_id, content
                elif not name and event_id:
                    # The end of a message; one without an event says how far it was looked.
                    self._last = event_id

    async def _show(self, session: aiohttp.ClientSession, body: bytes) -> None:
        try:
            line = _line(body)
        except (ValueError, KeyError, TypeError, OverflowError) as problem:
            # It is shown that there was something, and those behind it are not held up.
            print(f"an event that cannot be read ({type(problem).__name__})", flush=True)
            return
        print(body.decode() if self._as_json else line, flush=True)
        if self._forward is not None:
            word = await self._forward.post(session, body)
            print(f"  {word} POST {self._forward.url} {line.rpartition('  ')[2]}", flush=True)


def _line(body: bytes) -> str:
    event: dict[str, Any] = json.loads(body.decode())
    moment = datetime.fromtimestamp(event["created"], UTC).isoformat(sep=" ")[:19]
    return f"{moment}  {event['type']}  {event['id']}"


async def _demand_better(answer: aiohttp.ClientResponse) -> None:
    """Raise `NotPossible` for a refusal that will stay one; others are tried again."""
    if answer.status >= 500 or answer.status == 429:
        answer.raise_for_status()
    try:
        message = (await answer.json())["error"]["message"]
    except (ValueError, KeyError, aiohttp.ClientError):
        message = f"it answers {answer.status}"
    raise NotPossible(f"the API refuses: {message}")
