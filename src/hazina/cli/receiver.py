"""A small receiver of webhooks: what a merchant's system would be, as short as it can be."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from hazina.clock import Clock, unix
from hazina.webhooks.signature import HEADER, verify


class Receiver:
    """Listens on a free loopback port and keeps the events whose signature is right."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._secret = ""
        self._runner: web.AppRunner | None = None
        self.events: dict[str, dict[str, Any]] = {}
        self.refused = 0

    async def open(self) -> str:
        """Start listening and return the base URL."""
        app = web.Application()
        app.router.add_post("/webhooks", self._take)
        app.router.add_get("/return", self._welcome_back)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}"

    def expect(self, secret: str) -> None:
        """Verify with this secret from now on."""
        self._secret = secret

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        signature = request.headers.get(HEADER, "")
        if not verify(signature, self._secret, body, unix(self._clock.now())):
            self.refused += 1
            return web.Response(status=400, text="wrong signature")
        event = json.loads(body)
        self.events[event["id"]] = event
        return web.Response(text="ok")

    async def _welcome_back(self, _: web.Request) -> web.Response:
        return web.Response(text="Back at the shop.")
