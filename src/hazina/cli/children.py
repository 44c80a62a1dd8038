"""Child processes that never outlive us, however we end."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hazina.cli.place import NotPossible

_PR_SET_PDEATHSIG = 1
_LOG_TAIL_CHARACTERS = 2_000


class Child:
    """One process of ours with a log file of its own."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            # A session of its own keeps Ctrl-C from it: we end our children in order.
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def require_alive(self) -> None:
        """Raise `NotPossible` with the end of its log if the process has ended."""
        code = self._process.poll()
        if code is not None:
            tail = self._log.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:].strip()
            raise NotPossible(f"{self.name} ended with {code}. The end of {self._log}:\n{tail}")

    def stop(self, within_seconds: int) -> None:
        """Ask it to end, and end it if it does not."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _die_with_parent() -> Callable[[], None] | None:
    """Have the kernel kill the child when we are gone, SIGKILL included (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # It died before we could ask.
            os._exit(1)

    return arrange
