"""Callbacks that the provider sends: signed, and tried again with growing waits."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson

from hazina.clock import Clock, unix
from hazina.rails.transport import NeverSent, NoAnswer, Transport

_WAITS_MS = (200, 500, 1_000, 2_000, 5_000, 10_000, 30_000)
_TIMEOUT_MS = 5_000


class CallbackSender:
    """Posts callbacks to the one address that the client registered."""

    def __init__(self, transport: Transport, clock: Clock, url: str, secret: str) -> None:
        self._transport = transport
        self._clock = clock
        self._url = url
        self._secret = secret.encode()

    async def once(self, content: dict[str, Any]) -> bool:
        """Try one time; return whether it was taken (any 2xx)."""
        if not self._url:
            return True
        body = orjson.dumps(content)
        at = unix(self._clock.now())
        digest = hmac.new(self._secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "sandbox-signature": f"t={at},v1={digest}"}
        try:
            reply = await self._transport.request("POST", self._url, headers, body, _TIMEOUT_MS)
        except (NeverSent, NoAnswer):
            return False
        return 200 <= reply.status < 300

    async def again(self, content: dict[str, Any]) -> None:
        """Keep trying for about a minute."""
        for wait_ms in _WAITS_MS:
            await self._clock.sleep_ms(wait_ms)
            if await self.once(content):
                return

    async def send(self, content: dict[str, Any]) -> None:
        """Deliver, trying again for about a minute."""
        if not await self.once(content):
            await self.again(content)
