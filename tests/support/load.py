"""Payments that go on while something is broken, and what their clients were told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hazina.bootstrap.app import Core
from hazina.clock import SystemClock
from hazina.db.unit import Overloaded
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from hazina.refusals import Code, Refusal

_CLOCK = SystemClock()
_PAUSE_MS = 20


@dataclass(slots=True)
class Load:
    """Clients that pay, one payment after another, each under a key of its own."""

    core: Core
    caller: Caller
    prefix: str = "key"
    acknowledged: dict[str, bytes] = field(default_factory=dict)
    """What was answered with success, by key."""
    shed_ms: list[int] = field(default_factory=list)
    """How long each client waited that was told to come again."""
    other: list[str] = field(default_factory=list)
    """What else clients were told: declines, and what they should never be told."""
    _count: int = 0
    _stopped: bool = False
    _clients: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, clients: int) -> None:
        """Let so many clients pay until they are stopped."""
        self._clients = [asyncio.create_task(self._client()) for _ in range(clients)]

    async def stop(self) -> None:
        """Let each client end its payment."""
        self._stopped = True
        await asyncio.gather(*self._clients)

    async def recovered(self, seconds: float = 30) -> float:
        """Wait until a payment succeeds again; return after how many seconds."""
        begun_ms, before = _CLOCK.monotonic_ms(), len(self.acknowledged)
        while len(self.acknowledged) <= before:
            waited = (_CLOCK.monotonic_ms() - begun_ms) / 1000
            assert waited < seconds, f"no payment for {waited} s: {self.other[-3:]}"
            await asyncio.sleep(0.02)
        return (_CLOCK.monotonic_ms() - begun_ms) / 1000

    async def _client(self) -> None:
        while not self._stopped:
            self._count += 1
            await self.pay(f"{self.prefix} {self._count}")
            await asyncio.sleep(_PAUSE_MS / 1000)

    async def pay(self, key: str) -> None:
        """Pay once, and keep what the client is told."""
        begun_ms = _CLOCK.monotonic_ms()
        try:
            answer = await pay(self.core, self.caller, key)
        except Overloaded:
            self.shed_ms.append(_CLOCK.monotonic_ms() - begun_ms)
        except Refusal as refusal:
            if refusal.code is Code.OVERLOADED:
                self.shed_ms.append(_CLOCK.monotonic_ms() - begun_ms)
            else:
                self.other.append(refusal.code)
        else:
            if answer.code is None:
                self.acknowledged[key] = answer.body
            else:
                self.other.append(answer.code)

    async def check_acknowledged(self, core: Core) -> None:
        """Demand that what was acknowledged is still answered, byte for byte."""
        for key, body in self.acknowledged.items():
            again = await pay(core, self.caller, key)
            assert again.replayed, key
            assert again.body == body, key


async def pay(core: Core, caller: Caller, key: str) -> Answer:
    """Make and confirm one payment under a key."""
    request = IdempotencyRequest(caller.merchant.merchant_id, "create", key, b"d")
    params: dict[str, Any] = {
        "amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
        "metadata": {},
    }  # fmt: skip
    return await core.payments.create_intent(caller, params, request)
