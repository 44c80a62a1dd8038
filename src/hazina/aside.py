"""What could not be done, left alone for a while so that it does not stand in front of the rest."""

from __future__ import annotations

from collections.abc import Iterable

from hazina.clock import Clock


class Aside:
    """Names of work that is due and was tried in vain: a look for due work leaves them out.

    A look takes the oldest first and only so many. Without this, as many hopeless ones as one look
    takes would keep everything behind them waiting for good. Forgotten with the process.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_ms: dict[str, int] = {}

    def put(self, names: Iterable[str], pause_ms: int) -> None:
        """Leave these alone until the pause is over."""
        until_ms = self._clock.monotonic_ms() + pause_ms
        self._until_ms.update(dict.fromkeys(names, until_ms))

    def names(self) -> list[str]:
        """Return what is still to be left alone."""
        now_ms = self._clock.monotonic_ms()
        self._until_ms = {name: until for name, until in self._until_ms.items() if until > now_ms}
        return list(self._until_ms)
