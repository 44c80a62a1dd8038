"""`hazina serve` and `hazina demo` over their embedded PostgreSQL, as an operator starts them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from hazina.cli.place import free_port
from hazina.db import embedded
from hazina.db.embedded_place import find_place
from tests.support.system import Shop

_START_SECONDS_MAX = 90.0
_STOP_SECONDS_MAX = 40.0
_NOBODY = 65_534


@dataclass(slots=True)
class Serving:
    """A folder, and the system that runs over it or not."""

    var: Path
    port: int
    as_user: Sequence[str] = ()
    _process: subprocess.Popen[str] | None = None
    _pids: set[int] = field(default_factory=set)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of the system without waiting for it."""
        command = [*self.as_user, sys.executable, "-m", "hazina", *(arguments or ("serve",))]
        command += ["--port", str(self.port), "--var", str(self.var)]
        self._process = subprocess.Popen(
            command, env=_environment(), text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return self._process

    def start(self) -> Shop:
        """Start it and wait until it takes requests, which a new `demo.env` says.

        The old one of a system that was killed still lies there until the start comes so far.
        """
        before = self._env_written()
        process = self.begin()
        until = time.monotonic() + _START_SECONDS_MAX
        while self._env_written() in (before, None):
            if process.poll() is not None or time.monotonic() > until:
                process.kill()
                raise AssertionError(f"it did not start: {process.communicate()[0]}")
            time.sleep(0.01)
        found = self.env()
        return Shop(
            found["HAZINA_URL"], found["HAZINA_SECRET_KEY"], found["HAZINA_PUBLISHABLE_KEY"]
        )

    @property
    def env_file(self) -> Path:
        """Where a running system says how it is reached."""
        return self.var / "demo.env"

    def env(self) -> dict[str, str]:
        """Read that file as a shell would."""
        lines = self.env_file.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def _env_written(self) -> int | None:
        try:
            return self.env_file.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def processes(self) -> list[psutil.Process]:
        """Return every process of the running system, PostgreSQL's included."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        found = [parent, *parent.children(recursive=True)]
        pid_file = find_place(self.var / "postgres").folder / "postmaster.pid"
        if pid_file.exists():
            postmaster = psutil.Process(int(pid_file.read_text().splitlines()[0]))
            found += [postmaster, *postmaster.children(recursive=True)]
        return list({process.pid: process for process in found}.values())

    def kill_everything(self) -> None:
        """SIGKILL every process at once, as a power cut would."""
        assert self._process is not None
        for process in (everything := self.processes()):
            with suppress(psutil.NoSuchProcess):  # PostgreSQL's own workers come and go.
                process.kill()
        self._process.communicate()
        psutil.wait_procs(everything, timeout=_STOP_SECONDS_MAX)

    def end(self, number: signal.Signals) -> int:
        """Ask it to end; demand that no process is left over; return the exit code."""
        assert self._process is not None
        everything = self.processes()
        self._process.send_signal(number)
        output, _ = self._process.communicate(timeout=_STOP_SECONDS_MAX)
        _, alive = psutil.wait_procs(everything, timeout=5)
        assert alive == [], f"left over: {alive}; it said {output}"
        return self._process.returncode


@contextmanager
def serving(*, ordinary_user: bool = False) -> Iterator[Serving]:
    """Yield a folder of its own to serve from; afterwards nothing is left of it."""
    folder = Path(tempfile.mkdtemp(prefix="hz-serving-"))
    # As root the server runs under another account, which must be able to pass through.
    folder.chmod(0o711)
    as_user: Sequence[str] = ()
    if ordinary_user:
        found = ordinary_user_command()
        assert found is not None, "ask ordinary_user_command first"
        as_user = found
        os.chown(folder, _NOBODY, _NOBODY)
    running = Serving(folder / "var", free_port(), as_user)
    try:
        yield running
    finally:
        process = running._process
        if process is not None and process.poll() is None:
            process.kill()
            process.communicate()
        if (folder / "var" / "postgres").exists():
            embedded.destroy(folder / "var" / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


def ordinary_user_command() -> Sequence[str] | None:
    """Return what to put before a command to run it as an ordinary user; None if that fails here.

    Where the interpreter stands in root's own folder, the user may read all files, and no more.
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        return None
    plain = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    reading = [*plain, "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    # It must be our interpreter, and one that can start itself again.
    ask = "import os, hazina, sys; print(os.geteuid(), os.__file__)"
    again = (
        f"import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', {ask!r}]))"
    )
    for command in (plain, reading):
        done = subprocess.run(
            [*command, sys.executable, "-c", again],
            env=_environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if f"{_NOBODY} {os.__file__}" in done.stdout:
            return command
    return None


def _environment() -> dict[str, str]:
    """An operator's environment: nothing of ours but what the interpreter needs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HAZINA_")}
    return kept | {"COLUMNS": "160", "PYTHONDONTWRITEBYTECODE": "1"}
