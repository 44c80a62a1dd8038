"""The lean floor: the bare floor's work through the product's own encoders and HTTP client."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
import psycopg
import uvloop
from fastapi import FastAPI, Request, Response

from benchmarks.floor import Coalescer, Provider, serve
from benchmarks.floor_bare import TABLES
from hazina.db import arrays
from hazina.db.link import Link, LinkSettings
from hazina.db.statements import Call, Statement, statement
from hazina.db.table import Kind
from hazina.ids import SystemIds

_BEGIN = Call(statement("BEGIN"), ())
_COMMIT = Call(statement("COMMIT"), ())


def _made(sql: str, *kinds: Kind) -> tuple[Statement, tuple[Kind, ...]]:
    return Statement(sql.encode(), tuple(arrays.ARRAY_OIDS[kind] for kind in kinds)), kinds


_INSERT = _made("INSERT INTO bare_row SELECT * FROM unnest($1, $2, $3)", "uuid", "bigint", "bigint")
_UPDATE = _made(
    "UPDATE bare_row t SET status = u.status FROM unnest($1, $2) AS u(id, status)"
    " WHERE t.id = u.id",
    "uuid", "bigint",
)  # fmt: skip
_TRANSFER = _made(
    "INSERT INTO bare_transfer SELECT * FROM unnest($1, $2, $3, $4)",
    "uuid", "bigint", "bigint", "bigint",
)  # fmt: skip
_EVENT = _made("INSERT INTO bare_event SELECT * FROM unnest($1, $2)", "uuid", "bytea")


@dataclass(frozen=True, slots=True)
class _Commit:
    row: UUID
    amount: int
    first: bool
    transfers: tuple[UUID, UUID]
    event: UUID
    body: bytes


class Writer:
    """Commits one batch in one round trip."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def execute(self, batch: Sequence[_Commit]) -> None:
        """Insert and update all rows of the batch with one statement each."""
        first = [one for one in batch if one.first]
        second = [one for one in batch if not one.first]
        calls = [_BEGIN]
        if first:
            amounts = [one.amount for one in first]
            calls.append(_bound(_INSERT, [one.row for one in first], [1] * len(first), amounts))
        if second:
            calls.append(_bound(_UPDATE, [one.row for one in second], [2] * len(second)))
        ones = [1] * (2 * len(batch))
        transfers = [transfer for one in batch for transfer in one.transfers]
        amounts = [one.amount for one in batch for _ in one.transfers]
        calls.append(_bound(_TRANSFER, transfers, ones, ones, amounts))
        calls.append(_bound(_EVENT, [one.event for one in batch], [one.body for one in batch]))
        await self._link.run([*calls, _COMMIT])


def _bound(made: tuple[Statement, tuple[Kind, ...]], *columns: Sequence[object]) -> Call:
    pairs = zip(made[1], columns, strict=True)
    return Call(made[0], tuple(arrays.encode(kind, values) for kind, values in pairs))


def _shown(row: UUID, amount: int) -> bytes:
    return orjson.dumps({"id": row.hex, "amount": amount, "status": "succeeded"})


def create_app(writer: Coalescer, provider: Provider) -> FastAPI:
    """Return the application with its one handler."""
    app = FastAPI()
    ids = SystemIds()

    @app.get("/ready")
    async def ready() -> Response:
        return Response()

    @app.post("/v1/payment_intents")
    async def create(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        amount = int(form["amount"])
        row = ids.uuid()
        first = _Commit(
            row, amount, True, (ids.uuid(), ids.uuid()), ids.uuid(), _shown(row, amount)
        )
        await writer.submit(first)
        await provider.ask(f"lean_{row.hex}")
        body = _shown(row, amount)
        await writer.submit(_Commit(row, amount, False, (ids.uuid(), ids.uuid()), ids.uuid(), body))
        return Response(body, media_type="application/json")

    return app


async def _run(port: int) -> None:
    url = os.environ["BENCH_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
    link = await Link.connect(url, LinkSettings())
    writer = Coalescer(Writer(link).execute)
    app = create_app(writer, Provider(os.environ["BENCH_SIMULATOR_URL"]))
    gc.freeze()
    await serve(app, port)


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_run(int(sys.argv[1])))
