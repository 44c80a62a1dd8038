"""The whole system on one machine: database, test provider, API with workers, started and ended."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

import aiohttp

from hazina.bootstrap.app import open_core
from hazina.bootstrap.settings import Settings
from hazina.cli.children import Child
from hazina.cli.place import (
    NotPossible,
    Secrets,
    SystemOptions,
    await_free,
    free_port,
    is_free,
    secrets_of,
    write_private,
)
from hazina.clock import Clock
from hazina.db import embedded
from hazina.db.migrate import migrate
from hazina.ids import Ids

_READY_WITHIN_MS = 60_000
_API_STOPS_WITHIN_SECONDS = 25
_PROVIDER_STOPS_WITHIN_SECONDS = 5
# A shop that is tried out on this machine, or beside it in a container, may hear of events.
_NEAR = "127.0.0.0/8,::1/128"
_QUICK = {"HAZINA_DEADLINE_MS": "2000", "HAZINA_CALL_TIMEOUT_MS": "1500"}


@dataclass(frozen=True, slots=True)
class Running:
    """Where a started system is reached."""

    url: str
    simulator_url: str
    database_url: str
    secrets: Secrets


class System:
    """Starts the parts in order and ends them in the opposite order, the database last."""

    def __init__(self, options: SystemOptions, clock: Clock, ids: Ids) -> None:
        self._options = options
        self._clock = clock
        self._ids = ids
        self._server: embedded.Server | None = None
        self._children: list[Child] = []

    async def start(self) -> Running:
        """Start everything and return once requests are taken. Raises `NotPossible`."""
        options = self._options
        (options.var / "demo.env").unlink(missing_ok=True)
        await await_free(options.port, self._clock)
        secrets = secrets_of(options.var, self._ids)
        database_url = self._database()
        migrate(database_url)
        simulator_port = options.port + 1 if is_free(options.port + 1) else free_port()
        simulator_url = f"http://127.0.0.1:{simulator_port}"
        running = Running(options.url, simulator_url, database_url, secrets)
        self._start_simulator(simulator_port, secrets)
        environment = self._environment(running)
        self._start_api(environment)
        await _ensure_merchant(running, environment)
        await self._await_ready()
        write_private(
            options.var / "demo.env",
            {
                "HAZINA_URL": running.url,
                "HAZINA_SECRET_KEY": secrets.secret_key,
                "HAZINA_PUBLISHABLE_KEY": secrets.publishable_key,
                "HAZINA_SIMULATOR_URL": running.simulator_url,
            },
        )
        return running

    def require_alive(self) -> None:
        """Raise `NotPossible` if a part has ended by itself."""
        for child in self._children:
            child.require_alive()

    def stop(self) -> None:
        """End the API first, so that what it has under way can finish, and the database last."""
        (self._options.var / "demo.env").unlink(missing_ok=True)
        for child in reversed(self._children):
            seconds = _API_STOPS_WITHIN_SECONDS
            child.stop(seconds if child.name == "api" else _PROVIDER_STOPS_WITHIN_SECONDS)
        self._children.clear()
        if self._server is not None:
            embedded.stop(self._server)
            self._server = None

    def _database(self) -> str:
        own = os.environ.get("HAZINA_DATABASE_URL")
        if own:
            return own
        self._server = embedded.ensure(self._options.var / "postgres")
        return self._server.url

    def _start_simulator(self, port: int, secrets: Secrets) -> None:
        options = self._options
        data = options.var / "sandbox"
        data.mkdir(parents=True, exist_ok=True)
        arguments = ["-m", "hazina.simulators.sandbox", "--port", str(port), "--data", str(data)]
        arguments += ["--callback-url", f"{options.url}/callbacks/sandbox"]
        arguments += ["--callback-secret", secrets.callback_secret]
        log = options.var / "log" / "sandbox.log"
        self._children.append(Child("sandbox", arguments, {}, log))

    def _start_api(self, environment: dict[str, str]) -> None:
        options = self._options
        arguments = ["-m", "hazina", "api", "--port", str(options.port), "--workers"]
        self._children.append(Child("api", arguments, environment, options.var / "log" / "api.log"))

    def _environment(self, running: Running) -> dict[str, str]:
        given = {
            "HAZINA_DATABASE_URL": running.database_url,
            "HAZINA_PEPPER": running.secrets.pepper,
            "HAZINA_CALLBACK_SECRET": running.secrets.callback_secret,
            "HAZINA_SIMULATOR_URL": running.simulator_url,
            "HAZINA_PUBLIC_URL": running.url,
        }
        name = "HAZINA_WEBHOOK_ALLOWED_NETWORKS"
        given[name] = os.environ.get(name, _NEAR)
        quick = _QUICK if self._options.quick else {}
        return {**{name: os.environ.get(name, value) for name, value in quick.items()}, **given}

    async def _await_ready(self) -> None:
        until_ms = self._clock.monotonic_ms() + _READY_WITHIN_MS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                self.require_alive()
                try:
                    async with session.get(f"{self._options.url}/health/ready") as reply:
                        if reply.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass  # Not listening yet; the time limit below ends the wait.
                if self._clock.monotonic_ms() > until_ms:
                    raise NotPossible(
                        f"the API was not ready within {_READY_WITHIN_MS // 1000} seconds; "
                        f"see {self._options.var / 'log' / 'api.log'}."
                    )
                await self._clock.sleep_ms(50)


async def _ensure_merchant(running: Running, environment: dict[str, str]) -> None:
    """Make the test merchant and its two keys; where they exist, nothing changes."""
    names = {name.removeprefix("HAZINA_").lower(): value for name, value in environment.items()}
    core = await open_core(Settings(**names))  # type: ignore[arg-type]
    try:
        secrets = running.secrets
        merchant = await core.merchants.create(
            account_id=secrets.account_id,
            livemode=False,
            business_name="Demo shop",
            is_platform=True,
        )
        await asyncio.gather(
            core.merchants.issue_key(merchant, publishable=False, key=secrets.secret_key),
            core.merchants.issue_key(merchant, publishable=True, key=secrets.publishable_key),
        )
    finally:
        await core.close()
