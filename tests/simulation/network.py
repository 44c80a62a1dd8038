"""The network between us and the provider, and the provider itself, with its own desk and books."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import orjson

from hazina.connectors.sandbox.simulator.books import Books, Entry
from hazina.connectors.sandbox.simulator.callbacks import CallbackSender
from hazina.connectors.sandbox.simulator.desk import Desk
from hazina.connectors.sandbox.simulator.faults import GlobalFaults
from hazina.connectors.sandbox.simulator.wire import Exchange
from hazina.ids import SeededIds
from hazina.rails.transport import NeverSent, NoAnswer, Reply
from tests.simulation.loop import Process, VirtualClock, VirtualLoop
from tests.simulation.trace import Trace

CALLBACK_URL = "http://hazina.invalid/callbacks/sandbox"
PROVIDER_URL = "http://provider.invalid"
SECRET = "whsec_of_the_simulation"
_LATE_MS_MAX = 30_000
"""The longest that a message stays under way. A request that came later than this could have an
effect after the connector's not-found window, which the connector promises cannot happen."""
_NOT_FOUND_SECONDS_MAX = 40
"""How long the provider may say that it does not know what it did: less than that window."""


@dataclass(slots=True)
class Weather:
    """What share of messages meets each fault now; none when it is quiet."""

    chance: Random
    rates: Mapping[str, float]
    quiet: bool = False

    def fate(self) -> str:
        """Return what happens to the next message; empty for nothing."""
        if self.quiet:
            return ""
        drawn = self.chance.random()
        for fault, rate in self.rates.items():
            drawn -= rate
            if drawn < 0:
                return fault
        return ""

    def wait(self) -> float:
        """Return how many seconds a message takes."""
        return 0.001 + self.chance.random() * (0.02 if self.quiet else 0.2)

    def late(self) -> float:
        """Return how many seconds a message takes that has got stuck."""
        return self.chance.random() * _LATE_MS_MAX / 1000


FATES = ("refused", "request_lost", "request_late", "request_twice", "answer_lost", "answer_late",
         "answer_garbled")  # fmt: skip


class SimulatedExchange(Exchange):
    """One request as the provider's desk sees it, without a connection under it."""

    def __init__(
        self, method: str, path: str, body: bytes, done: Callable[[Reply | None], None]
    ) -> None:
        self.method = method
        self.path = path
        self.body = body
        self.gone = None
        self._done = done

    def reply(
        self, status: int, body: bytes, content_type: str = "", location: str | None = None
    ) -> None:
        self._done(Reply(status, {}, body))

    def truncate(self, status: int, body: bytes) -> None:
        self._done(None)

    def reset_mid_body(self, status: int, body: bytes) -> None:
        self._done(None)

    def reset(self) -> None:
        self._done(None)

    def hang_up(self) -> None:
        self._done(None)

    async def silence(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000)
        self._done(None)


class MemoryBooks(Books):
    """The provider's books, of which the journal is not written: what dies is only the desk."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._faulted: set[str] = set()

    def _read(self, path: Path) -> None:
        raise NotImplementedError

    def _write(self, line: Any) -> None:
        return

    def _keep(self, *changed: Entry) -> None:
        return


class TruthfulDesk(Desk):
    """A desk that finds after a while what it did not find at first, as its provider promises."""

    since: dict[str, float]
    """When each operation was first asked for, in seconds."""

    def handle(self, exchange: Exchange) -> None:
        reference = unquote(exchange.path.rpartition("/")[2])
        now = asyncio.get_running_loop().time()
        if exchange.method == "POST" and exchange.body.startswith(b"{"):
            self.since.setdefault(orjson.loads(exchange.body).get("reference"), now)
        elif now - self.since.get(reference, now) > _NOT_FOUND_SECONDS_MAX:
            self._hidden.pop(reference, None)
        super().handle(exchange)


class Provider:
    """The provider: a desk that can be closed and opened again over the same books."""

    def __init__(self, loop: VirtualLoop, door: CallbackDoor, weather: Weather, seed: int) -> None:
        self._loop = loop
        self._ids = SeededIds(seed)
        self._transport = _CallbackTransport(loop, door, weather)
        self.books = MemoryBooks()
        self._since: dict[str, float] = {}
        self.open()

    def open(self) -> None:
        """Start a desk; it takes up what was pending."""
        self.process = Process("provider")
        clock = VirtualClock(self._loop)
        sender = CallbackSender(self._transport, clock, CALLBACK_URL, SECRET)
        self.desk = TruthfulDesk(self.books, GlobalFaults(self._ids), sender, clock, PROVIDER_URL)
        self.desk.since = self._since
        self.process.context.run(self.desk.start)

    def close(self) -> None:
        """End it as a crash would."""
        self.process.alive = False

    def authenticate(self, redirect_url: str, result: str) -> None:
        """Have the cardholder answer the bank's question."""
        path = urlsplit(redirect_url).path
        exchange = SimulatedExchange("POST", path, f"result={result}".encode(), lambda _: None)
        self._loop.call_soon(self.desk.handle, exchange, context=self.process.context)


class ProviderTransport:
    """Carries one process's requests to the provider, and loses some of what it carries."""

    def __init__(
        self, loop: VirtualLoop, provider: Provider, weather: Weather, trace: Trace,
        asked: list[tuple[str, str]],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._provider = provider
        self._weather = weather
        self._trace = trace
        self._asked = asked
        """Whatever may have arrived, as the provider's desk writes it down."""

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_ms: int
    ) -> Reply:
        """See `rails.transport.Transport`."""
        fate, weather = self._weather.fate(), self._weather
        if fate == "request_twice" and b"4xx@" in body:
            fate = ""  # A provider that says that it does nothing does not do it afterwards.
        path = urlsplit(url).path
        self._trace.say(f"{method} {path} {body.decode()} {fate}")
        if fate == "refused" or not self._provider.process.alive:
            await asyncio.sleep(weather.wait())
            raise NeverSent("connection refused")
        if method == "POST":
            self._asked.append(("operate", orjson.loads(body)["reference"]))
        else:
            self._asked.append(("inquire", unquote(path.rpartition("/")[2])))
        answer: asyncio.Future[Reply | None] = self._loop.create_future()

        def answered(reply: Reply | None) -> None:
            if fate == "answer_lost":
                return
            if fate == "answer_garbled":
                reply = Reply(502, {}, b"<html>Bad gateway</html>")
            wait = weather.late() if fate == "answer_late" else weather.wait()
            self._loop.call_later(wait, come, reply)

        def come(reply: Reply | None) -> None:
            if not answer.done():
                answer.set_result(reply)

        if fate != "request_lost":
            wait = weather.late() if fate == "request_late" else weather.wait()
            self._deliver(wait, SimulatedExchange(method, path, body, answered))
        if fate == "request_twice":
            self._deliver(weather.late(), SimulatedExchange(method, path, body, lambda _: None))
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                reply = await answer
        except TimeoutError:
            raise NoAnswer("timeout") from None
        if reply is None:
            raise NoAnswer("connection reset")
        return reply

    def _deliver(self, wait: float, exchange: SimulatedExchange) -> None:
        self._loop.call_later(wait, self._arrive, exchange, context=self._provider.process.context)

    def _arrive(self, exchange: SimulatedExchange) -> None:
        self._trace.say(f"arrived {exchange.method} {exchange.path}")
        self._provider.desk.handle(exchange)

    async def close(self) -> None:
        """Nothing is open."""


class CallbackDoor(Protocol):
    """Where callbacks come in: one of our processes, if any is alive."""

    async def call_back(self, headers: Mapping[str, str], body: bytes) -> int | None:
        """Return the HTTP status, or None when there is no answer."""


@dataclass(slots=True)
class _CallbackTransport:
    """Carries the provider's callbacks to us."""

    loop: VirtualLoop
    door: CallbackDoor
    weather: Weather
    _late: list[asyncio.Task[Any]] = field(default_factory=list)

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_ms: int
    ) -> Reply:
        fate, weather = self.weather.fate(), self.weather
        await asyncio.sleep(weather.late() if fate == "request_late" else weather.wait())
        if fate in ("refused", "request_lost"):
            raise NoAnswer("lost")
        if fate == "request_twice":
            self._late.append(asyncio.create_task(self._again(headers, body)))
        status = await self.door.call_back(headers, body)
        if status is None or fate.startswith("answer"):
            raise NoAnswer("no answer")
        return Reply(status, {}, b"")

    async def _again(self, headers: Mapping[str, str], body: bytes) -> None:
        await asyncio.sleep(self.weather.late())
        await self.door.call_back(headers, body)

    async def close(self) -> None:
        """Nothing is open."""
