"""Plays plans on PostgreSQL: many at once, as different merchants of one system."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import orjson
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from hazina.bootstrap.app import open_core
from hazina.bootstrap.settings import Settings
from hazina.clock import SystemClock
from hazina.connectors.sandbox.simulator.books import Books
from tests.simulation.checks import Facts, check
from tests.simulation.client import Client
from tests.simulation.network import FATES, Weather
from tests.simulation.plan import MERCHANTS, PROCESSES, Plan, Trouble
from tests.simulation.played.haste import SPEED, HastyLoop
from tests.simulation.played.processes import Places
from tests.simulation.played.wire import Message, Wire, exchange
from tests.simulation.server import Answered, Request
from tests.simulation.world import effect_of
from tests.support.books import broken_invariants
from tests.support.simulator import CALLBACK_SECRET, Simulator

_SPREAD_SECONDS = 90
"""Over how much of a plan's time the stories of many plans begin."""
_LIVES_SECONDS = 12
"""A place that has just been started is let live for so long: else nothing would ever be done."""
_SETTLED_SECONDS_MAX = 120
_TABLES = ("payment_intent", "setup_intent", "refund", "inbox", "charge", "command", "transfer",
           "account", "account_history", "balance_transaction", "event")  # fmt: skip
_DURATIONS: dict[str, Any] = {
    "deadline_ms": 1_500, "call_timeout_ms": 2_500, "command_lease_ms": 5_000,
    "not_found_window_ms": 10_000, "inquiry_schedule_ms": (300, 500, 1_000),
    "inquiry_lease_ms": 4_000, "key_lease_ms": 6_000, "transit_max_ms": 5_000,
}  # fmt: skip
_OPEN = """
SELECT 'command' AS what, id, state FROM command
WHERE state <> 'done' AND coalesce(evidence, '') <> 'action_required'
UNION ALL SELECT 'inbox', deduplication_key, state FROM inbox WHERE state <> 'applied'
UNION ALL SELECT 'key', key, operation FROM idempotency_key
WHERE NOT answered AND lease_until > now()
"""
_HURRY = (
    "UPDATE command SET next_at = now() WHERE state IN ('waiting', 'resend') AND next_at > now()",
    "UPDATE inbox SET next_at = now() WHERE state IN ('received', 'parked') AND next_at > now()",
)
"""What a simulation's clock does when all is quiet: nobody waits for what could be looked at."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it; `problem` is None when all promises were kept."""

    problem: str | None
    requests: int
    kills: int
    unanswered: int
    struck: int
    """So many messages between us and the provider met a fate."""


def play(plans: Sequence[Plan], database_url: str, folder: Path) -> Played:
    """Play plans side by side on a database that is nobody else's."""
    stage = Stage(plans, database_url, folder)
    problem = None
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        try:
            runner.run(stage.live())
        except AssertionError as error:
            problem = f"{type(error).__name__}: {error}"
        finally:
            stage.close()
    return Played(problem, stage.requests, stage.kills, stage.unanswered, stage.struck)


class Stage:
    """One system with its provider, its clients and its trouble."""

    def __init__(self, plans: Sequence[Plan], database_url: str, folder: Path) -> None:
        self._plans = plans
        self._database_url = database_url
        seed = plans[0].seed
        rates = {
            fate: sum(plan.rates.get(fate, 0.0) for plan in plans) / len(plans) for fate in FATES
        }
        self._weather = Weather(Random(seed), rates)
        self._asked: list[tuple[str, str]] = []
        self._to_provider = Wire(self._weather, self._hear)
        self._callbacks = Wire(self._weather)
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(2_048)
        self._port: int = self._listening.getsockname()[1]
        self._folder = folder
        self._provider: Simulator | None = None
        self._places: Places | None = None
        self._since: dict[int, float] = {}
        self._clients: list[Client] = []
        self._cutting = asyncio.Lock()
        """Two who cut the database's sessions at once would cut each other's."""
        self._asking: set[asyncio.Task[Any]] = set()
        self.requests = 0
        self.unanswered = 0
        self.kills = 0

    async def live(self) -> None:
        """Play everything, let it settle, ask again, and look."""
        loop = asyncio.get_running_loop()
        await self._to_provider.open()
        await self._callbacks.open()
        self._callbacks.to_port = self._port
        callback_url = f"http://127.0.0.1:{self._callbacks.port}/callbacks/sandbox"
        provider = self._provider = Simulator(self._folder / "provider", callback_url=callback_url)
        await loop.run_in_executor(None, provider.start)
        self._to_provider.to_port = provider.port
        settings = Settings(
            database_url=self._database_url, pepper="p" * 32, callback_secret=CALLBACK_SECRET,
            simulator_url=f"http://127.0.0.1:{self._to_provider.port}", reader_connections=2,
            rate_read_per_minute=0, rate_write_per_minute=0, **_DURATIONS,
        )  # fmt: skip
        keys = await self._merchants(settings)
        self._places = Places(settings, self._listening, self._folder)
        for place in range(PROCESSES):
            await self._begin(place)
        lives = self._stories(keys)
        await asyncio.gather(*lives)
        await self._grow_quiet()
        # A few at once: each asks for all that it asked for before.
        turn = asyncio.Semaphore(32)
        await asyncio.gather(*(self._replay(client, turn) for client in self._clients))
        await self._grow_quiet()
        await self._judge()

    @property
    def struck(self) -> int:
        """How many messages met a fate."""
        return self._to_provider.struck + self._callbacks.struck

    def close(self) -> None:
        """End all processes."""
        if self._places is not None:
            self._places.close()
        if self._provider is not None:
            self._provider.kill()
        self._to_provider.close()
        self._callbacks.close()
        self._listening.close()

    async def _merchants(self, settings: Settings) -> list[list[str]]:
        core = await open_core(settings)
        try:
            return [
                [
                    await core.merchants.issue_key(
                        await core.merchants.create(overdraft_minor=1_000)
                    )
                    for _ in range(MERCHANTS)
                ]
                for _ in self._plans
            ]
        finally:
            await core.close()

    def _stories(self, keys: Sequence[Sequence[str]]) -> list[Any]:
        lives: list[Any] = []
        for number, plan in enumerate(self._plans):
            later_ms = int(_SPREAD_SECONDS * 1000 * number / len(self._plans))
            for story in plan.stories:
                moved = replace(story, start_ms=story.start_ms + later_ms)
                place = len(self._clients)
                client = Client(
                    place, moved, keys[number][story.merchant], self._ask, self._authenticate,
                    Random(plan.seed * 1_009 + place),
                )  # fmt: skip
                self._clients.append(client)
                lives.append(client.tell())
            troubles = list(plan.troubles)
            if plan.database_troubled:
                troubles.append(Trouble(5_000, "cut_database"))
            lives += [
                self._meet(replace(trouble, at_ms=trouble.at_ms + later_ms)) for trouble in troubles
            ]
        return lives

    # What happens

    async def _meet(self, trouble: Trouble) -> None:
        await asyncio.sleep(trouble.at_ms / 1000)
        loop = asyncio.get_running_loop()
        if trouble.what == "cut_database":
            async with self._cutting:
                await loop.run_in_executor(None, self._cut_database)
            return
        if trouble.what == "kill_provider":
            await self._kill_provider(trouble.lasts_ms / 1000)
            return
        assert self._places is not None
        wanted = range(PROCESSES) if trouble.what == "kill_both" else [trouble.process]
        ripe = loop.time() - _LIVES_SECONDS
        killed = [p for p in wanted if p in self._places.alive and self._since[p] < ripe]
        self.kills += len(killed)
        for place in killed:
            self._places.kill(place)
        await asyncio.sleep(trouble.lasts_ms / 1000)
        for place in killed:
            await self._begin(place)

    async def _begin(self, place: int) -> None:
        assert self._places is not None
        self._places.start(place)
        self._since[place] = asyncio.get_running_loop().time()

    async def _kill_provider(self, lasts: float) -> None:
        provider = self._provider
        if provider is None:
            return  # It is away already.
        self._provider = None
        self.kills += 1
        provider.kill()
        await asyncio.sleep(lasts)
        await asyncio.get_running_loop().run_in_executor(None, provider.start)
        self._provider = provider

    def _cut_database(self) -> None:
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def _hear(self, request: Message) -> None:
        method, path, _ = request.head.split(" ")
        if method == "POST":
            self._asked.append(("operate", orjson.loads(request.body)["reference"]))
        else:
            self._asked.append(("inquire", unquote(path.rpartition("/")[2])))

    async def _ask(self, request: Request) -> Answered | None:
        """Send a client's request to whichever process takes it."""
        await asyncio.sleep(self._weather.wait())
        self.requests += 1
        encoded = urlencode(request.fields).encode()
        posted = request.method == "POST"
        path = request.path if posted or not encoded else f"{request.path}?{encoded.decode()}"
        lines = [
            f"{request.method} {path} HTTP/1.1", "host: hazina.test", "connection: close",
            f"authorization: Bearer {request.api_key}",
        ]  # fmt: skip
        if posted:
            lines.append("content-type: application/x-www-form-urlencoded")
            lines.append(f"content-length: {len(encoded)}")
        if request.idempotency_key is not None:
            lines.append(f"idempotency-key: {request.idempotency_key}")
        raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + (encoded if posted else b"")
        answer = await exchange(self._port, raw)
        if answer is None:
            self.unanswered += 1
            return None
        replayed = b"\r\nidempotent-replayed: true\r\n" in answer.raw.lower()
        return Answered(answer.status, answer.body, replayed)

    def _authenticate(self, url: str, result: str) -> None:
        """Have the cardholder answer the bank's question."""
        parts, body = urlsplit(url), f"result={result}".encode()
        raw = (
            f"POST {parts.path} HTTP/1.1\r\nhost: bank.test\r\nconnection: close\r\n"
            "content-type: application/x-www-form-urlencoded\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode() + body
        asking = asyncio.create_task(exchange(parts.port or 80, raw))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _replay(self, client: Client, turn: asyncio.Semaphore) -> None:
        async with turn:
            await client.replay()

    # When the trouble is over

    async def _grow_quiet(self) -> None:
        """Wait until nothing is left to be done."""
        self._weather.quiet = True
        began = time.monotonic()
        await asyncio.sleep(3)
        while open_still := await asyncio.to_thread(self._open):
            waited = time.monotonic() - began
            assert waited < _SETTLED_SECONDS_MAX, f"still open after {waited:.0f} s: {open_still}"
            await asyncio.sleep(SPEED / 2)

    def _open(self) -> list[dict[str, Any]]:
        with psycopg.connect(self._database_url, row_factory=dict_row) as connection:
            for hurry in _HURRY:
                connection.execute(hurry)
            return connection.execute(_OPEN).fetchall()

    async def _judge(self) -> None:
        assert self._places is not None
        effects = {entry.reference: effect_of(entry) for entry in self._entries()}
        promises = [p for client in self._clients for p in client.promises.values()]
        check(Facts(self._rows(), effects, self._asked, promises, None, SystemClock().now()))
        broken = await broken_invariants(self._database_url)
        assert not broken, "\n".join(broken)
        assert not self._places.errors(), f"failed in the background: {self._places.errors()}"

    def _entries(self) -> list[Any]:
        books = Books(self._folder / "provider")
        books.close()
        return list(books.entries.values())

    def _rows(self) -> dict[str, list[dict[str, Any]]]:
        with psycopg.connect(self._database_url, row_factory=dict_row) as connection:
            return {
                table: connection.execute(
                    sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
                ).fetchall()
                for table in _TABLES
            }
