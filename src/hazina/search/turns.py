"""How many searches go on at once, and how many wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hazina.db.unit import Overloaded

WAITING_MAX = 32
_WAIT_SECONDS_MAX = 1.0


@dataclass(frozen=True, slots=True)
class TurnsState:
    """What health shows of searches."""

    under_way: int
    under_way_max: int
    waiting: int
    waiting_max: int

    @property
    def saturated(self) -> bool:
        """Whether the next search would be refused."""
        return self.waiting >= self.waiting_max


class Turns:
    """Lets so many go on at once as there are connections for them; a few wait, and not long.

    They wait here and not for a connection: a read that waits long looks like a PostgreSQL that
    does not answer, and would shut the gate for everybody.
    """

    def __init__(
        self,
        at_once_max: int,
        *,
        waiting_max: int = WAITING_MAX,
        wait_seconds_max: float = _WAIT_SECONDS_MAX,
    ) -> None:
        assert at_once_max > 0
        self._at_once_max = at_once_max
        self._waiting_max = waiting_max
        self._wait_seconds_max = wait_seconds_max
        self._turn = asyncio.Semaphore(at_once_max)
        self._under_way = 0
        self._waiting = 0

    def state(self) -> TurnsState:
        """Return what health shows."""
        return TurnsState(self._under_way, self._at_once_max, self._waiting, self._waiting_max)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Go on when it is our turn. Raises `Overloaded` if too many wait, or for too long."""
        await self._wait()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._turn.release()

    async def _wait(self) -> None:
        if not self._turn.locked():
            await self._turn.acquire()
            return
        if self._waiting >= self._waiting_max:
            raise Overloaded(f"{self._waiting} searches wait")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds_max):
                await self._turn.acquire()
        except TimeoutError:
            raise Overloaded("searches take too long") from None
        finally:
            self._waiting -= 1
