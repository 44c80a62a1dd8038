"""Receives a provider's callbacks on a loopback port and keeps them for a test to read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Received:
    """One callback as it came."""

    headers: dict[str, str]
    body: bytes


class CallbackReceiver:
    """Answers 200 to every callback, or what `status` says."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 200
        self._arrived = threading.Condition()
        keep = self._keep

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = keep(Received(dict(self.headers.items()), body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/callbacks"

    def _keep(self, callback: Received) -> int:
        with self._arrived:
            self.received.append(callback)
            self._arrived.notify_all()
            return self.status

    def wait_for(
        self, wanted: Callable[[Received], bool], count: int = 1, seconds: float = 10
    ) -> list[Received]:
        """Return the callbacks that match, once there are that many; fail after a while."""
        with self._arrived:
            enough = self._arrived.wait_for(
                lambda: sum(map(wanted, self.received)) >= count, seconds
            )
            found = [callback for callback in self.received if wanted(callback)]
        assert enough, f"{len(found)} of {count} callbacks came"
        return found

    def __enter__(self) -> CallbackReceiver:
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
