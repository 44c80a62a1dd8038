"""The guard that keeps tests on this machine."""

from __future__ import annotations

import socket

import pytest

from tests.support.network import LeavesTheMachine, is_local


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", b"127.0.0.1", None])
def test_this_machine_is_local(host: str | bytes | None) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "", "::", "example.com"])
def test_other_machines_and_all_interfaces_are_not(host: str) -> None:
    assert not is_local(host)


def test_a_test_cannot_connect_to_another_machine() -> None:
    with socket.socket() as outgoing, pytest.raises(LeavesTheMachine):
        outgoing.connect(("192.0.2.1", 80))


def test_a_test_cannot_look_a_name_up() -> None:
    with pytest.raises(LeavesTheMachine):
        socket.getaddrinfo("example.com", 80)


def test_a_test_cannot_listen_for_another_machine() -> None:
    with socket.socket() as listening, pytest.raises(LeavesTheMachine):
        listening.bind(("0.0.0.0", 0))
