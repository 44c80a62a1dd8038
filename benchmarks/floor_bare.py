"""The bare floor: a FastAPI handler, two coalesced commits of narrow rows, one provider hop.

Written as one would with the usual libraries (FastAPI, psycopg, aiohttp) and no
product code. Each commit holds the row (inserted, then updated), two transfers and an event.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import aiohttp
import psycopg
import uvloop
from fastapi import FastAPI, Request, Response

from benchmarks.floor import Coalescer, serve

TABLES = """
CREATE TABLE bare_row (id uuid PRIMARY KEY, status bigint NOT NULL, amount bigint NOT NULL);
CREATE TABLE bare_transfer
    (id uuid PRIMARY KEY, debit bigint NOT NULL, credit bigint NOT NULL, amount bigint NOT NULL);
CREATE TABLE bare_event (id uuid PRIMARY KEY, body bytea NOT NULL);
"""
_INSERT = "INSERT INTO bare_row SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[])"
_UPDATE = (
    "UPDATE bare_row t SET status = u.status FROM unnest(%b::uuid[], %b::bigint[]) AS u(id, status)"
    " WHERE t.id = u.id"
)
_TRANSFER = (
    "INSERT INTO bare_transfer"
    " SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[])"
)
_EVENT = "INSERT INTO bare_event SELECT * FROM unnest(%b::uuid[], %b::bytea[])"


@dataclass(frozen=True, slots=True)
class _Commit:
    row: UUID
    amount: int
    first: bool
    body: bytes


class Writer:
    """Commits one batch in one database transaction, pipelined."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection

    async def execute(self, batch: Sequence[_Commit]) -> None:
        """Insert and update all rows of the batch with one statement each."""
        first = [one for one in batch if one.first]
        second = [one for one in batch if not one.first]
        connection = self._connection
        async with connection.pipeline(), connection.transaction():
            if first:
                rows, amounts = [one.row for one in first], [one.amount for one in first]
                await connection.execute(_INSERT, [rows, [1] * len(first), amounts])
            if second:
                await connection.execute(_UPDATE, [[one.row for one in second], [2] * len(second)])
            ones = [1] * (2 * len(batch))
            amounts = [one.amount for one in batch for _ in range(2)]
            ids = [uuid4() for _ in ones]
            await connection.execute(_TRANSFER, [ids, ones, ones, amounts])
            events = [uuid4() for _ in batch]
            await connection.execute(_EVENT, [events, [one.body for one in batch]])


def create_app(writer: Coalescer, session: aiohttp.ClientSession, url: str) -> FastAPI:
    """Return the application with its one handler."""
    app = FastAPI()

    @app.get("/ready")
    async def ready() -> Response:
        return Response()

    @app.post("/v1/payment_intents")
    async def create(request: Request) -> dict[str, object]:
        form = dict(parse_qsl((await request.body()).decode()))
        amount, currency = int(form["amount"]), form["currency"]
        row = uuid4()
        shown = {"id": row.hex, "amount": amount, "currency": currency, "status": "succeeded"}
        body = json.dumps(shown).encode()
        await writer.submit(_Commit(row, amount, True, body))
        asked = {
            "operation": "authorize", "reference": f"bare_{row.hex}", "amount": amount,
            "currency": currency, "payment_method": form["payment_method"], "capture": True,
        }  # fmt: skip
        async with session.post(f"{url}/v1/operations", json=asked) as reply:
            answer = await reply.json()
            assert reply.status == 200, answer
        await writer.submit(_Commit(row, amount, False, body))
        return shown

    return app


async def _run(port: int) -> None:
    url = os.environ["BENCH_DATABASE_URL"]
    async with (
        await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0) as link,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        await link.execute(TABLES, prepare=False)
        writer = Coalescer(Writer(link).execute)
        app = create_app(writer, session, os.environ["BENCH_SIMULATOR_URL"])
        gc.freeze()
        await serve(app, port)


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_run(int(sys.argv[1])))
