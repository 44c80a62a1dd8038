"""What is bounded in an API process is refused with 503 above its bound, and shown by health."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

from hazina.api.endpoint import Endpoint
from hazina.api.route import Router
from hazina.api.table import ROUTES
from tests.support.direct import direct
from tests.support.served import Answer, Served, served


def _begun(api: Served) -> socket.socket:
    """Send a request without its body, which keeps it under way."""
    connection = socket.create_connection(("127.0.0.1", api.port), timeout=20)
    head = (
        "POST /v1/customers HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        f"authorization: Bearer {api.key}\r\ncontent-length: 6\r\n"
        "content-type: application/x-www-form-urlencoded\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


def _health(api: Served, under_way: int) -> Answer:
    """Ask until so many requests are under way."""
    for _ in range(500):
        answer = api.send("GET", "/health/ready")
        if answer.body["checks"]["requests"]["under_way"] == under_way:
            return answer
        time.sleep(0.02)
    raise AssertionError(answer.body)


def test_requests_above_the_bound_are_told_to_come_again_and_health_shows_it(
    fresh_database_url: str,
) -> None:
    with served(fresh_database_url, requests_max=1) as api:
        with _begun(api) as connection:
            full = _health(api, 1)
            refused = api.send("GET", "/v1/balance")
            connection.sendall(b"name=A")
            answered = connection.recv(65_536)
        free = _health(api, 0)
        taken = api.send("GET", "/v1/balance")

    assert full.status == 503
    assert full.body["checks"]["requests"] == {
        "under_way": 1, "under_way_max": 1, "saturated": True,
    }  # fmt: skip
    assert (refused.status, refused.body["error"]["code"]) == (503, "overloaded")
    assert refused.headers["retry-after"] == "1"
    assert answered.startswith(b"HTTP/1.1 200")
    assert (free.status, free.body["ready"]) == (200, True)
    assert taken.status == 200


async def test_a_body_that_does_not_come_holds_its_place_for_a_limited_time(
    database_url: str,
) -> None:
    sent: list[Any] = []

    async def never() -> Any:
        await asyncio.Event().wait()

    async def keep(message: Any) -> None:
        sent.append(message)

    async with direct(database_url, requests_max=3) as api:
        key = await api.core.merchants.issue_key(await api.core.merchants.create())
        endpoint = Endpoint(api.core, Router(ROUTES), body_seconds_max=0.2)
        scope = {
            "type": "http", "method": "POST", "path": "/v1/customers", "query_string": b"",
            "headers": [(b"authorization", f"Bearer {key}".encode()), (b"content-length", b"10")],
        }  # fmt: skip
        async with asyncio.timeout(20):
            await asyncio.gather(*(endpoint(scope, never, keep) for _ in range(3)))
        left = endpoint.state().under_way

    assert left == 0
    assert [message["status"] for message in sent[::2]] == [400, 400, 400]
    assert (b"connection", b"close") in sent[0]["headers"]
    assert b"did not come within 0.2 s; nothing was done" in sent[1]["body"]


async def test_searches_above_the_bound_are_told_to_come_again_and_keep_nobody_else(
    fresh_database_url: str,
) -> None:
    asked: dict[str, Any] = {"query": "email:'a@b.ke'"}
    async with direct(fresh_database_url, reader_connections=1) as api:
        core = api.core
        key = await core.merchants.issue_key(await core.merchants.create())

        async def search() -> tuple[int, str | None]:
            answer = await api.send(key, "GET", "/v1/customers/search", asked)
            return answer.status, answer.headers.get("retry-after")

        async with core.searches.turns.one():
            searches = [asyncio.create_task(search()) for _ in range(40)]
            while sum(one.done() for one in searches) < 8:
                await asyncio.sleep(0)
            full = core.searches.turns.state()
            other = await api.send(key, "GET", "/v1/customers")
            told = await asyncio.gather(*searches)
        served_again = await search()
        shown = (await core.health())["checks"]["searches"]

    assert set(told) == {(503, "1")}
    assert (full.under_way, full.waiting, full.saturated) == (1, 32, True)
    assert other.status == 200
    assert served_again == (200, None)
    assert shown == {
        "under_way": 0, "under_way_max": 1, "waiting": 0, "waiting_max": 32, "saturated": False,
    }  # fmt: skip
