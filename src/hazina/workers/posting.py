"""The HTTP client of webhooks: one POST, one answer of limited size, only through the gate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from ipaddress import ip_address

from hazina.egress.addresses import Address
from hazina.egress.gate import Gate, NotFound, NotPermitted
from hazina.egress.target import BadUrl, Target, read_url
from hazina.workers.answering import Connection, NoAnswer, Nothing, PostLimits, Reply

_Origin = tuple[bool, str, int]
_ADDRESSES_TRIED_MAX = 3
_IDLE_PER_ORIGIN_MAX = 16

__all__ = ["NoAnswer", "PostLimits", "Poster", "Reply"]


class Poster:
    """Posts bodies to URLs that strangers chose; follows nothing and answers to nobody else.

    Connections are made to an address that the gate has judged, never to a name, and are kept for
    a while per origin. TLS certificates and `Host` are those of the name.
    """

    def __init__(self, gate: Gate, limits: PostLimits, tls: ssl.SSLContext | None = None) -> None:
        self._gate = gate
        self._limits = limits
        self._tls = tls
        self._idle: dict[_Origin, list[Connection]] = {}
        self._all: set[Connection] = set()
        self._swept = 0.0

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Reply:
        """Return what was answered. Raises `NoAnswer`; all of it is within the time limit."""
        try:
            target = read_url(url)
        except BadUrl:
            raise NoAnswer("url_invalid") from None
        message = _message(target, headers, body)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.timeout_ms / 1000
        origin = (target.secure, target.host, target.port)
        connection = self._kept(origin, loop.time())
        if connection is not None:
            try:
                return await self._ask(origin, connection, message, deadline)
            except Nothing:
                # The receiver had closed it while it was idle: a webhook may come twice.
                pass
        connection = await self._connected(target, deadline)
        try:
            return await self._ask(origin, connection, message, deadline)
        except Nothing:
            raise NoAnswer("connection_closed") from None

    async def close(self) -> None:
        """Let go of every connection; what waits on one gets `NoAnswer`."""
        for connection in list(self._all):
            connection.abort("shutting_down")
        self._all.clear()
        self._idle.clear()

    async def _ask(
        self, origin: _Origin, connection: Connection, message: bytes, deadline: float
    ) -> Reply:
        loop = asyncio.get_running_loop()
        answer = connection.ask(message)
        timer = loop.call_at(deadline, connection.give_up, "timeout")
        try:
            return await answer
        except asyncio.CancelledError:
            connection.abort("cancelled")
            raise
        finally:
            timer.cancel()
            self._put_back(origin, connection, loop.time())

    def _kept(self, origin: _Origin, now: float) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.fresh(now):
                return connection
            self._drop(connection)
        return None

    def _put_back(self, origin: _Origin, connection: Connection, now: float) -> None:
        idle = self._idle.setdefault(origin, [])
        if connection.usable and len(idle) < _IDLE_PER_ORIGIN_MAX:
            connection.idle_since = now
            idle.append(connection)
        else:
            self._drop(connection)
        if now - self._swept > self._limits.idle_seconds:
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Close what has been idle for too long, also where nothing is sent any more."""
        self._swept = now
        for origin, idle in list(self._idle.items()):
            fresh = [connection for connection in idle if connection.fresh(now)]
            for connection in idle:
                if not connection.fresh(now):
                    self._drop(connection)
            if fresh:
                self._idle[origin] = fresh
            else:
                del self._idle[origin]

    def _drop(self, connection: Connection) -> None:
        connection.abort("not_used_again")
        self._all.discard(connection)

    async def _connected(self, target: Target, deadline: float) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(
                min(deadline, loop.time() + self._limits.connect_ms / 1000)
            ):
                addresses = await self._gate.admit(target)
                return await self._first_of(target, addresses)
        except NotPermitted:
            raise NoAnswer("address_not_permitted") from None
        except NotFound:
            raise NoAnswer("name_not_found") from None
        except TimeoutError:
            raise NoAnswer("connect_timeout") from None

    async def _first_of(self, target: Target, addresses: Sequence[Address]) -> Connection:
        """Connect to the first address that takes the connection."""
        problem = "connection_refused"
        for address in addresses[:_ADDRESSES_TRIED_MAX]:
            try:
                connection = await self._connect(target, address)
            except ssl.SSLError:
                problem = "tls_failed"
            except OSError:
                problem = "connection_refused"
            else:
                self._all.add(connection)
                return connection
        raise NoAnswer(problem)

    async def _connect(self, target: Target, address: Address) -> Connection:
        if target.secure and self._tls is None:
            self._tls = ssl.create_default_context()
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_connection(
            lambda: Connection(self._limits, loop),
            str(address),
            target.port,
            ssl=self._tls if target.secure else None,
            server_hostname=target.host if target.secure else None,
        )
        peer = ip_address(str(transport.get_extra_info("peername")[0]))
        if peer != address:
            # An address is given, so nothing can have been looked up: this would be our mistake.
            connection.abort("address_not_permitted")
            raise NotPermitted
        return connection


def _message(target: Target, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: {target.authority}\r\n{lines}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    # Four line ends are ours and one is each header's; more means that a value brought one along.
    assert head.isascii(), "headers are ours"
    assert head.count("\n") == 4 + len(headers), "headers are ours"
    return head.encode() + body
