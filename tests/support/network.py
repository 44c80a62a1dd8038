"""The guard that keeps tests on this machine: loopback addresses and unix sockets only."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

_GUARDED = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"})


class LeavesTheMachine(RuntimeError):
    """A test tried to reach another machine or to listen for one: use a simulator on 127.0.0.1."""


def install_guard() -> None:
    """Refuse every socket of this process that leaves the machine, until the process ends."""
    sys.addaudithook(_judge)


def _judge(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _GUARDED:
        return
    host = arguments[0] if event == "socket.getaddrinfo" else _host(arguments[1])
    if not is_local(host):
        raise LeavesTheMachine(f"{event} {host!r}: use a simulator on 127.0.0.1 instead.")


def _host(address: Any) -> Any:
    # A unix socket's address is a path, an internet address is a tuple that begins with the host.
    return address[0] if isinstance(address, tuple) else None


def is_local(host: str | bytes | None) -> bool:
    """Tell whether a host is this machine; None stands for a unix socket."""
    if host is None:
        return True
    text = host.decode() if isinstance(host, bytes) else host
    if text == "localhost":
        return True
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False
