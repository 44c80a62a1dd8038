"""The long-running processes: the API with or without workers, and the workers alone."""

from __future__ import annotations

import asyncio
import gc
import signal

import uvicorn
import uvloop

from hazina.api.app import create_app
from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.workers.worker import Worker

_KEEP_ALIVE_SECONDS = 75
_DRAIN_SECONDS = 15


def run_api(port: int, *, with_workers: bool) -> None:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM, then finish what is under way."""
    uvloop.run(_api(port, with_workers=with_workers))


def run_worker() -> None:
    """Run the loops until SIGINT or SIGTERM, then finish what is under way."""
    uvloop.run(_worker())


async def _api(port: int, *, with_workers: bool) -> None:
    core = await open_core(Settings())
    worker = Worker(core) if with_workers else None

    async def opened() -> Core:
        return core

    server = uvicorn.Server(
        uvicorn.Config(
            create_app(opened),
            host="127.0.0.1",
            port=port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            server_header=False,
            backlog=2_048,
        )
    )
    if worker is not None:
        worker.start()
    # Everything loaded stays for good; walking over it in every collection would be wasted.
    gc.freeze()
    try:
        await server.serve()
    finally:
        if worker is not None:
            await worker.close()
        await core.close()


async def _worker() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    core = await open_core(Settings())
    worker = Worker(core)
    worker.start()
    try:
        await stop.wait()
    finally:
        await worker.close()
        await core.close()
