"""A provider's callback that cannot be kept now is told to come again."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from hazina.api.app import create_app
from hazina.db.unit import Overloaded, Unreachable
from hazina.ids import SystemIds


class _Busy:
    """Callbacks that cannot be stored."""

    def __init__(self, problem: Overloaded) -> None:
        self._problem = problem

    async def receive(self, *_: Any) -> bool:
        raise self._problem


async def _close() -> None:
    """Have nothing to close."""


async def _answered(core: Any) -> Any:
    """Return the start and the body of the answer to a callback."""

    async def made() -> Any:
        return core

    app = create_app(made)
    ends, begun, sent = asyncio.Event(), asyncio.Event(), []
    steps = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))

    async def lives() -> Any:
        step = next(steps)
        if step["type"] == "lifespan.shutdown":
            await ends.wait()
        return step

    async def began(_: Any) -> None:
        begun.set()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def keep(message: Any) -> None:
        sent.append(message)

    life = asyncio.create_task(app({"type": "lifespan"}, lives, began))
    await begun.wait()
    scope = {
        "type": "http", "method": "POST", "path": "/callbacks/sandbox", "raw_path": b"",
        "query_string": b"", "headers": [(b"content-length", b"2")], "client": None,
        "server": ("localhost", 1), "scheme": "http", "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    await app(scope, receive, keep)
    ends.set()
    await life
    return sent


@pytest.mark.parametrize("problem", [Overloaded("20000 wait"), Unreachable("nobody answers")])
async def test_a_callback_that_cannot_be_kept_now_is_told_to_come_again(
    problem: Overloaded,
) -> None:
    core = SimpleNamespace(
        docs_url="/docs", ids=SystemIds(), callbacks=_Busy(problem), requests_max=1, close=_close
    )

    start, body = await _answered(core)

    assert start["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]
    assert b'"overloaded"' in body["body"]
