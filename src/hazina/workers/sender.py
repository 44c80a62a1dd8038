"""Posting a webhook: one HTTP request, no redirects, and only to addresses that are allowed."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from hazina.clock import Clock, unix
from hazina.webhooks.deliveries import Due
from hazina.webhooks.delivery import Attempt, retry_after_ms
from hazina.webhooks.endpoint import address_allowed
from hazina.webhooks.signature import HEADER, header

_ANSWER_BYTES_MAX = 65_536


class _CheckedResolver(AbstractResolver):
    """Resolves once per connection and lets through only allowed addresses.

    The connection is made to the very address that was judged, so a name that changes between two
    look-ups gains nothing (WH-8).
    """

    def __init__(self, *, livemode: bool) -> None:
        self._inner = ThreadedResolver()
        self._livemode = livemode

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [each for each in found if address_allowed(each["host"], livemode=self._livemode)]
        if not allowed:
            raise OSError(f"{host} has no address that webhooks may go to")
        return allowed

    async def close(self) -> None:
        await self._inner.close()


class WebhookSender:
    """Posts webhooks for both modes; live mode never reaches private addresses."""

    def __init__(self, clock: Clock, *, timeout_ms: int, connections_max: int) -> None:
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout_ms / 1000)
        self._connections_max = connections_max
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def send(self, due: Due, *, livemode: bool) -> Attempt:
        """Post the event's stored bytes, signed now, and say what came of it. Never raises."""
        headers = {
            HEADER: header([due.secret], unix(self._clock.now()), due.body),
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Hazina/1.0 (webhooks)",
        }
        try:
            async with self._session(livemode).post(
                due.url, data=due.body, headers=headers, allow_redirects=False
            ) as reply:
                # Read a little, so that the connection can be used again; the content is not ours.
                await reply.content.read(_ANSWER_BYTES_MAX)
                pause = retry_after_ms(reply.headers.get("Retry-After"))
                return Attempt(reply.status, retry_after_ms=pause)
        except TimeoutError:
            return Attempt(None, "timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Attempt(None, type(error).__name__)

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        # aiohttp closes its transports in the loop's next turn.
        await asyncio.sleep(0)

    def _session(self, livemode: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(livemode)
        if session is None:
            connector: Any = aiohttp.TCPConnector(
                limit=self._connections_max,
                resolver=_CheckedResolver(livemode=livemode),
                use_dns_cache=False,
            )
            session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
            self._sessions[livemode] = session
        return session
