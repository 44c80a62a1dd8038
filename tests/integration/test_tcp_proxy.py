"""The fault proxy breaks connections as it says: what the fault tests rely on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.tcp_proxy import Fault, Target, TcpProxy

_SECONDS = 0.3


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets; yields its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(1024):
                    connection.sendall(data)
            except OSError:
                return

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def _ask(connection: socket.socket) -> bytes:
    connection.settimeout(_SECONDS)
    connection.sendall(b"hello")
    return connection.recv(1024)


def _connected(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), _SECONDS)


def test_it_carries_what_it_is_given(echo: int) -> None:
    with TcpProxy(Target(echo)) as proxy, _connected(proxy) as connection:
        assert _ask(connection) == b"hello"
        assert proxy.accepted == 1


@pytest.mark.parametrize("fault", [Fault.HALF_OPEN, Fault.BLACKHOLE])
def test_what_is_swallowed_leaves_the_connection_alive_and_silent(echo: int, fault: Fault) -> None:
    with TcpProxy(Target(echo)) as proxy, _connected(proxy) as connection:
        proxy.set(fault)
        with pytest.raises(TimeoutError):
            _ask(connection)
        proxy.set(Fault.NONE)
        with _connected(proxy) as healed:
            assert _ask(healed) == b"hello"


def test_a_reset_is_seen_as_one(echo: int) -> None:
    with TcpProxy(Target(echo)) as proxy, _connected(proxy) as connection:
        assert _ask(connection) == b"hello"
        proxy.set(Fault.RESET)
        with pytest.raises(ConnectionError):
            _ask(connection)


def test_an_answer_is_cut_short(echo: int) -> None:
    with TcpProxy(Target(echo)) as proxy, _connected(proxy) as connection:
        proxy.set(Fault.TRUNCATE, bytes_max=2)
        assert _ask(connection) == b"he"
        assert connection.recv(1024) == b""


def test_nobody_listens_until_it_heals(echo: int) -> None:
    with TcpProxy(Target(echo)) as proxy:
        proxy.set(Fault.REFUSE)
        with pytest.raises(ConnectionRefusedError):
            _connected(proxy)
        proxy.set(Fault.NONE)
        with _connected(proxy) as connection:
            assert _ask(connection) == b"hello"


def test_what_is_late_comes(echo: int) -> None:
    with TcpProxy(Target(echo)) as proxy, _connected(proxy) as connection:
        proxy.set(Fault.LATENCY, latency_ms=20)
        assert _ask(connection) == b"hello"
