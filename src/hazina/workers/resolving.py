"""Looking names up beside the event loop, one look-up per name at a time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from hazina.egress.addresses import Address

_THREADS = 64


class SystemResolver:
    """The machine's resolver, in threads of its own.

    A name whose servers are slow holds one thread, however many wait for it.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook-dns")
        self._asked: dict[str, asyncio.Future[list[Address]]] = {}

    async def addresses(self, host: str) -> Sequence[Address]:
        """Return all addresses of a name. Raises `OSError`."""
        asked = self._asked.get(host)
        if asked is None:
            loop = asyncio.get_running_loop()
            asked = self._asked[host] = loop.run_in_executor(self._threads, _look_up, host)
            asked.add_done_callback(lambda done: self._answered(host, done))
        # Who is cancelled must not take the others' answer along.
        return await asyncio.shield(asked)

    def close(self) -> None:
        """Let go of the threads; look-ups under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _answered(self, host: str, done: asyncio.Future[list[Address]]) -> None:
        del self._asked[host]
        if not done.cancelled():
            done.exception()  # Everybody who waited may have given up meanwhile.


def _look_up(host: str) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("a name that cannot be asked for") from error
    return [ip_address(text) for text in dict.fromkeys(str(entry[4][0]) for entry in found)]
