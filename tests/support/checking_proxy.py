"""A proxy between a client that we did not write and the API, which checks every answer."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

from tests.support.answers import WrongShape, demand_shape

_HOP_BY_HOP = frozenset({"connection", "content-length", "host", "transfer-encoding"})


class CheckingProxy:
    """Forwards to the API as it is, and keeps what was wrong with its answers."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.problems: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without this, small answers wait for the client's delayed acknowledgement.
            disable_nagle_algorithm = True

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

            def forward(self) -> None:
                proxy._forward(address, self)

            do_GET = do_POST = do_DELETE = forward

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _forward(self, address: tuple[str, int], asked: BaseHTTPRequestHandler) -> None:
        body = _body(asked)
        kept = {
            name: value for name, value in asked.headers.items() if name.lower() not in _HOP_BY_HOP
        }
        connection = http.client.HTTPConnection(*address, timeout=30)
        try:
            connection.request(asked.command, asked.path, body or None, kept)
            reply = connection.getresponse()
            raw = reply.read()
        finally:
            connection.close()
        try:
            demand_shape(f"{asked.command} {asked.path}", raw)
        except (WrongShape, ValueError) as problem:
            self.problems.append(str(problem))
        asked.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in _HOP_BY_HOP | {"date", "server"}:
                asked.send_header(name, value)
        asked.send_header("Content-Length", str(len(raw)))
        asked.end_headers()
        asked.wfile.write(raw)

    def __enter__(self) -> CheckingProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        if error is None:
            assert self.problems == [], "\n".join(self.problems)


def _body(asked: BaseHTTPRequestHandler) -> bytes:
    """Read a request's body, also one of unknown length, as the Go client sends them."""
    if asked.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
    parts = []
    while size := int(asked.rfile.readline().partition(b";")[0], 16):
        parts.append(asked.rfile.read(size))
        asked.rfile.readline()
    while asked.rfile.readline().strip():
        pass
    return b"".join(parts)
