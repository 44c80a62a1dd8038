"""What both floors share: a coalescer, one provider hop, and a server set up as the product's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import uvicorn

from hazina.connectors.sandbox.mapping import request_body
from hazina.dispatch.transport import HttpTransport
from hazina.rails.contract import Operation, OperationRequest

_BATCH_MAX = 128
_JSON = {"content-type": "application/json"}


class Coalescer:
    """Hands whatever queued while the last batch was in flight to `execute`, all at once."""

    def __init__(self, execute: Callable[[Sequence[Any]], Awaitable[None]]) -> None:
        self._execute = execute
        self._queue: list[tuple[Any, asyncio.Future[None]]] = []
        self._busy: asyncio.Task[None] | None = None

    async def submit(self, item: Any) -> None:
        """Return when the batch with this item has been executed."""
        done = asyncio.get_running_loop().create_future()
        self._queue.append((item, done))
        if self._busy is None:
            self._busy = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        while self._queue:
            batch, self._queue = self._queue[:_BATCH_MAX], self._queue[_BATCH_MAX:]
            try:
                await self._execute([item for item, _ in batch])
            except Exception as error:
                for _, done in batch:
                    done.set_exception(error)
                continue
            for _, done in batch:
                done.set_result(None)
        self._busy = None


class Provider:
    """Asks the simulator for one authorization with capture, as the product does."""

    def __init__(self, url: str) -> None:
        self._transport = HttpTransport()
        self._url = f"{url}/v1/operations"

    async def ask(self, reference: str) -> None:
        """Return when the simulator has approved."""
        body = request_body(
            OperationRequest(
                Operation.AUTHORIZE, reference, 100_000, "kes",
                payment_method="pm_card_visa", capture=True,
            )
        )  # fmt: skip
        reply = await self._transport.request("POST", self._url, _JSON, body, 10_000)
        assert reply.status == 200, reply.body


async def serve(app: Any, port: int) -> None:
    """Serve on 127.0.0.1 with the settings of `hazina api`, until SIGTERM."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", ws="none",
        lifespan="off", access_log=False, log_level="warning", timeout_keep_alive=75,
        server_header=False, backlog=2_048,
    )  # fmt: skip
    await uvicorn.Server(config).serve()
