"""An event loop on which time passes some times faster: what waits for hours waits for minutes."""

from __future__ import annotations

import asyncio
import selectors

SPEED = 6
"""So many seconds of a plan pass in one."""


class _Hasty(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / SPEED if timeout else timeout)


class HastyLoop(asyncio.SelectorEventLoop):
    """Waits a sixth of what it is asked for; sockets and processes are as fast as they are."""

    def __init__(self) -> None:
        super().__init__(_Hasty())

    def time(self) -> float:
        return super().time() * SPEED
