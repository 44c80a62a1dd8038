"""What `hazina events tail` prints: events that it cannot read hold up none behind them."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from hazina.cli.tail import Forward, Tail
from hazina.clock import SystemClock
from tests.support.webhook_house import shop

_SOUND = {"id": "evt_1", "type": "charge.succeeded", "created": 1_767_225_600}
_POISON = {
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "no object": b"[]",
    "no type": b'{"id":"evt_2","created":1}',
    "no time": json.dumps(_SOUND | {"created": 10**20}).encode(),
}


@pytest.mark.parametrize("kind", _POISON)
async def test_an_event_that_cannot_be_read_holds_up_none(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = json.dumps(_SOUND).encode()

    async def answer(_: web.Request) -> web.Response:
        bodies = (_POISON[kind], sound)
        text = b"".join(b"id: evt_%d\ndata: %b\n\n" % one for one in enumerate(bodies))
        return web.Response(body=text, content_type="text/event-stream")

    app = web.Application()
    app.router.add_get("/v1/events/stream", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with shop() as receiver:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        forward = Forward(receiver.url, "whsec_x", SystemClock())
        try:
            tail = Tail(url, "sk_test_x", SystemClock(), [], as_json=False, forward=forward)
            await tail.run(None, follow=False)
        finally:
            await runner.cleanup()
        assert [body for body, _ in receiver.received] == [sound]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("an event that cannot be read")
    assert printed[1] == "2026-01-01 00:00:00  charge.succeeded  evt_1"
