"""Replies: status, headers and bytes of an answer, as ASGI messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

from hazina.api.errors import RETRY_HEADERS, STATUSES
from hazina.api.version import API_VERSION
from hazina.idempotency.service import Answer
from hazina.refusals import Code, Refusal
from hazina.refusals_view import envelope

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

_FIXED: list[Header] = [
    (b"content-type", b"application/json"),
    (b"stripe-version", API_VERSION.encode()),
    (b"cache-control", b"no-cache, no-store"),
]


class Reply:
    """One answer on its way out."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
        self.status = status
        self.body = body
        self.headers = list(headers)

    async def send(self, send: Send, request_id: str, idempotency_key: str | None) -> None:
        """Send the answer with the headers that every answer has."""
        headers = [
            *_FIXED,
            (b"content-length", b"%d" % len(self.body)),
            (b"request-id", request_id.encode()),
            *self.headers,
        ]
        if idempotency_key is not None:
            headers.append((b"idempotency-key", idempotency_key.encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def of_refusal(refusal: Refusal, docs_url: str) -> Reply:
    """Answer a refusal that no idempotency key holds."""
    body = orjson.dumps(envelope(refusal, docs_url))
    return Reply(STATUSES[refusal.code], body, RETRY_HEADERS.get(refusal.code, ()))


def of_answer(answer: Answer, body: bytes, request_id: str, keyed: bool) -> Reply:
    """Answer what a service answered, fresh or replayed."""
    headers: list[Header] = []
    status = 200
    if answer.code is not None:
        code = Code(answer.code)
        status = STATUSES[code]
        headers += RETRY_HEADERS.get(code, ())
    if answer.replayed:
        headers.append((b"idempotent-replayed", b"true"))
        if answer.original_request:
            headers.append((b"original-request", answer.original_request.encode()))
    elif keyed:
        headers.append((b"original-request", request_id.encode()))
    return Reply(status, body, headers)


def overloaded(docs_url: str) -> Reply:
    """Answer that nothing was done, since there is too much to do or no database to do it in."""
    return of_refusal(
        Refusal(
            Code.OVERLOADED,
            "More requests came than can be served now; nothing was done. Send it again in a "
            "second.",
        ),
        docs_url,
    )


def internal(request_id: str, docs_url: str) -> Reply:
    """Answer our own failure, without details but with what support needs to find them."""
    return of_refusal(
        Refusal(
            Code.INTERNAL,
            f"Something went wrong on our side. It is logged as {request_id}; with an "
            "Idempotency-Key the request can be sent again safely.",
        ),
        docs_url,
    )
