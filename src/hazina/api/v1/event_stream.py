"""The route of the stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from hazina.api.params import event_stream as params
from hazina.api.route import Call, Result, Route
from hazina.api.streaming import Streamed
from hazina.events.service import Cursor, EventRow
from hazina.events.tail import named

_HEARTBEAT_MS = 15_000
_LOOK_MS = 1_000
_AGAIN_MS = 1_000


async def stream(call: Call) -> Result:
    """Follow the merchant's events, from one on or from now."""
    return Streamed(_parts(call))


async def _parts(call: Call) -> AsyncIterator[bytes]:
    tail, clock = call.core.log_tail, call.core.clock
    merchant_id = call.caller.merchant.merchant_id
    types = call.params.get("types")
    follow = call.params.get("follow", True)
    with tail.followed(merchant_id):
        at = await tail.place(merchant_id, call.params.get("after"))
        # Who is cut off before the first event came resumes from here, and misses nothing.
        yield b"retry: %d\n%b" % (_AGAIN_MS, _reached(at))
        said_ms = clock.monotonic_ms()
        while not tail.ending:
            found = await tail.after(at, merchant_id, types, recent=follow)
            at = found.end
            if found.events:
                yield b"".join(map(_message, found.events))
                said_ms = clock.monotonic_ms()
                continue
            if found.more:
                yield b""
                continue
            if not follow:
                return
            if clock.monotonic_ms() - said_ms >= _HEARTBEAT_MS:
                yield b": still here\n" + _reached(at)
                said_ms = clock.monotonic_ms()
            else:
                yield b""
            await tail.news(_LOOK_MS)


def _reached(at: Cursor) -> bytes:
    return b"id: %b\n\n" % named(at).encode()


def _message(event: EventRow) -> bytes:
    # The body is one line of JSON, as it is stored.
    return b"id: %b\ndata: %b\n\n" % (event.id.encode(), event.body)


ROUTES = (
    Route(
        "GET", "/v1/events/stream", stream, params.STREAM, "event", "Follow events as they happen",
        streams=True,
    ),
)  # fmt: skip
