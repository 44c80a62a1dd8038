"""Nobody leads a webhook into our network: no URL, name or redirect reaches a listener."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from hazina.egress.addresses import Address, AddressPolicy
from hazina.egress.gate import Gate
from hazina.egress.target import read_url
from hazina.refusals import Refusal
from hazina.webhooks.endpoint import checked_url
from hazina.workers.posting import NoAnswer, Poster, PostLimits
from hazina.workers.resolving import SystemResolver
from tests.support.certificates import certificate
from tests.support.evil_urls import all_urls

_ZONE = {
    "localhost": ["127.0.0.1"], "localhost.localdomain": ["127.0.0.1"], "ip6-localhost": ["::1"],
    "loopback.test": ["127.0.0.1"], "metadata.test": ["169.254.169.254"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"], "mapped.test": ["::ffff:127.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"], "sixtofour.test": ["2002:7f00:1::1"],
    "linklocal.test": ["fe80::1"], "private.test": ["10.0.0.1"], "zero.test": ["0.0.0.0"],
    "rebinding.test": ["127.0.0.1"], "nothing.test": [],
}  # fmt: skip
_REFUSED = {"url_invalid", "address_not_permitted", "name_not_found"}


class Zone:
    """A resolver of our own: names answer what they are told to, one answer per question."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def addresses(self, host: str) -> Sequence[Address]:
        self.asked.append(host)
        if host in self._answers:
            turns = self._answers[host]
            found = turns.pop(0) if len(turns) > 1 else turns[0]
        elif host in _ZONE:
            found = _ZONE[host]
        else:
            raise OSError("no such name")
        return [ip_address(text) for text in found]


class Canary:
    """A listener that counts who connects, and gives one answer to each request."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") -> None:
        self.answer = answer
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0
        self.open: set[asyncio.BaseTransport] = set()


class _Caller(asyncio.Protocol):
    """One connection to a canary. `requests_max` is when it hangs up without an answer."""

    def __init__(self, canary: Canary, requests_max: int = 100) -> None:
        self._canary = canary
        self._left = requests_max
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._canary.connections += 1
        self._canary.open.add(transport)

    def data_received(self, data: bytes) -> None:
        self._left -= 1
        if self._left < 0:
            self._transport.close()
            return
        self._canary.requests.append(data)
        self._transport.write(self._canary.answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._canary.open.discard(self._transport)


@asynccontextmanager
async def _listening(
    canary: Canary, *hosts: str, requests_max: int = 100, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Canary]:
    servers: list[asyncio.Server] = []
    loop = asyncio.get_running_loop()
    for host in hosts:
        server = await loop.create_server(
            lambda: _Caller(canary, requests_max), host, canary.port, ssl=tls
        )
        servers.append(server)
        canary.port = canary.port or servers[0].sockets[0].getsockname()[1]
    try:
        yield canary
    finally:
        for server in servers:
            server.close()
        for transport in list(canary.open):
            transport.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def _poster(zone: Zone, *allowed: str) -> AsyncIterator[Poster]:
    policy = AddressPolicy.reading(allowed)
    chosen = PostLimits(timeout_ms=5_000, body_wait_seconds=0.2)
    poster = Poster(Gate(policy, zone), chosen)
    try:
        yield poster
    finally:
        await poster.close()


async def _problem(poster: Poster, url: str) -> str:
    try:
        reply = await poster.post(url, [], b"{}")
    except NoAnswer as none:
        return none.problem
    return f"answered {reply.status}"


async def test_no_url_of_hundreds_reaches_a_listener() -> None:
    """Whatever is not refused as a URL is resolved by our zone, which lies as attackers' zones do.

    A connection beyond this machine would fail the test by the guard of the network.
    """
    async with _listening(Canary(), "127.0.0.1", "::1") as canary, _poster(Zone()) as poster:
        urls = all_urls(canary.port)
        outcomes = {url: await _problem(poster, url) for url in urls}
        await asyncio.sleep(0.05)
        assert {url: found for url, found in outcomes.items() if found not in _REFUSED} == {}
        assert canary.connections == 0
        assert len(urls) >= 300


async def test_the_canary_sings_where_its_network_is_allowed() -> None:
    """Shows that the test above could fail: the same listener is reached once it is allowed."""
    async with (
        _listening(Canary(), "127.0.0.1") as canary,
        _poster(Zone(), "127.0.0.0/8") as poster,
    ):
        for host in ("127.0.0.1", "loopback.test"):
            assert await _problem(poster, f"http://{host}:{canary.port}/") == "answered 200"
        assert canary.connections == 2


def test_no_literal_address_of_these_is_taken_for_an_endpoint() -> None:
    policy = AddressPolicy()
    for url in all_urls(9):
        try:
            taken = checked_url(url, policy, livemode=False)
        except Refusal:
            continue
        # A name is judged when it is resolved; nothing else may have come through.
        target = read_url(taken)
        assert target.address is None
        assert target.host in _ZONE or target.host.endswith((".test", ".invalid")), url


async def test_a_name_that_changes_between_check_and_connection_gains_nothing() -> None:
    """The zone answers with the allowed address first, and with the canary's from then on."""
    zone = Zone(**{"turncoat.test": [["127.0.0.2"], ["127.0.0.1"]]})
    async with (
        _listening(Canary(), "127.0.0.2") as honest,
        _listening(Canary(), "127.0.0.1") as canary,
        _poster(zone, "127.0.0.2/32") as poster,
    ):
        url = f"http://turncoat.test:{honest.port}/"
        assert await _problem(poster, url) == "answered 200"
        assert zone.asked == ["turncoat.test"], "it was looked up once for check and connection"
        assert b"Host: turncoat.test" in honest.requests[0]
        other = f"http://turncoat.test:{canary.port}/"
        assert await _problem(poster, other) == "address_not_permitted"
        assert canary.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with _listening(Canary(), "127.0.0.1") as canary:
        place = f"http://127.0.0.1:{canary.port}/".encode()
        answer = b"HTTP/1.1 %d Moved\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, place)
        async with (
            _listening(Canary(answer), "127.0.0.2") as receiver,
            _poster(Zone(), "127.0.0.2/32") as poster,
        ):
            url = f"http://127.0.0.2:{receiver.port}/"
            assert await _problem(poster, url) == f"answered {status}"
            assert canary.connections == 0


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", "not_http"),
        (b"", "timeout"),
        (b"HTTP/1.1 200 OK\r\nX: ", "timeout"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "answer_too_large"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "timeout"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "answered 200"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "answered 200"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 500_000, "answered 200"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "answered 204"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
         "not_http"),
    ],
)  # fmt: skip
async def test_strange_answers_end_in_time_and_in_size(answer: bytes, problem: str) -> None:
    policy = AddressPolicy.reading(["127.0.0.1/32"])
    limits = PostLimits(timeout_ms=400, body_wait_seconds=0.1)
    async with _listening(Canary(answer), "127.0.0.1") as receiver:
        poster = Poster(Gate(policy, Zone()), limits)
        found = await _problem(poster, f"http://127.0.0.1:{receiver.port}/")
        await poster.close()
    assert found == problem


async def test_a_kept_connection_that_the_receiver_ends_costs_no_attempt() -> None:
    """It hangs up on the second request, as if it had closed the idle connection just before."""
    async with (
        _listening(Canary(), "127.0.0.1", requests_max=1) as receiver,
        _poster(Zone(), "127.0.0.1/32") as poster,
    ):
        url = f"http://127.0.0.1:{receiver.port}/"
        assert [await _problem(poster, url) for _ in range(2)] == ["answered 200"] * 2
        assert receiver.connections == 2, "the second request went out once more, anew"


async def test_tls_is_that_of_the_name_though_the_address_was_judged(tmp_path: Path) -> None:
    serving, trusting = await certificate(tmp_path, "DNS:hooks.test")
    asked: list[str | None] = []

    def note(_: object, name: str | None, __: object) -> None:
        asked.append(name)

    serving.sni_callback = note
    zone = Zone(**{"hooks.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]})
    policy = AddressPolicy.reading(["127.0.0.1/32"])
    async with _listening(Canary(), "127.0.0.1", tls=serving) as receiver:
        poster = Poster(Gate(policy, zone), PostLimits(timeout_ms=5_000), trusting)
        port = receiver.port
        assert await _problem(poster, f"https://hooks.test:{port}/x") == "answered 200"
        assert await _problem(poster, f"https://other.test:{port}/x") == "tls_failed"
        await poster.close()
    assert asked == ["hooks.test", "other.test"]
    assert b"Host: hooks.test:" in receiver.requests[0]
    assert len(receiver.requests) == 1, "a wrong certificate is told nothing"


async def test_a_slow_name_holds_one_thread_and_keeps_nobody_waiting() -> None:
    """The machine's own resolver: questions for one name share a look-up, and are all answered."""
    resolver = SystemResolver()
    found = await asyncio.gather(*(resolver.addresses("localhost") for _ in range(100)))
    assert {address.is_loopback for each in found for address in each} == {True}
    resolver.close()
