"""Posting a webhook: signing it now, sending it through the gate, and judging the answer."""

from __future__ import annotations

import ssl
from typing import Protocol

import structlog

from hazina.clock import Clock, unix
from hazina.egress.addresses import AddressPolicy
from hazina.egress.gate import Gate, Resolver
from hazina.webhooks.answer import kept
from hazina.webhooks.deliveries import Due
from hazina.webhooks.delivery import UNSENDABLE, Attempt, retry_after_ms
from hazina.webhooks.signature import headers
from hazina.workers.posting import NoAnswer, Poster, PostLimits
from hazina.workers.resolving import SystemResolver

_log = structlog.get_logger(__name__)

_PLAIN = [
    ("Content-Type", "application/json; charset=utf-8"),
    ("User-Agent", "Hazina/1.0 (webhooks)"),
    ("Accept", "*/*"),
]


class Sender(Protocol):
    """What the delivery step wants of whoever sends."""

    timeout_ms: int

    async def send(self, due: Due) -> Attempt:
        """Send one delivery and say what came of it."""


class WebhookSender:
    """Posts webhooks to addresses that the policy permits, and to no other."""

    def __init__(
        self,
        clock: Clock,
        policy: AddressPolicy,
        limits: PostLimits,
        *,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self.timeout_ms = limits.timeout_ms
        self._own: SystemResolver | None = None
        if resolver is None:
            resolver = self._own = SystemResolver()
        self._poster = Poster(Gate(policy, resolver), limits, tls)

    async def send(self, due: Due) -> Attempt:
        """Post the event's stored bytes, signed now, and say what came of it."""
        now = self._clock.now()
        try:
            signed = headers(due.secrets, due.event_id, unix(now), due.body)
            reply = await self._poster.post(due.url, _PLAIN + signed, due.body)
        except NoAnswer as none:
            return Attempt(None, none.problem)
        except Exception as error:
            # A row that nobody can sign or send must not come back for ever, nor stop its lane.
            _log.error("webhook_unsendable", event_id=due.event_id, error=type(error).__name__)
            return Attempt(None, UNSENDABLE)
        return Attempt(
            reply.status,
            retry_after_ms=retry_after_ms(reply.retry_after, now),
            answer=kept(reply.body) if reply.body else None,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._poster.close()
        if self._own is not None:
            self._own.close()
