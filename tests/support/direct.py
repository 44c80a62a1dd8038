"""A whole core without a server: requests are handed to its endpoint as messages."""

from __future__ import annotations

import urllib.parse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from hazina.api.endpoint import Endpoint
from hazina.api.route import Router
from hazina.api.streaming import CONTENT_TYPE
from hazina.api.table import ROUTES
from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.clock import Clock
from tests.support import stripe_schema
from tests.support.simulator import CALLBACK_SECRET, Simulator


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; every answer was checked against Stripe's shapes."""

    status: int
    body: dict[str, Any]
    raw: bytes
    headers: dict[str, str]

    @property
    def code(self) -> str | None:
        """Return the code of a refusal, None for an answer."""
        code: str | None = self.body.get("error", {}).get("code")
        return code


class Direct:
    """Sends requests with any key to the endpoint of a core of its own."""

    def __init__(self, core: Core, checked: bool = True) -> None:
        self.core = core
        self._checked = checked
        self._endpoint = Endpoint(core, Router(ROUTES))

    async def send(
        self,
        key: str,
        method: str,
        path: str,
        fields: Mapping[str, Any] | None = None,
        **headers: str,
    ) -> Answer:
        """Send a form, or a query; a header such as Stripe-Account is `stripe_account`."""
        encoded = urllib.parse.urlencode(fields or {}, doseq=True)
        path, _, query = path.partition("?")
        body = encoded.encode() if method == "POST" else b""
        if method != "POST":
            query = "&".join(part for part in (query, encoded) if part)
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Any) -> None:
            sent.append(message)

        raw_headers = {
            "authorization": f"Bearer {key}", "content-length": str(len(body)),
            "content-type": "application/x-www-form-urlencoded",
        } | {name.replace("_", "-"): value for name, value in headers.items()}  # fmt: skip
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in raw_headers.items()],
        }  # fmt: skip
        await self._endpoint(scope, receive, keep)
        raw = b"".join(message["body"] for message in sent[1:])
        shown = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        if shown.get("content-type") == CONTENT_TYPE:
            return Answer(sent[0]["status"], {}, raw, shown)
        answer = orjson.loads(raw or b"{}")
        problems = stripe_schema.check(answer) if self._checked else []
        assert problems == [], (method, path, problems, answer)
        return Answer(sent[0]["status"], answer, raw, shown)

    async def post(self, key: str, path: str, **fields: Any) -> dict[str, Any]:
        """Make or change something; fail unless it was done."""
        answer = await self.send(key, "POST", path, fields)
        assert answer.status == 200, (path, answer.body)
        return answer.body


@asynccontextmanager
async def direct(
    database_url: str,
    *,
    clock: Clock | None = None,
    checked: bool = True,
    **settings: Any,
) -> AsyncIterator[Direct]:
    """Open a core with its sandbox provider; the workers do not run.

    Answers are checked against Stripe's shapes unless `checked` is false, as for publishable keys,
    from which fields are hidden.
    """
    with Simulator() as simulator:
        core = await open_core(
            Settings(
                database_url=database_url, pepper="pepper of the tests, long enough",
                simulator_url=simulator.url, callback_secret=CALLBACK_SECRET, **settings,
            ),
            clock=clock,
        )  # fmt: skip
        try:
            yield Direct(core, checked)
        finally:
            await core.close()
