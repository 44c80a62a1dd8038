"""One run: the plan carried out on virtual time, until all is quiet, and then looked at."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import structlog

from hazina.connectors.sandbox.simulator.books import ACTION_REQUIRED, Entry
from hazina.db.unit import Overloaded
from hazina.refusals import Refusal
from hazina.webhooks.deliveries import Due
from hazina.webhooks.delivery import Attempt
from hazina.workers.sender import WebhookSender
from tests.simulation.checks import Effect, Facts, check
from tests.simulation.client import Broken, Client, Promise
from tests.simulation.loop import VirtualClock, VirtualLoop
from tests.simulation.network import Provider, ProviderTransport, Weather
from tests.simulation.plan import MERCHANTS, PROCESSES, Plan, Trouble
from tests.simulation.server import Answered, Request, Server
from tests.simulation.store import Database
from tests.simulation.trace import Trace

_ROUNDS_MAX = 150
_SETTLED_SECONDS = 1_300
_LIVENESS = timedelta(hours=12)
_WEBHOOK_LIVENESS = timedelta(hours=80)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run; `problem` is None when all promises were kept."""

    trace: str
    problem: str | None
    requests: int
    lines: list[str] = field(default_factory=list)


class Receiver(WebhookSender):
    """The merchants' webhook receiver: it may be away, and its answer may be lost."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self.timeout_ms = 15_000
        self.heard: Counter[str] = Counter()

    async def send(self, due: Due) -> Attempt:
        fate = self._weather.fate()
        await asyncio.sleep(self._weather.wait())
        if fate in ("refused", "request_lost", "request_late"):
            return Attempt(None, "ClientConnectionError")
        if fate == "answer_garbled":
            return Attempt(500)
        self.heard[due.event_id] += 1
        if fate in ("answer_lost", "answer_late"):
            return Attempt(503)
        return Attempt(200)


class World:
    """Everything of one run."""

    def __init__(self, plan: Plan, *, keep: bool = False) -> None:
        self.plan = plan
        self.loop = VirtualLoop(_stream(plan.seed, 1))
        self.trace = Trace(self.loop.time, keep=keep)
        self.weather = Weather(_stream(plan.seed, 2), plan.rates)
        clock = VirtualClock(self.loop)
        self.database = Database(clock, _stream(plan.seed, 3), self.trace)
        self._chance = _stream(plan.seed, 4)
        self.asked: list[tuple[str, str]] = []
        self.provider = Provider(self.loop, self, self.weather, plan.seed)
        self.receiver = Receiver(self.weather) if plan.webhooks else None
        self.servers: list[Server] = []
        self.clients: list[Client] = []
        self._started = 0

    def run(self) -> Result:
        """Carry the plan out; never raises for a broken promise."""
        problem = None
        with _errors_heard() as heard:
            try:
                self.loop.run(self._live())
            except (
                AssertionError,
                LookupError,
                TypeError,
                ValueError,
                AttributeError,
                Overloaded,
                Refusal,
            ) as error:
                problem = f"{type(error).__name__}: {error}"
        if problem is None and (heard or self.loop.failures):
            problem = f"failed in the background: {[*heard, *self.loop.failures][0]}"
        asked = sum(len(client.promises) for client in self.clients)
        return Result(self.trace.digest, problem, asked, self.trace.lines)

    async def _live(self) -> None:
        for _ in range(PROCESSES):
            self.servers.append(await self._start(len(self.servers)))
        keys = [await self._merchant() for _ in range(MERCHANTS)]
        # Whatever a process's clock shows, the merchants were there before their payments.
        self.loop.leap(_SETTLED_SECONDS)
        self.database.troubled = self.plan.database_troubled
        for number, story in enumerate(self.plan.stories):
            self.clients.append(
                Client(
                    number, story, keys[story.merchant], self._ask, self.provider_asks,
                    _stream(self.plan.seed, 10 + number),
                )
            )  # fmt: skip
        lives = [asyncio.create_task(client.tell()) for client in self.clients]
        lives += [asyncio.create_task(self._meet(trouble)) for trouble in self.plan.troubles]
        for life in lives:
            await life
        await self._grow_quiet()
        for client in self.clients:
            await client.replay()
        await self._grow_quiet()
        await self._pass_days()
        check(self._facts())

    async def _start(self, place: int) -> Server:
        self._started += 1
        transport = ProviderTransport(
            self.loop, self.provider, self.weather, self.trace, self.asked
        )
        server = Server(
            self.loop, f"server {place}", self.database, transport,
            self.plan.seed * 1_000 + self._started, self.receiver, self.plan.skews_ms[place],
        )  # fmt: skip
        await server.start()
        return server

    async def _merchant(self) -> str:
        core = self.servers[0].core
        merchant = await core.merchants.create(overdraft_minor=1_000)
        key = await core.merchants.issue_key(merchant)
        if self.plan.webhooks:
            fields = {"url": "https://shop.invalid/hook", "enabled_events[]": "*"}
            request = Request("POST", "/v1/webhook_endpoints", key, fields)
            answer = await self.servers[0].ask(request)
            assert answer is not None
            assert answer.status == 200, answer
        return key

    def provider_asks(self, url: str, result: str) -> None:
        """Have the cardholder answer the bank's question."""
        self.trace.say(f"cardholder: {result}")
        self.provider.authenticate(url, result)

    async def _ask(self, request: Request) -> Answered | None:
        """Send a request to a process that is there."""
        await asyncio.sleep(self.weather.wait())
        server = self._some_server()
        if server is None:
            return None
        answer = await server.ask(request)
        said = "lost" if answer is None else f"{answer.status} {answer.body.decode()}"
        self.trace.say(f"{request.path} {request.idempotency_key}: {said}")
        return answer

    async def call_back(self, headers: Mapping[str, str], body: bytes) -> int | None:
        """Hand a callback to a process that is there."""
        server = self._some_server()
        self.trace.say(f"callback {body.decode()}")
        return None if server is None else await server.call_back(headers, body)

    def _some_server(self) -> Server | None:
        alive = [server for server in self.servers if server.alive]
        return self._chance.choice(alive) if alive else None

    async def _meet(self, trouble: Trouble) -> None:
        await asyncio.sleep(trouble.at_ms / 1000)
        self.trace.say(f"{trouble.what} {trouble.process}")
        places = range(PROCESSES) if trouble.what == "kill_both" else [trouble.process]
        if trouble.what == "kill_provider":
            if self.provider.process.alive:
                self.provider.close()
                await asyncio.sleep(trouble.lasts_ms / 1000)
                self.provider.open()
            return
        killed = [place for place in places if self.servers[place].alive]
        for place in killed:
            self.servers[place].kill()
        await asyncio.sleep(trouble.lasts_ms / 1000)
        for place in killed:
            self.servers[place] = await self._start(place)

    # When the trouble is over

    async def _grow_quiet(self) -> None:
        """Let hours pass without trouble, until nothing is left to be done."""
        self.weather.quiet = True
        self.database.troubled = 0.0
        for server in self.servers:
            await server.rest()
        await asyncio.sleep(3)
        began = self.database.clock.now()
        for _ in range(_ROUNDS_MAX):
            works = [asyncio.create_task(server.work()) for server in self.servers]
            for work in works:
                await work
            due = self._next_due()
            if due is None:
                return
            now = self.database.clock.now()
            limit = _WEBHOOK_LIVENESS if self.plan.webhooks else _LIVENESS
            if now - began > limit:
                raise Broken(f"something is still open after {limit}: {self._open()}")
            self.loop.leap(max((due - now).total_seconds(), 0))
            await asyncio.sleep(0.5)
        raise Broken(f"something is still open after {_ROUNDS_MAX} looks: {self._open()}")

    def _open(self) -> list[dict[str, Any]]:
        tables = self.database.tables.tables
        waits_for_customer = {
            row["operation"]
            for table in ("payment_intent", "setup_intent")
            for row in tables[table].values()
            if row["status"] == "requires_action" and self._is_asked(row["operation"])
        }
        return [
            *(
                row
                for row in tables["command"].values()
                if row["state"] != "done" and row["id"] not in waits_for_customer
            ),
            *(row for row in tables["inbox"].values() if row["state"] == "received"),
            *(row for row in tables["webhook_delivery"].values() if row["state"] == "pending"),
        ]

    def _is_asked(self, reference: str | None) -> bool:
        """Say whether the bank's question to the customer is still open."""
        entry = self.provider.books.entries.get(reference or "")
        return entry is not None and entry.state == ACTION_REQUIRED and not entry.voided

    def _next_due(self) -> Any:
        """Return when the next thing is due, None when all is done."""
        moments = [
            row["next_at"] or row.get("lease_until") or self.database.clock.now()
            for row in self._open()
        ]
        held = [
            row["lease_until"]
            for row in self.database.tables.tables["idempotency_key"].values()
            if not row["answered"] and row["lease_until"] > self.database.clock.now()
        ]
        behind = self.plan.webhooks and self._unheard()
        soon = [self.database.clock.now()] if behind else []
        return min([*moments, *held, *soon], default=None)

    def _unheard(self) -> bool:
        tables = self.database.tables.tables
        heard = {event_id for _, _, event_id in tables["webhook_delivery"]}
        return any(event_id not in heard for _, event_id in tables["event"])

    async def _pass_days(self) -> None:
        for _ in range(self.plan.days):
            self.loop.leap(86_400)
            await asyncio.sleep(0.5)
            for server in self.servers:
                await server.work(late=True)
        if self.plan.days:
            await self._grow_quiet()

    def _facts(self) -> Facts:
        tables = self.database.tables.tables
        promises: list[Promise] = [
            promise for client in self.clients for promise in client.promises.values()
        ]
        return Facts(
            {name: list(rows.values()) for name, rows in tables.items()},
            {entry.reference: effect_of(entry) for entry in self.provider.books.entries.values()},
            self.asked, promises,
            None if self.receiver is None else frozenset(self.receiver.heard),
            self.database.clock.now(), self.plan.days,
        )  # fmt: skip


def effect_of(entry: Entry) -> Effect:
    return Effect(
        entry.reference, entry.id, entry.operation, entry.amount, entry.state, entry.voided,
        entry.captured, entry.refunded, entry.incremented,
    )  # fmt: skip


def _stream(seed: int, number: int) -> Random:
    """Return one of a seed's streams of chance: what one draws leaves the others alone."""
    return Random(seed * 1_009 + number)


@contextmanager
def _errors_heard() -> Iterator[list[str]]:
    """Collect the errors that the core logs, which no client is told of."""
    heard: list[str] = []
    before = structlog.get_config()

    def hear(_: object, level: str, event: structlog.typing.EventDict) -> str:
        error = event.get("exc_info")
        of_the_moment = isinstance(error, Overloaded | Refusal)
        # A late reply that finds the writer busy is lost; the provider is asked later.
        of_the_moment |= str(event.get("error")).startswith("Overloaded(")
        if level in ("error", "critical") and not of_the_moment:
            heard.append(f"{event} {error!r}")
        raise structlog.DropEvent

    structlog.configure(processors=[_with_error, hear], cache_logger_on_first_use=False)
    logger = logging.getLogger("hazina")
    handler = _Hearing(heard)
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield heard
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        structlog.configure(**before)


def _with_error(
    _: object, level: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Put the error that is being handled where `hear` looks for it."""
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()[1]
    return event


class _Hearing(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, Overloaded | Refusal):
            self._heard.append(f"{record.getMessage()} {error!r}")


def simulate(plan: Plan, *, keep: bool = False) -> Result:
    """Carry a plan out and say what came of it.

    What a kill leaves suspended ends when it is collected, and would then run its last lines in
    the middle of the history: nothing is collected before its end. What was there before is set
    aside meanwhile, so that collecting is quick.
    """
    gc.disable()
    gc.freeze()
    try:
        return World(plan, keep=keep).run()
    finally:
        gc.collect()
        gc.unfreeze()
        gc.enable()
