"""Calls the official Python package the same way in its synchronous and its asynchronous form."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import stripe

from tests.support.answers import demand_shape


class _CheckedRequests(stripe.RequestsClient):
    """The package's own client, with every answer checked before the package reads it."""

    def request(  # type: ignore[override]  # the package's base class says str, its clients bytes
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        body, status, answered = super().request(method, url, headers, post_data)
        demand_shape(f"{method} {url}", body)
        return body, status, answered


class _CheckedAiohttp(stripe.AIOHTTPClient):
    """The package's own asynchronous client, with every answer checked before it is read."""

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        body, status, answered = await super().request_async(method, url, headers, post_data)
        demand_shape(f"{method} {url}", body)
        return body, status, answered


class Caller(ABC):
    """One way of calling the package; the scenario is written once against it."""

    api: Any

    @abstractmethod
    async def call(self, service: Any, method: str, *arguments: Any) -> Any:
        """Call a method of a service of the package."""

    @abstractmethod
    async def collect(self, page: Any, limit: int) -> list[Any]:
        """Read objects through as many pages as it takes, by the package's own paging."""

    @abstractmethod
    async def pause(self, seconds: float) -> None:
        """Wait."""

    @abstractmethod
    async def run_blocking(self, work: Callable[..., object], *arguments: Any) -> None:
        """Do something that blocks, such as fetching a page."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""


class SyncCaller(Caller):
    """Calls the blocking methods; its coroutines never suspend, so that no event loop is needed."""

    def __init__(self, base_url: str, key: str) -> None:
        self._http = _CheckedRequests()
        self._client = _client(base_url, key, self._http)
        self.api = self._client.v1

    async def call(self, service: Any, method: str, *arguments: Any) -> Any:
        """Call a blocking method."""
        return getattr(service, method)(*arguments)

    async def collect(self, page: Any, limit: int) -> list[Any]:
        """Iterate as a `for` does."""
        return list(islice(page.auto_paging_iter(), limit))

    async def pause(self, seconds: float) -> None:
        """Sleep in this thread."""
        time.sleep(seconds)  # noqa: ASYNC251

    async def run_blocking(self, work: Callable[..., object], *arguments: Any) -> None:
        """Do it in this thread."""
        work(*arguments)

    async def close(self) -> None:
        """Close the pooled connections of this thread."""
        self._http.close()  # type: ignore[no-untyped-call]


class AsyncCaller(Caller):
    """Calls the methods whose names end in `_async`, over aiohttp."""

    def __init__(self, base_url: str, key: str) -> None:
        self._http = _CheckedAiohttp()
        self._client = _client(base_url, key, self._http)
        self.api = self._client.v1

    async def call(self, service: Any, method: str, *arguments: Any) -> Any:
        """Await an asynchronous method."""
        return await getattr(service, f"{method}_async")(*arguments)

    async def collect(self, page: Any, limit: int) -> list[Any]:
        """Iterate as an `async for` does."""
        found: list[Any] = []
        async for one in page.auto_paging_iter():
            found.append(one)
            if len(found) == limit:
                break
        return found

    async def pause(self, seconds: float) -> None:
        """Sleep in the event loop."""
        await asyncio.sleep(seconds)

    async def run_blocking(self, work: Callable[..., object], *arguments: Any) -> None:
        """Do it in another thread, so that the event loop goes on."""
        await asyncio.to_thread(work, *arguments)

    async def close(self) -> None:
        """Close the session."""
        await self._http.close_async()  # type: ignore[no-untyped-call]


def _client(base_url: str, key: str, http: stripe.HTTPClient) -> stripe.StripeClient:
    # Retries inside the package would hide an answer that should never have been given.
    return stripe.StripeClient(
        key, base_addresses={"api": base_url}, http_client=http, max_network_retries=0
    )
