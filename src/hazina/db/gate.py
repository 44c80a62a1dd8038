"""What keeps reads from waiting, one after another, for a PostgreSQL that does not answer."""

from __future__ import annotations

import asyncio
from types import TracebackType

import psycopg

from hazina.clock import Clock
from hazina.db.link import Again, LinkLost
from hazina.db.unit import Unreachable

_PROBE_EVERY_MS = 250
_PROBE_SECONDS_MAX = 2.0
_NO_ANSWER = (TimeoutError, LinkLost, Again, psycopg.OperationalError)


class Gate:
    """Shuts when a read found nobody, and then lets one through now and then to look again."""

    def __init__(self, clock: Clock, patience_ms: int | None) -> None:
        self._clock = clock
        self._patience_s = None if patience_ms is None else patience_ms / 1000
        self._probe_at_ms = 0
        self._probing = False
        self.open = True

    def passing(self) -> _Passing:
        """Read within this. Raises `Unreachable` at once while nobody answers."""
        if self.open:
            return _Passing(self, self._patience_s)
        if self._probing or self._clock.monotonic_ms() < self._probe_at_ms:
            raise Unreachable("PostgreSQL does not answer")
        self._probing = True
        patience_s = self._patience_s
        return _Passing(self, None if patience_s is None else min(patience_s, _PROBE_SECONDS_MAX))

    def left(self, error: BaseException | None) -> None:
        """Take note of how a read ended. Raises `Unreachable` where nobody answered it."""
        self._probing = False
        if isinstance(error, _NO_ANSWER) and not isinstance(error, psycopg.errors.QueryCanceled):
            self.open = False
            self._probe_at_ms = self._clock.monotonic_ms() + _PROBE_EVERY_MS
            raise Unreachable(f"PostgreSQL does not answer: {error}") from error
        if error is None:
            self.open = True


class _Passing:
    """One read on its way through, with its patience."""

    __slots__ = ("_gate", "_timeout")

    def __init__(self, gate: Gate, patience_s: float | None) -> None:
        self._gate = gate
        self._timeout = asyncio.timeout(patience_s)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            error = late
        self._gate.left(error)
