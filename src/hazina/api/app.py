"""The ASGI application: /v1, callbacks, health, the OpenAPI document and its page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route as Page

from hazina.api.core import Core, CoreFactory
from hazina.api.docs_page import errors_page, page
from hazina.api.endpoint import ClientGone, Endpoint, RequestsState, read_body
from hazina.api.nearest import unknown_route
from hazina.api.openapi import document
from hazina.api.reply import Message, Receive, Reply, Scope, Send, internal, of_refusal, overloaded
from hazina.api.route import Router
from hazina.api.table import ROUTES
from hazina.db.unit import Overloaded
from hazina.refusals import Code, Refusal

CALLBACK_BYTES_MAX = 256 * 1024


Site = Callable[[Scope, Receive, Send], Awaitable[None]]
SiteFactory = Callable[[Any], Site]
"""Builds what answers below one first part of a path, such as `c`, over an open core."""


class App:
    """Hands /v1 straight to its endpoint and the rest to a small Starlette application."""

    def __init__(self, core_factory: CoreFactory, sites: Mapping[str, SiteFactory]) -> None:
        self._core_factory = core_factory
        self._site_factories = sites
        self._sites: dict[str, Site] = {}
        self._router = Router(ROUTES)
        self._endpoint: Endpoint | None = None
        self._shell = Starlette(
            routes=[
                Page("/", _front, methods=["GET"]),
                Page("/docs", _docs, methods=["GET"]),
                Page("/docs/errors", _docs_errors, methods=["GET"]),
                Page("/openapi.json", _openapi, methods=["GET"]),
                Page("/health/live", _live, methods=["GET"]),
                Page("/health/ready", _ready, methods=["GET"]),
                Page("/callbacks/{connector}", _callback, methods=["POST"]),
            ],
            lifespan=self._lifespan,
            exception_handlers={404: _unknown, 405: _wrong_method, 500: _failed},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/") and self._endpoint:
            await self._endpoint(scope, receive, send)
        elif scope["type"] == "http":
            first = scope["path"][1:].partition("/")[0]
            answering = self._sites.get(first, self._shell)
            await answering(scope, receive, self._with_request_id(send))
        else:
            await self._shell(scope, receive, send)

    def _with_request_id(self, send: Send) -> Send:
        """Name each answer of the shell, as those of /v1 are, unless its handler has done so."""

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if not any(name == b"request-id" for name, _ in headers):
                    request_id = self._shell.state.core.ids.new("req").encode()
                    message["headers"] = [*headers, (b"request-id", request_id)]
            await send(message)

        return named

    @asynccontextmanager
    async def _lifespan(self, shell: Starlette) -> AsyncIterator[None]:
        core = await self._core_factory()
        shell.state.core = core
        self._endpoint = Endpoint(core, self._router)
        shell.state.endpoint = self._endpoint
        self._sites = {name: made(core) for name, made in self._site_factories.items()}
        try:
            yield
        finally:
            await core.close()


def create_app(core_factory: CoreFactory, sites: Mapping[str, SiteFactory] | None = None) -> App:
    """Return the application; its lifespan opens and closes the core.

    `sites` are pages of other packages, each below one first part of a path.
    """
    return App(core_factory, sites or {})


async def _front(_: Request) -> Response:
    return RedirectResponse("/docs")


async def _docs(_: Request) -> Response:
    return HTMLResponse(page(ROUTES))


async def _docs_errors(_: Request) -> Response:
    return HTMLResponse(errors_page())


async def _openapi(_: Request) -> Response:
    return _json(200, document(ROUTES))


async def _live(_: Request) -> Response:
    return _json(200, {"live": True})


async def _ready(request: Request) -> Response:
    core: Core = request.app.state.core
    health = await core.health()
    requests: RequestsState = request.app.state.endpoint.state()
    health.setdefault("checks", {})["requests"] = {
        "under_way": requests.under_way, "under_way_max": requests.under_way_max,
        "saturated": requests.saturated,
    }  # fmt: skip
    health["ready"] = bool(health.get("ready")) and not requests.saturated
    return _json(200 if health["ready"] else 503, health)


async def _callback(request: Request) -> Response:
    """Keep a provider's callback. 200 says that it is stored, not that it was acted on."""
    core: Core = request.app.state.core
    raw = dict(request.scope["headers"])
    try:
        body = await read_body(raw, request.receive, CALLBACK_BYTES_MAX)
        headers = {name.decode("latin-1"): raw[name].decode("latin-1") for name in raw}
        kept = await core.callbacks.receive(request.path_params["connector"], headers, body)
    except ClientGone:
        return Response(status_code=400)
    except KeyError:
        unknown = Refusal(Code.ROUTE_UNKNOWN, "There is no connector of this name.")
        return _refused(request, unknown)
    except Refusal as refusal:
        return _refused(request, refusal)
    except Overloaded:
        return _of(overloaded(core.docs_url))
    if not kept:
        forged = Refusal(Code.BODY_INVALID, "The callback could not be verified.")
        return _refused(request, forged)
    return _json(200, {"received": True})


async def _unknown(request: Request, _: Exception) -> Response:
    return _refused(request, unknown_route(request.method, request.url.path, ROUTES))


async def _wrong_method(request: Request, _: Exception) -> Response:
    message = f"This URL does not take {request.method[:8]}."
    return _refused(request, Refusal(Code.METHOD_NOT_ALLOWED, message))


async def _failed(request: Request, _: Exception) -> Response:
    core: Core = request.app.state.core
    request_id = core.ids.new("req")
    answer = internal(request_id, core.docs_url)
    answer.headers.append((b"request-id", request_id.encode()))
    return _of(answer)


def _refused(request: Request, refusal: Refusal) -> Response:
    core: Core = request.app.state.core
    return _of(of_refusal(refusal, core.docs_url))


def _of(answer: Reply) -> Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, answer.status, headers, "application/json")


def _json(status: int, value: dict[str, Any]) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
