"""The transport against a server that misbehaves byte by byte on a loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from hazina.dispatch.transport import HttpTransport
from hazina.rails.transport import NeverSent, NoAnswer

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(script: Script) -> AsyncIterator[str]:
    """Serve one script per connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/x?y=1"
    finally:
        listening.close()


def says(*parts: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)

    return script


async def asked(transport: HttpTransport, url: str, timeout_ms: int = 500) -> bytes:
    return (await transport.request("POST", url, {}, b"", timeout_ms)).body


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    await transport.close()


async def test_reply_in_pieces_chunks_and_after_an_interim_one_is_read_whole(
    transport: HttpTransport,
) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    for parts in ((OK[:20], OK[20:]), (chunked[:60], chunked[60:]), (interim, OK)):
        async with server(says(*parts)) as url:
            assert await asked(transport, url) == b"ok"


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal",),
        (b"HTTP/1.1 200 OK\r\n\r\nno length",),
        (b"not http at all\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\ncontent-le",),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n" + b"x" * 5_000_000,),
    ],
)
async def test_reply_that_is_not_whole_is_no_answer(
    transport: HttpTransport, parts: tuple[bytes, ...]
) -> None:
    async with server(says(*parts)) as url:
        with pytest.raises(NoAnswer):
            await asked(transport, url, 3_000)


async def test_silence_is_no_answer_after_the_timeout(transport: HttpTransport) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(silent) as url:
        with pytest.raises(NoAnswer, match="within 100 ms"):
            await asked(transport, url, 100)


async def test_request_on_a_kept_connection_that_is_cut_is_not_sent_again(
    transport: HttpTransport,
) -> None:
    seen: list[bytes] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.transport.abort()

    async with server(once) as url:
        assert await asked(transport, url) == b"ok"
        with pytest.raises(NoAnswer):
            await asked(transport, url)
    assert len(seen) == 2


async def test_connection_that_the_other_side_closed_while_idle_is_replaced(
    transport: HttpTransport,
) -> None:
    async with server(says(OK)) as url:
        assert await asked(transport, url) == b"ok"
        await asyncio.sleep(0.1)
        assert await asked(transport, url) == b"ok"


async def test_redirects_are_answers(transport: HttpTransport) -> None:
    moved = b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with server(says(moved)) as url:
        assert (await transport.request("POST", url, {}, b"", 500)).status == 307


async def test_late_reply_never_answers_the_next_request(transport: HttpTransport) -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = b"/first" in await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2 if first else 0)
        writer.write(OK if not first else OK.replace(b"ok", b"no"))
        await writer.drain()

    async with server(late) as url:
        with pytest.raises(NoAnswer):
            await asked(transport, url.replace("/x", "/first"), 50)
        assert await asked(transport, url) == b"ok"


async def test_what_cannot_be_sent_is_never_sent(transport: HttpTransport) -> None:
    for url in ("ftp://127.0.0.1/", "http:///x", "http://127.0.0.1:1/", "http://127.0.0.1/a b"):
        with pytest.raises(NeverSent):
            await asked(transport, url)
    with pytest.raises(NeverSent):
        await transport.request("POST", "http://127.0.0.1:1/", {"a": "b\r\nc: d"}, b"", 500)


async def test_failed_tls_handshake_is_never_sent(transport: HttpTransport) -> None:
    async with server(says(OK)) as url:
        with pytest.raises(NeverSent):
            await asked(transport, url.replace("http://", "https://"))
