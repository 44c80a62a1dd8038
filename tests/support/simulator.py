"""The sandbox provider as a process of its own, on a free loopback port, for tests."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

CALLBACK_SECRET = "whsec_of_the_tests"
_START_SECONDS_MAX = 20


class Simulator:
    """Runs the provider; its books live in a folder that outlives a kill."""

    def __init__(
        self, data: Path | None = None, *, callback_url: str = "", secret: str = CALLBACK_SECRET
    ) -> None:
        self._own = tempfile.TemporaryDirectory() if data is None else None
        self.data = data if data is not None else Path(self._own.name if self._own else "")
        self.callback_url = callback_url
        self.secret = secret
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the provider's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Return the running process's number."""
        assert self._process is not None
        return self._process.pid

    def start(self, port: int | None = None) -> Simulator:
        """Start it and wait until it takes requests; again on the same port after a stop."""
        command = [sys.executable, "-m", "hazina.simulators.sandbox"]
        command += ["--port", str(self.port if port is None else port), "--data", str(self.data)]
        command += ["--callback-url", self.callback_url, "--callback-secret", self.secret]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ.copy())
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            if not ready.select(_START_SECONDS_MAX):
                self.kill()
                raise AssertionError("the simulator did not start")
        line = self._process.stdout.readline().decode()
        assert line.startswith("listening on "), line
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def stop(self) -> None:
        """End it politely."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill() if kill else process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(kill=True)
        if self._own is not None:
            self._own.cleanup()

    def books(self, subject: str | None = None) -> list[dict[str, Any]]:
        """Return every effect, or those of one authorization."""
        query = f"?subject={subject}" if subject else ""
        effects: list[dict[str, Any]] = self._call("/books" + query)["effects"]
        return effects

    def requests(self) -> list[tuple[str, str]]:
        """Return what it was asked since it started, in order: what for, and the reference."""
        return [(what, reference) for what, reference in self._call("/requests")["requests"]]

    def control(self, faults: dict[str, Any]) -> None:
        """Set the faults that strike every payment; an empty object ends them."""
        self._call("/control", json.dumps({"faults": faults}).encode())

    def _call(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, data=body, timeout=10) as reply:
            content: dict[str, Any] = json.loads(reply.read())
            return content
