"""One request of /v1 from bytes to bytes: route, key, parameters, handler, expansion, reply."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

import orjson
import structlog

from hazina.api import cross_origin, forms, nearest, reply
from hazina.api.auth import api_key
from hazina.api.core import Core
from hazina.api.expand import TOTAL_COUNT, Expander, check_paths, expand_answer, read_paths
from hazina.api.params.cards import digested
from hazina.api.permission import check_expansion, check_route
from hazina.api.reply import Header, Receive, Reply, Scope, Send
from hazina.api.route import Call, Route, Router
from hazina.api.streaming import Streamed, StreamReply
from hazina.api.stripe_surface import surface
from hazina.db.unit import Overloaded
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from hazina.refusals import Code, Refusal

_log = structlog.get_logger("hazina.api")

_KEY_LENGTH_MAX = 255
_BODY_SECONDS_MAX = 10.0
"""So long a body may take to come whole: until then its request counts against the bound."""
_ID = re.compile(r"[A-Za-z0-9_]{1,255}")

Paths = tuple[tuple[str, ...], ...]


class ClientGone(Exception):
    """The client hung up before its request was complete; there is nobody to answer."""


class _Headed(Refusal):
    """A refusal whose answer says something in a header besides."""

    def __init__(self, code: Code, message: str, header: Header) -> None:
        super().__init__(code, message)
        self.header = header


@dataclass(frozen=True, slots=True)
class RequestsState:
    """What health shows of requests under way."""

    under_way: int
    under_way_max: int

    @property
    def saturated(self) -> bool:
        """Whether the next request would be refused."""
        return self.under_way >= self.under_way_max


class Endpoint:
    """Answers requests of /v1. Plain ASGI: a disconnect cancels nothing that was begun.

    More than the core's `requests_max` at a time are refused with `overloaded`, unread.
    """

    def __init__(
        self, core: Core, router: Router, body_seconds_max: float = _BODY_SECONDS_MAX
    ) -> None:
        self._core = core
        self._router = router
        self._in_flight = 0
        self._in_flight_max = core.requests_max
        self._body_seconds_max = body_seconds_max

    def state(self) -> RequestsState:
        """Return what health shows."""
        return RequestsState(self._in_flight, self._in_flight_max)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id, docs_url = self._core.ids.new("req"), self._core.docs_url
        headers = dict(scope["headers"])
        key: str | None = None
        answer: Reply | StreamReply
        self._in_flight += 1
        try:
            if self._in_flight > self._in_flight_max:
                raise Overloaded(f"{self._in_flight_max} requests are under way")
            key = _idempotency_key(headers) if scope["method"] == "POST" else None
            asked = cross_origin.preflight(self._router, scope, headers)
            answer = asked or await self._answer(scope, receive, headers, request_id, key)
        except ClientGone:
            return
        except _Headed as refusal:
            answer = reply.of_refusal(refusal, docs_url)
            answer.headers.append(refusal.header)
        except Refusal as refusal:
            answer = reply.of_refusal(refusal, docs_url)
        except Overloaded:
            answer = reply.overloaded(docs_url)
        except Exception:
            _log.exception("request_failed", request_id=request_id, method=scope["method"])
            answer = reply.internal(request_id, docs_url)
        finally:
            self._in_flight -= 1
        answer.headers += cross_origin.allowed(self._router, scope, headers)
        await answer.send(send, request_id, key)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        headers: dict[bytes, bytes],
        request_id: str,
        key: str | None,
    ) -> Reply | StreamReply:
        route, ids = self._route(scope)
        caller = await self._core.merchants.authenticate(
            api_key(headers.get(b"authorization")), request_id
        )
        # Before anything is read, claimed or asked of the database in the request's name.
        wait_ms = await self._core.limits.wait_ms(caller.key_id, route.method != "GET")
        if wait_ms:
            raise _too_many(-(-wait_ms // 1_000))
        account_id = _account_meant(headers)
        if account_id is not None:
            caller = await self._core.merchants.acting_for(caller, account_id)
        check_route(caller, route)
        body = await read_body(headers, receive, forms.BODY_BYTES_MAX, self._body_seconds_max)
        params, paths = _parameters(route, scope, headers, body)
        if route.streams and b"last-event-id" in headers:
            params["after"] = headers[b"last-event-id"].decode("latin-1")
        if paths:
            check_expansion(caller, route, paths)
        path = scope["path"]
        request = None
        if key is not None:
            digest = _digest(path, params, paths)
            request = IdempotencyRequest(
                caller.merchant.merchant_id, route.name, key, digest, request_id
            )
        call = Call(self._core, caller, path, ids, params, request)
        result = await route.handler(call)
        if isinstance(result, Streamed):
            return await StreamReply.begin(result, receive, partial(self._still, headers))
        public = route.public if caller.publishable else None
        if isinstance(result, bytes):
            return Reply(200, result)
        if isinstance(result, Answer):
            rendered = result.body
            if paths and result.code is None:
                rendered = await self._expanded_once(caller, result, paths, request)
            if public is not None:
                rendered = orjson.dumps(public(orjson.loads(rendered)))
            return reply.of_answer(result, rendered, request_id, request is not None)
        return Reply(200, await self._expanded(caller, public(result) if public else result, paths))

    async def _still(self, headers: dict[bytes, bytes]) -> None:
        """Refuse when the key that opened a stream does not count any more."""
        await self._core.merchants.authenticate(api_key(headers.get(b"authorization")), "")

    async def _expanded_once(
        self, caller: Caller, answer: Answer, paths: Paths, request: IdempotencyRequest | None
    ) -> bytes:
        """Expand an answer. Under a key it is stored expanded, so that replays show the same."""

        async def expanded(body: bytes) -> bytes:
            return await self._expanded(caller, orjson.loads(body), paths)

        if request is None:
            return await expanded(answer.body)
        return await self._core.idempotency.complete(request, answer, expanded)

    async def _expanded(self, caller: Caller, view: dict[str, Any], paths: Paths) -> bytes:
        if paths:
            await expand_answer(Expander(self._core, caller), view, paths)
        return orjson.dumps(view)

    def _route(self, scope: Scope) -> tuple[Route, tuple[str, ...]]:
        method, path = scope["method"], scope["path"]
        found = self._router.find(path)
        if found is None:
            raise nearest.unknown_route(method, path, self._router.routes)
        methods, ids = found
        route = methods.get(method)
        if route is None:
            if surface().find(method, path) is not None:
                raise nearest.unknown_route(method, path, self._router.routes)
            raise _method_not_allowed(method, ", ".join(sorted(methods)))
        if not all(_ID.fullmatch(one) for one in ids):
            raise Refusal(Code.RESOURCE_MISSING, f"No such {route.answers}: the id is not one.")
        if nearest.is_word(method, path, route, ids):
            raise nearest.unknown_route(method, path, self._router.routes)
        return route, ids


async def read_body(
    headers: dict[bytes, bytes],
    receive: Receive,
    bytes_max: int,
    seconds_max: float = _BODY_SECONDS_MAX,
) -> bytes:
    """Read a request's whole body. Refuses `body_too_large` before reading what is announced.

    Refuses `body_invalid` when it has not come whole in time.
    """
    announced = headers.get(b"content-length", b"0")
    if announced == b"0" and b"transfer-encoding" not in headers:
        return b""
    if announced.isdigit() and int(announced) > bytes_max:
        raise _too_large(bytes_max)
    try:
        async with asyncio.timeout(seconds_max):
            return await _whole_body(receive, bytes_max)
    except TimeoutError:
        raise _body_late(seconds_max) from None


async def _whole_body(receive: Receive, bytes_max: int) -> bytes:
    parts = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > bytes_max:
            raise _too_large(bytes_max)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _parameters(
    route: Route, scope: Scope, headers: dict[bytes, bytes], body: bytes
) -> tuple[dict[str, Any], Paths]:
    """Decode and validate the parameters; `expand` is taken out of them."""
    query = scope.get("query_string", b"")
    if route.method == "POST":
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        sent = forms.decode(content_type, body, query)
    elif body:
        raise Refusal(
            Code.BODY_INVALID,
            f"A {route.method} request takes its parameters in the query string, not in a body.",
        )
    else:
        sent = forms.decode_form(query)
    paths: Paths = ()
    if "expand" in sent:
        paths = read_paths(sent.pop("expand"), route.listed, route.searched)
        check_paths(paths, route.answers)
    try:
        params = route.params.read(sent)
    except Refusal as refusal:
        if refusal.code is Code.PARAMETER_UNKNOWN:
            raise nearest.unknown_parameter(refusal, route) from None
        raise
    if TOTAL_COUNT in paths:
        params["total_count"] = True
        paths = tuple(path for path in paths if path != TOTAL_COUNT)
    return params, paths


def _account_meant(headers: dict[bytes, bytes]) -> str | None:
    """Return the account that the request is to act for, if it names one."""
    meant = headers.get(b"stripe-account") or headers.get(b"stripe-context")
    return meant.decode("latin-1") if meant else None


def _idempotency_key(headers: dict[bytes, bytes]) -> str | None:
    raw = headers.get(b"idempotency-key")
    if raw is None:
        return None
    if not 0 < len(raw) <= _KEY_LENGTH_MAX or not raw.isascii() or not raw.decode().isprintable():
        raise Refusal(
            Code.PARAMETER_INVALID,
            f"Invalid Idempotency-Key: use 1 to {_KEY_LENGTH_MAX} printable ASCII characters, "
            "such as a UUID.",
        )
    return raw.decode("ascii")


def _digest(path: str, params: dict[str, Any], paths: Paths) -> bytes:
    """Hash what was asked for: alike for a form and for JSON, whatever the order.

    Of a card number only the last four digits go into it: the digest is stored, and a number could
    be guessed from its hash.
    """
    canonical = orjson.dumps([path, params, paths], digested, orjson.OPT_SORT_KEYS)
    return sha256(canonical).digest()


def _too_many(wait_seconds: int) -> Refusal:
    """Refuse a key that sends more than it may; the answer says how long to wait."""
    return _Headed(
        Code.RATE_LIMIT,
        "Request rate limit exceeded: this key sends more requests than it may. Nothing was "
        f"done; send it again in {wait_seconds} s.",
        (b"retry-after", b"%d" % wait_seconds),
    )


def _method_not_allowed(method: str, allowed: str) -> Refusal:
    """Refuse a method that a path does not take; the answer names those that it takes."""
    return _Headed(
        Code.METHOD_NOT_ALLOWED,
        f"This URL does not take {method[:8]}; it takes {allowed}.",
        (b"allow", allowed.encode()),
    )


def _body_late(seconds_max: float) -> Refusal:
    """Refuse a body that took too long; what is left of it is not read from the connection."""
    return _Headed(
        Code.BODY_INVALID,
        f"The request's body did not come within {seconds_max:g} s; nothing was done.",
        (b"connection", b"close"),
    )


def _too_large(bytes_max: int) -> Refusal:
    return Refusal(Code.BODY_TOO_LARGE, f"The request body is larger than {bytes_max} bytes.")
