"""A whole API of the test's own, in a thread on loopback, with its sandbox provider."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import uvicorn
from psycopg import sql

from hazina.api.app import create_app
from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.checkout_page.site import checkout_site
from tests.support.answers import demand_shape
from tests.support.simulator import CALLBACK_SECRET, Simulator

FORM = "application/x-www-form-urlencoded"
_START_SECONDS_MAX = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, the JSON value, the bytes it was read from, headers in lower case."""

    status: int
    body: Any
    raw: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Served:
    """A running API: its port, a secret key of a merchant, and where its data is."""

    port: int
    key: str
    publishable_key: str
    database_url: str

    @property
    def url(self) -> str:
        """Return the address without a path."""
        return f"http://127.0.0.1:{self.port}"

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = FORM,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request with the secret key, unless `headers` say otherwise."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": content_type}
        sent |= headers or {}
        try:
            connection.request(method, path, body or None, sent)
            reply = connection.getresponse()
            raw = reply.read()
        finally:
            connection.close()
        if raw and path.startswith("/v1/"):
            sent_key = sent["Authorization"].removeprefix("Bearer ")
            demand_shape(f"{method} {path}", raw, key=sent_key)
        shown = {name.lower(): value for name, value in reply.getheaders()}
        return Answer(reply.status, json.loads(raw) if raw else None, raw, shown)

    def table_text(self, table: str) -> str:
        """Return every row of a table as text, binary columns in hexadecimal."""
        with psycopg.connect(self.database_url) as connection:
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            return "\n".join(row[0] for row in connection.execute(query).fetchall())

    def row_counts(self) -> dict[str, int]:
        """Count the rows of every table, to see that a refused request wrote none."""
        with psycopg.connect(self.database_url) as connection:
            names = connection.execute(
                "SELECT format('%I.%I', table_schema, table_name), table_schema, table_name"
                " FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
                " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            count = sql.SQL("SELECT count(*) FROM {}")
            return {
                shown: _one(connection.execute(count.format(sql.Identifier(schema, name))))
                for shown, schema, name in names
            }


def _one(cursor: psycopg.Cursor[Any]) -> int:
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def served(database_url: str, **more: Any) -> Iterator[Served]:
    """Serve a core of this database until the block ends; the workers do not run."""
    with Simulator() as simulator, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        settings = Settings(
            database_url=database_url,
            pepper="pepper of the tests, long enough",
            simulator_url=simulator.url,
            callback_secret=CALLBACK_SECRET,
            **more,
        )
        thread = _Server(settings, listening)
        thread.start()
        try:
            if not thread.ready.wait(_START_SECONDS_MAX) or thread.failure is not None:
                raise AssertionError("the API did not start") from thread.failure
            port = listening.getsockname()[1]
            yield Served(port, thread.key, thread.publishable_key, database_url)
        finally:
            thread.stop()
            thread.join(_START_SECONDS_MAX)
        if thread.failure is not None:
            raise AssertionError("the API failed") from thread.failure


class _Server(threading.Thread):
    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self._listening = listening
        self._uvicorn: uvicorn.Server | None = None
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self.key = ""
        self.publishable_key = ""

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self.failure = error
            self.ready.set()

    def stop(self) -> None:
        """Ask the server to finish what is under way and end."""
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True

    async def _serve(self) -> None:
        core = await open_core(self._settings)
        merchant = await core.merchants.create()
        self.key = await core.merchants.issue_key(merchant)
        self.publishable_key = await core.merchants.issue_key(merchant, publishable=True)

        async def opened() -> Core:
            return core

        config = uvicorn.Config(
            create_app(opened, {"c": checkout_site}), http="httptools", ws="none", lifespan="on",
            access_log=False,
            log_level="warning", server_header=False, log_config=None,
        )  # fmt: skip
        self._uvicorn = uvicorn.Server(config)
        serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._listening]))
        while not self._uvicorn.started and not serving.done():
            await asyncio.sleep(0.02)
        self.ready.set()
        await serving
