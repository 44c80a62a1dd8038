"""The long-running processes: the API with or without workers, and the workers alone."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Sequence
from types import FrameType

import structlog
import uvicorn
import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError
from starlette.types import Message, Receive, Scope, Send

from hazina.api.app import create_app
from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.logs import configure_logs
from hazina.bootstrap.settings import Settings, UnsafeSettings
from hazina.checkout_page.site import checkout_site
from hazina.cli.place import NotPossible
from hazina.db.link import LinkLost, UnsafeServer
from hazina.workers.health import Health
from hazina.workers.settings import chosen
from hazina.workers.worker import Worker

_log = structlog.get_logger("hazina.workers")
_KEEP_ALIVE_SECONDS = 75
_DRAIN_SECONDS = 15


def run_api(port: int, *, with_workers: bool) -> None:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM, then finish what is under way."""
    configure_logs()
    uvloop.run(_api(port, with_workers=with_workers))


def run_worker(only: Sequence[str], without: Sequence[str], health_port: int) -> None:
    """Run loops until SIGINT or SIGTERM, then finish what is under way."""
    configure_logs()
    uvloop.run(_worker(only, without, health_port))


async def _api(port: int, *, with_workers: bool) -> None:
    workers: list[Worker] = []
    core = await _opened(_settings_at(port))

    async def opened() -> Core:
        if with_workers:
            workers.append(_chosen_worker(core, (), ()))
            workers[0].start()
        # Everything loaded stays for good; walking over it in every collection would be wasted.
        gc.freeze()
        # A payment makes hundreds of short-lived objects and no cycles: collecting every 700 of
        # them, as is the default, costs a tenth of the CPU.
        gc.set_threshold(50_000, 20, 50)
        return core

    app = create_app(opened, {"c": checkout_site})

    async def drained(scope: Scope, receive: Receive, send: Send) -> None:
        """End the loops before the application closes the core that they work on."""

        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                for worker in workers:
                    await worker.close()
            return message

        await app(scope, received if scope["type"] == "lifespan" else receive, send)

    server = _Server(
        core.log_tail.let_go,
        uvicorn.Config(
            drained,
            host="127.0.0.1",
            port=port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            server_header=False,
            backlog=2_048,
        ),
    )
    await server.serve()
    if not server.started:
        raise NotPossible("the API could not start; what stands above says why.")


class _Server(uvicorn.Server):
    """A server whose open streams end first, so that it need not wait for them."""

    def __init__(self, let_go: Callable[[], None], config: uvicorn.Config) -> None:
        super().__init__(config)
        self._let_go = let_go

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._let_go()
        super().handle_exit(sig, frame)


def _settings_at(port: int) -> Settings:
    """Read the settings; where no public address is set, it is the one that we listen on."""
    settings = _settings()
    if "public_url" in settings.model_fields_set:
        return settings
    return Settings(public_url=f"http://127.0.0.1:{port}")


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            f"HAZINA_{str(one['loc'][0]).upper()}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise NotPossible(f"settings cannot be read. {'; '.join(wrong)}.") from None
    except SettingsError as error:
        raise NotPossible(f"settings cannot be read: {error}.") from None


async def _opened(settings: Settings) -> Core:
    """Open the core, before anybody is let in. Raises `NotPossible`, `SchemaError`."""
    try:
        return await open_core(settings)
    except (UnsafeSettings, UnsafeServer, LinkLost) as problem:
        raise NotPossible(str(problem)) from problem


async def _worker(only: Sequence[str], without: Sequence[str], health_port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    core = await _opened(_settings())
    try:
        worker = _chosen_worker(core, only, without)
        health = Health(worker)
        try:
            url = await health.open(health_port)
        except OSError as problem:
            raise NotPossible(f"port {health_port} of 127.0.0.1: {problem.strerror}.") from None
        _log.info("worker_started", health=f"{url}/health", loops=list(worker.reports()))
        worker.start()
        try:
            await stop.wait()
        finally:
            await worker.close()
            await health.close()
    finally:
        await core.close()


def _chosen_worker(core: Core, only: Sequence[str], without: Sequence[str]) -> Worker:
    try:
        settings = chosen(core.settings.worker)
    except ValueError as problem:
        raise NotPossible(f"HAZINA_WORKER: {problem}.") from None
    if settings.delivery_lease_ms <= core.settings.webhook_timeout_ms:
        raise NotPossible(
            "HAZINA_WORKER: delivery_lease_ms must exceed HAZINA_WEBHOOK_TIMEOUT_MS, or no webhook "
            "could be sent within its lease."
        )

    def wanted(name: str) -> bool:
        return (not only or name in only) and name not in without

    worker = Worker(core, settings, wants=wanted)
    known = Worker(core, settings).reports()
    if unknown := sorted({*only, *without} - known.keys()):
        raise NotPossible(f"no loop {', '.join(unknown)}; there are {', '.join(known)}.")
    return worker
