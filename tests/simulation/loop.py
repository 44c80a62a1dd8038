"""An event loop with virtual time, whose order of running what is ready comes from a seed."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

_T = TypeVar("_T")

START = datetime(2026, 2, 27, 23, 30, tzinfo=UTC)
"""When every simulation begins: some minutes before a day, and soon a month, comes to its end."""
TURNS_MAX = 3_000_000


class NeverQuiet(AssertionError):
    """Nothing can happen any more and somebody waits, or something happens without end."""


class Process:
    """What dies together: everything that runs in its context."""

    def __init__(self, name: str, skew_ms: int = 0) -> None:
        self.name = name
        self.skew_ms = skew_ms
        self.alive = True
        self.context = contextvars.copy_context()
        self.context.run(_OWNER.set, self)


_OWNER: contextvars.ContextVar[Process | None] = contextvars.ContextVar("_OWNER", default=None)


_AbstractLoop: Any = asyncio.AbstractEventLoop


class _Handle:
    """What is to be called: asyncio's own handle does more than anybody here asks of it."""

    __slots__ = ("args", "callback", "cancelled", "context")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...],
        context: contextvars.Context | None,
    ) -> None:  # fmt: skip
        self.callback = callback
        self.args = args
        self.context = contextvars.copy_context() if context is None else context
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualLoop(_AbstractLoop):  # type: ignore[misc]
    """Runs tasks without sockets, threads or waiting: time passes when nothing else is to be done.

    Of what is ready, one is chosen by chance each time, which no real loop does: so the orders
    appear that real machines only show now and then.
    """

    def __init__(self, chance: Random) -> None:
        self._random = chance.random
        self._seconds = 0.0
        self._ready: list[_Handle] = []
        self._timers: list[tuple[float, int, _Handle]] = []
        self._timer_count = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self.turns = 0
        self.failures: list[str] = []
        """What went wrong in callbacks and in tasks that nobody waits for."""

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        """Run until `main` has ended; then drop everything that is left."""
        asyncio.events._set_running_loop(self)
        try:
            task = self.create_task(main)
            self._run_until(task)
            result: _T = task.result()
            return result
        finally:
            self._drop()
            asyncio.events._set_running_loop(None)

    def _run_until(self, task: asyncio.Task[Any]) -> None:
        ready, random = self._ready, self._random
        while not task.done():
            if not ready:
                self._pass_time()
                continue
            self.turns += 1
            if self.turns > TURNS_MAX:
                raise NeverQuiet(f"no end after {TURNS_MAX} turns")
            place = int(random() * len(ready))
            handle = ready[place]
            ready[place] = ready[-1]
            ready.pop()
            if handle.cancelled:
                continue
            owner = handle.context.get(_OWNER)
            if owner is None or owner.alive:
                try:
                    handle.context.run(handle.callback, *handle.args)
                except Exception as error:
                    self.failures.append(f"{handle.callback}: {error!r}")

    def _pass_time(self) -> None:
        """Go to the next moment at which something is to happen."""
        timers = self._timers
        while timers and timers[0][2].cancelled:
            heapq.heappop(timers)
        if not timers:
            raise NeverQuiet("everybody waits for something that cannot come any more")
        self._seconds = max(self._seconds, timers[0][0])
        while timers and timers[0][0] <= self._seconds:
            self._ready.append(heapq.heappop(timers)[2])

    def leap(self, seconds: float) -> None:
        """Let time pass at once: what would have happened on the way happens now, once."""
        self._seconds += seconds

    def _drop(self) -> None:
        """Close what is left without letting it do anything: its process is gone."""
        for task in self._tasks:
            if task.done():
                if not task.cancelled():
                    task.exception()  # Asked for, so that nobody is told that it was not.
                continue
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            # It may want to wait while it tidies up; what dies does not tidy up.
            with suppress(RuntimeError):
                task.get_coro().close()
        self._ready.clear()
        self._timers.clear()

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._seconds

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: contextvars.Context | None = None
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> _Handle:
        handle = _Handle(callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Handle:  # fmt: skip
        return self.call_at(self._seconds + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Handle:  # fmt: skip
        handle = _Handle(callback, args, context)
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, handle))
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")


class VirtualClock:
    """The clock of one process: the loop's time, a bit ahead or behind on the wall."""

    def __init__(self, loop: VirtualLoop, skew_ms: int = 0) -> None:
        self._loop = loop
        self._start = START + timedelta(milliseconds=skew_ms)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time())

    def monotonic_ms(self) -> int:
        return int(self._loop.time() * 1000)

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000)
