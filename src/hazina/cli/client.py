"""A small client of the public API: form bodies, one answer each, nothing hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import aiohttp


@dataclass(frozen=True, slots=True)
class Response:
    """What the API answered."""

    status: int
    body: dict[str, Any]


class ApiClient:
    """Calls the API with a secret key."""

    def __init__(self, session: aiohttp.ClientSession, url: str, secret_key: str) -> None:
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {secret_key}"}

    async def post(self, path: str, fields: Mapping[str, str]) -> Response:
        """Send a form."""
        return await self._send("POST", path, data=fields)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Response:
        """Read an object or a list."""
        return await self._send("GET", path, params=query)

    async def delete(self, path: str) -> Response:
        """Delete an object."""
        return await self._send("DELETE", path)

    async def _send(self, method: str, path: str, **content: Any) -> Response:
        async with self._session.request(
            method, f"{self._url}{path}", headers=self._headers, **content
        ) as reply:
            return Response(reply.status, await reply.json())


async def approve_on_page(session: aiohttp.ClientSession, url: str) -> None:
    """Do what a cardholder does: open the bank's page and press its first button."""
    async with session.get(url) as page:
        form = _Form()
        form.feed(await page.text())
        target = urljoin(str(page.url), form.action)
    async with session.post(target, data=form.fields) as answer:
        await answer.read()


class _Form(HTMLParser):
    """The first form of a page and what its first button sends."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._pressed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = self.action or found.get("action", "")
        elif tag == "input" and found.get("type") == "hidden":
            self.fields[found.get("name", "")] = found.get("value", "")
        elif tag == "button" and not self._pressed:
            self._pressed = True
            self.fields[found.get("name", "")] = found.get("value", "")
