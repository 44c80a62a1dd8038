"""A proxy before PostgreSQL's socket that cuts a connection at COMMIT when told."""

from __future__ import annotations

import asyncio
from enum import Enum
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit, urlunsplit


class Cut(Enum):
    """When to cut: the COMMIT reaches the server and its answer is lost, or it never arrives."""

    AFTER_COMMIT_WAS_SENT = "after"
    BEFORE_COMMIT_WAS_SENT = "before"


class Proxy:
    """Forwards one socket to another. The server's side of a cut connection stays open."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        (host,) = parse_qs(parts.query)["host"]
        self._target = f"{host}/.s.PGSQL.5432"
        self._socket = folder / ".s.PGSQL.5432"
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut: Cut | None = None
        self.was_cut = asyncio.Event()
        self.url = urlunsplit(parts._replace(query=f"host={folder}"))

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_unix_server(self._serve, str(self._socket))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.unlink(missing_ok=True)

    def cut_once(self, cut: Cut) -> None:
        """Cut the next connection that commits."""
        self._cut = cut

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(self._target)
        self._writers += [writer, server_writer]
        back = asyncio.create_task(_copy(server_reader, writer))
        forth = asyncio.create_task(self._forward(reader, server_writer, writer))
        self._tasks |= {back, forth}

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        try:
            length = await reader.readexactly(4)
            server.write(length + await reader.readexactly(int.from_bytes(length) - 4))
            commits: set[bytes] = set()
            while True:
                head = await reader.readexactly(5)
                body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
                is_commit = _is_commit(head[:1], body, commits)
                if is_commit and self._cut is not None:
                    cut, self._cut = self._cut, None
                    if cut is Cut.AFTER_COMMIT_WAS_SENT:
                        await self._send_rest(head + body, reader, server)
                    client.close()
                    self.was_cut.set()
                    return
                server.write(head + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            server.close()

    async def _send_rest(
        self, first: bytes, reader: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> None:
        """Send the messages up to and including the pipeline's Sync, which makes it run."""
        server.write(first)
        while True:
            head = await reader.readexactly(5)
            server.write(head + await reader.readexactly(int.from_bytes(head[1:]) - 4))
            if head[:1] == b"S":
                await server.drain()
                return


def _is_commit(kind: bytes, body: bytes, commits: set[bytes]) -> bool:
    """Note statements prepared from COMMIT; tell whether this message binds one."""
    if kind == b"P":
        name, sql, *_ = body.split(b"\x00")
        if sql == b"COMMIT":
            commits.add(name)
        return False
    if kind == b"B":
        _, name, *_ = body.split(b"\x00")
        return name in commits
    return False


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
