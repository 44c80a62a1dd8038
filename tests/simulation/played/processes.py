"""Our processes: an API and a worker for each place, forked from one that has all in memory."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import structlog
import uvicorn
import uvloop

from hazina.api.app import create_app
from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.workers.worker import Worker

_FORK = multiprocessing.get_context("fork")
_OF_THE_MOMENT = ("Overloaded", "Refusal", "LinkLost", "Unreachable", "OperationalError",
                  "AdminShutdown")  # fmt: skip
"""What trouble of the database and of its connections looks like in the logs."""


class Places:
    """Starts and kills places; each is one API process and one worker process.

    All API processes take requests from one socket, so that clients reach whichever is alive. What
    forks them does nothing else: it has no connection of which a child could hold on to a copy.
    """

    def __init__(self, settings: Settings, listening: socket.socket, folder: Path) -> None:
        self.alive: set[int] = set()
        self._errors = folder / "errors.log"
        self._orders, theirs = _FORK.Pipe()
        self._nursery = _FORK.Process(
            target=_nursery, args=(self._orders, theirs, settings, listening, self._errors)
        )
        self._nursery.start()
        theirs.close()

    def start(self, place: int) -> None:
        """Start a place's processes; they take requests as soon as they can."""
        self._order("start", place)
        self.alive.add(place)

    def kill(self, place: int) -> None:
        """End a place's processes with SIGKILL."""
        self._order("kill", place)
        self.alive.discard(place)

    def close(self) -> None:
        """End everything."""
        self._orders.close()
        self._nursery.join(20)

    def errors(self) -> str:
        """Return what the processes logged as an error and trouble does not explain."""
        return self._errors.read_text() if self._errors.exists() else ""

    def _order(self, what: str, place: int) -> None:
        self._orders.send((what, place))
        self._orders.recv()


def _nursery(
    mine: Connection, orders: Connection, settings: Settings, listening: socket.socket, errors: Path
) -> None:
    mine.close()
    children: dict[int, list[int]] = {}
    while True:
        try:
            what, place = orders.recv()
        except EOFError:
            break
        if what == "start":
            children[place] = [
                _forked(orders, lambda: _api(settings, listening), errors),
                _forked(orders, lambda: _work(settings), errors),
            ]
        else:
            _end(children.pop(place))
        orders.send(None)
    for pids in children.values():
        _end(pids)


def _end(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)


def _forked(orders: Connection, main: Callable[[], object], errors: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    orders.close()
    _write_errors(errors)
    try:
        main()
    finally:
        os._exit(1)


def _write_errors(path: Path) -> None:
    def kept(_: object, level: str, event: structlog.typing.EventDict) -> str:
        said = repr(event)
        known = any(name in said for name in _OF_THE_MOMENT)
        if level in ("error", "critical") and not known:
            with path.open("a") as log:
                log.write(f"{said}\n")
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.processors.ExceptionRenderer(repr), kept],
        cache_logger_on_first_use=False,
    )


def _api(settings: Settings, listening: socket.socket) -> None:
    async def main() -> None:
        core = await open_core(settings)

        async def opened() -> Core:
            return core

        config = uvicorn.Config(
            create_app(opened), http="httptools", ws="none", lifespan="on", access_log=False,
            log_level="critical", server_header=False, log_config=None,
        )  # fmt: skip
        await uvicorn.Server(config).serve(sockets=[listening])

    uvloop.run(main())


def _work(settings: Settings) -> None:
    async def main() -> None:
        worker = Worker(await open_core(settings))
        worker.start()
        await asyncio.Event().wait()

    uvloop.run(main())
