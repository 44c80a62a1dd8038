"""Compares HTTP clients for provider calls: CPU per request, against the sandbox provider.

Run `python -m benchmarks.http_client [REQUESTS]`. Candidates that are not installed are left out.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.util import find_spec

import orjson
import uvloop

from hazina.dispatch.transport import HttpTransport
from hazina.ids import SystemIds
from tests.support.simulator import Simulator

_CLIENTS = 32
_ROUNDS = 3
_HEADERS = {"content-type": "application/json"}

Post = Callable[[str, bytes], Awaitable[int]]


async def _own(stack: AsyncExitStack) -> Post:
    transport = HttpTransport()
    stack.push_async_callback(transport.close)

    async def post(url: str, body: bytes) -> int:
        return (await transport.request("POST", url, _HEADERS, body, 10_000)).status

    return post


async def _aiohttp(stack: AsyncExitStack) -> Post:
    import aiohttp

    session = await stack.enter_async_context(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=10),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
    )

    async def post(url: str, body: bytes) -> int:
        async with session.post(url, data=body, headers=_HEADERS, allow_redirects=False) as reply:
            await reply.read()
            return reply.status

    return post


async def _httpx(stack: AsyncExitStack) -> Post:
    import httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    client = await stack.enter_async_context(httpx.AsyncClient(limits=limits, timeout=10))

    async def post(url: str, body: bytes) -> int:
        return (await client.post(url, content=body, headers=_HEADERS)).status_code

    return post


_CANDIDATES = {"own, on httptools": _own, "aiohttp": _aiohttp, "httpx": _httpx}


async def _measure(post: Post, url: str, requests: int) -> float:
    """Return microseconds of this process's CPU time per request."""
    ids = SystemIds()
    bodies = [
        orjson.dumps(
            {
                "operation": "authorize",
                "reference": ids.new("op"),
                "amount": 500,
                "currency": "kes",
                "payment_method": "pm_card_visa",
            }
        )
        for _ in range(requests)
    ]

    async def client(mine: list[bytes]) -> None:
        for body in mine:
            assert await post(url, body) == 200

    before = resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(*[client(bodies[i::_CLIENTS]) for i in range(_CLIENTS)])
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used / requests * 1e6


async def _main(requests: int) -> None:
    with Simulator() as provider:
        url = f"{provider.url}/v1/operations"
        for name, make in _CANDIDATES.items():
            if name in ("aiohttp", "httpx") and find_spec(name) is None:
                print(f"{name:20} not installed")
                continue
            async with AsyncExitStack() as stack:
                post = await make(stack)
                await _measure(post, url, _CLIENTS * 4)
                figures = [await _measure(post, url, requests) for _ in range(_ROUNDS)]
            print(f"{name:20} {statistics.median(figures):7.1f} us CPU per request (median)")


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000))
