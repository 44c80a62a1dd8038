"""The provider's process: one listening socket until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path

from hazina.clock import Clock
from hazina.connectors.sandbox.simulator.books import Books
from hazina.connectors.sandbox.simulator.callbacks import CallbackSender
from hazina.connectors.sandbox.simulator.desk import Desk
from hazina.connectors.sandbox.simulator.faults import GlobalFaults
from hazina.connectors.sandbox.simulator.wire import Exchange
from hazina.ids import Ids
from hazina.rails.transport import Transport


async def serve(
    *,
    port: int,
    data: Path,
    callback_url: str,
    callback_secret: str,
    transport: Transport,
    clock: Clock,
    ids: Ids,
) -> None:
    """Serve on the loopback address until SIGINT or SIGTERM. Port 0 takes a free one.

    Writes `listening on http://127.0.0.1:PORT` once requests are taken.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    books = Books(data)
    # Everything loaded stays for good; walking over it in every collection would be wasted.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    connections: set[Exchange] = set()
    desk: list[Desk] = []
    server = await loop.create_server(
        lambda: Exchange(lambda exchange: desk[0].handle(exchange), connections),
        "127.0.0.1",
        port,
        backlog=1_024,
        start_serving=False,
    )
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    sender = CallbackSender(transport, clock, callback_url, callback_secret)
    desk.append(Desk(books, GlobalFaults(ids), sender, clock, base))
    desk[0].start()
    await server.start_serving()
    print(f"listening on {base}", flush=True)
    await stop.wait()
    server.close()
    for connection in list(connections):
        connection.hang_up()
    await desk[0].close()
    await transport.close()
    books.close()
