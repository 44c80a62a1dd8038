"""Receivers of webhooks for `benchmarks.webhooks`, a process of its own: quick, or hanging.

Reads one JSON object per line: `{"listen": N, "hang": [..], "says": {"place": status}}` first;
status 0 sends a byte of a header now and then, for ever; then `{"take": true}` prints
what arrived since, as a list of [place, event id, nanoseconds of the machine's steady clock].
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class _Receiver(asyncio.Protocol):
    def __init__(
        self, place: int, hangs: bool, arrived: list[tuple[int, str, int]], says: int = 200
    ) -> None:
        self._says = says
        self._place = place
        self._hangs = hangs
        self._arrived = arrived
        self._transport: Any = None
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held = self._held + data if self._held else data
        while True:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return
            start = self._held.index(b"Content-Length: ") + 16
            whole = end + 4 + int(self._held[start : self._held.index(b"\r\n", start)])
            if len(self._held) < whole:
                return
            at = self._held.index(b"webhook-id: ") + 12
            event_id = self._held[at : self._held.index(b"\r\n", at)].decode()
            self._arrived.append((self._place, event_id, time.monotonic_ns()))
            self._held = self._held[whole:]
            if not self._says:
                self._transport.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
                self._drip()
            elif not self._hangs:
                self._transport.write(_ANSWER.replace(b"200", b"%d" % self._says))

    def _drip(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"x")
            asyncio.get_running_loop().call_later(0.2, self._drip)


async def _main() -> None:
    loop = asyncio.get_running_loop()
    order = json.loads(await asyncio.to_thread(sys.stdin.readline))
    arrived: list[tuple[int, str, int]] = []
    ports = []
    for place in range(order["listen"]):
        hangs = place in order["hang"]
        server = await loop.create_server(
            lambda place=place, hangs=hangs: _Receiver(
                place, hangs, arrived, order.get("says", {}).get(str(place), 200)
            ),
            "127.0.0.1",
            0,
        )
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        taken = arrived[:]
        arrived.clear()
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    uvloop.run(_main())
