"""The whole system as a merchant meets it: provider and API as processes on loopback ports."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.ids import SystemIds
from tests.support.answers import demand_shape
from tests.support.books import broken_invariants
from tests.support.simulator import Simulator

_T = TypeVar("_T")
_START_SECONDS_MAX = 40.0
_STOP_SECONDS_MAX = 25.0
_LOG_TAIL_CHARACTERS = 4_000
# As short as the safety rules between them allow, so that unknown outcomes are found in seconds.
_DURATIONS = {
    "HAZINA_DEADLINE_MS": "1500",
    "HAZINA_CALL_TIMEOUT_MS": "2500",
    "HAZINA_COMMAND_LEASE_MS": "5000",
    "HAZINA_NOT_FOUND_WINDOW_MS": "6000",
    "HAZINA_TRANSIT_MAX_MS": "1500",
    "HAZINA_INQUIRY_SCHEDULE_MS": "[300,500,1000]",
    "HAZINA_INQUIRY_LEASE_MS": "4000",
    "HAZINA_KEY_LEASE_MS": "6000",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the API, its body also as the bytes that came."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        """Return the body read as JSON."""
        content: dict[str, Any] = json.loads(self.raw)
        return content

    @property
    def error(self) -> dict[str, Any]:
        """Return the error; fail when the answer is none."""
        assert self.status >= 400, self.raw
        error: dict[str, Any] = self.body["error"]
        return error


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant of one test, and how it calls the API."""

    url: str
    secret_key: str
    publishable_key: str

    def post(
        self,
        path: str,
        *,
        key: str | None = None,
        idempotency_key: str | None = None,
        account: str | None = None,
        **fields: Any,
    ) -> Answer:
        """Send a form; a name such as `metadata[a]` is given by `**{...}`."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | _acting(account)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        body = urllib.parse.urlencode(fields).encode()
        return _ask(self.url + path, headers | _bearer(key or self.secret_key), body)

    def get(self, path: str, *, key: str | None = None, account: str | None = None) -> Answer:
        """Read something."""
        headers = _bearer(key or self.secret_key) | _acting(account)
        return _ask(self.url + path, headers, None)

    def delete(self, path: str) -> Answer:
        """Delete something."""
        return _ask(self.url + path, _bearer(self.secret_key), None, "DELETE")

    def pay(self, method: str = "pm_card_visa", amount: int = 2000, **more: Any) -> dict[str, Any]:
        """Make and confirm a card payment; return the intent, whatever its status is."""
        fields: dict[str, Any] = {"amount": amount, "currency": "usd", "payment_method": method}
        fields |= {"payment_method_types[]": "card", "confirm": "true"}
        answer = self.post("/v1/payment_intents", **(fields | more))
        assert answer.status == 200, answer.raw
        return answer.body

    def until(self, path: str, status: str, seconds: float = 20.0) -> dict[str, Any]:
        """Read an object until it has this status; fail after a while."""
        until = time.monotonic() + seconds
        while True:
            found = self.get(path).body
            if found.get("status") == status:
                return found
            assert time.monotonic() < until, f"{found} is not {status}"
            time.sleep(0.1)


class WorkerProcess:
    """One worker: where it tells how it fares, and its end."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def health_url(self) -> str:
        """Return the address of its health, once it has started."""
        until = time.monotonic() + _START_SECONDS_MAX
        while True:
            for line in self._log.read_text(errors="replace").splitlines():
                if '"worker_started"' in line:
                    url: str = json.loads(line)["health"]
                    return url
            assert self.process.poll() is None, self._log.read_text(errors="replace")
            assert time.monotonic() < until, "the worker did not start"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it without a farewell."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Ask it to end and return its exit code."""
        self.process.terminate()
        return self.process.wait(_STOP_SECONDS_MAX)


class System:
    """Starts the provider and one API process, with workers in it; everything ends by its pid."""

    def __init__(self, database_url: str, *, workers: bool = True) -> None:
        self.database_url = database_url
        self._workers = workers
        ids = SystemIds()
        self._pepper, callback_secret = ids.secret(), ids.secret()
        self._port = _free_port()
        self._logs = tempfile.TemporaryDirectory(prefix="hazina-system-")
        self._processes: list[subprocess.Popen[bytes]] = []
        self.url = f"http://127.0.0.1:{self._port}"
        self.urls = [self.url]
        """Addresses of all API processes."""
        self.simulator = Simulator(
            callback_url=f"{self.url}/callbacks/sandbox", secret=callback_secret
        )
        self._callback_secret = callback_secret

    def __enter__(self) -> System:
        self.simulator.__enter__()
        try:
            self._start_api(self._port)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        self.simulator.__exit__(None, None, None)
        self._logs.cleanup()

    def api(self) -> str:
        """Start one more API process over the same database; return its address."""
        self.urls.append(self._start_api(_free_port()))
        return self.urls[-1]

    def worker(self, *arguments: str, **environment: str) -> WorkerProcess:
        """Start a worker of its own; it ends with the system, if it was not ended before."""
        log = Path(self._logs.name) / f"worker-{len(self._processes)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "hazina", "worker", *arguments],
                env=os.environ | self._environment() | environment, stdout=output, stderr=output,
            )  # fmt: skip
        self._processes.append(process)
        return WorkerProcess(process, log)

    def kill(self) -> None:
        """End every process of ours at once, without a farewell; the provider lives on."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()

    def start_again(self) -> None:
        """Start the API anew where it was, after `kill`."""
        self._start_api(self._port)

    def rows(self, query: str, params: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Read from the database what the public API does not show."""
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), params).fetchall()

    def merchant(self, *, is_platform: bool = False) -> Shop:
        """Make a merchant with its two keys, as an operator would."""

        async def made(core: Core) -> Shop:
            merchant = await core.merchants.create(
                default_currency="usd", country="US", is_platform=is_platform
            )
            secret = await core.merchants.issue_key(merchant)
            publishable = await core.merchants.issue_key(merchant, publishable=True)
            return Shop(self.url, secret, publishable)

        return self._with_core(made)

    def revoke(self, key: str) -> None:
        """End a key, as its merchant would."""

        async def ended(core: Core) -> None:
            caller = await core.merchants.authenticate(key, "")
            await core.api_keys.revoke(caller, caller.key_id, 0, None)

        self._with_core(ended)

    def broken_invariants(self) -> list[str]:
        """Return which invariants do not hold, and what breaks them; empty when all hold."""
        return asyncio.run(broken_invariants(self.database_url))

    def _with_core(self, work: Callable[[Core], Awaitable[_T]]) -> _T:
        async def run() -> _T:
            core = await open_core(Settings(database_url=self.database_url, pepper=self._pepper))
            try:
                return await work(core)
            finally:
                await core.close()

        return asyncio.run(run())

    def _start_api(self, port: int) -> str:
        url = f"http://127.0.0.1:{port}"
        log = Path(self._logs.name) / f"api-{port}.log"
        command = [sys.executable, "-m", "hazina", "api", "--port", str(port)]
        command += ["--workers"] if self._workers else []
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=os.environ | self._environment(), stdout=output, stderr=output
            )
        self._processes.append(process)
        until = time.monotonic() + _START_SECONDS_MAX
        while not _ready(url):
            if process.poll() is not None or time.monotonic() > until:
                tail = log.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:]
                raise AssertionError(f"the API did not start:\n{tail}")
            time.sleep(0.05)
        return url

    def _environment(self) -> dict[str, str]:
        return _DURATIONS | {
            "HAZINA_DATABASE_URL": self.database_url,
            "HAZINA_PEPPER": self._pepper,
            "HAZINA_CALLBACK_SECRET": self._callback_secret,
            "HAZINA_SIMULATOR_URL": self.simulator.url,
            "HAZINA_PUBLIC_URL": self.url,
        }


def _ask(
    url: str, headers: dict[str, str], body: bytes | None, method: str | None = None
) -> Answer:
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer = Answer(reply.status, dict(reply.headers.items()), reply.read())
    except urllib.error.HTTPError as refused:
        with refused:
            answer = Answer(refused.code, dict(refused.headers.items()), refused.read())
    if urllib.parse.urlsplit(url).path.startswith("/v1/"):
        key = headers.get("Authorization", "").removeprefix("Bearer ")
        demand_shape(f"{request.get_method()} {url}", answer.raw, key=key)
    return answer


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _acting(account: str | None) -> dict[str, str]:
    return {"Stripe-Account": account} if account else {}


def _ready(url: str) -> bool:
    try:
        return _ask(f"{url}/health/ready", {}, None).status == 200
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
