"""The folder that a running system keeps: secrets, logs, its lock, and `demo.env`."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hazina.clock import Clock
from hazina.ids import Ids

_PATIENCE_MS = 3_000


class NotPossible(Exception):
    """Something outside stands in the way; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class SystemOptions:
    """What the system is started with."""

    port: int
    var: Path
    quick: bool = False
    """Short deadlines, for a story that somebody watches."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is made on the first start and kept: nobody can guess it and restarts keep it."""

    pepper: str
    callback_secret: str
    account_id: str
    secret_key: str
    publishable_key: str


def secrets_of(var: Path, ids: Ids) -> Secrets:
    """Read the secrets of a folder, making them first if there are none."""
    file = var / "secrets.env"
    if not file.exists():
        made = {
            "pepper": ids.secret(),
            "callback_secret": ids.secret(),
            "account_id": ids.new("acct"),
            "secret_key": f"sk_test_{ids.secret()}",
            "publishable_key": f"pk_test_{ids.secret()}",
        }
        write_private(file, made)
    found = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    try:
        return Secrets(**found)
    except TypeError:
        raise NotPossible(f"{file} is not as we wrote it. Restore it; keys depend on it.") from None


def write_private(file: Path, lines: Mapping[str, str]) -> None:
    """Write `name=value` lines for the owner alone, all of them or none."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.writelines(f"{name}={value}\n" for name, value in lines.items())
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)


@asynccontextmanager
async def only_one(var: Path, clock: Clock) -> AsyncIterator[None]:
    """Let one system at a time use the folder. Raises `NotPossible`; a dead holder frees it."""
    var.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(var / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        until_ms = clock.monotonic_ms() + _PATIENCE_MS
        while not _locked(descriptor):
            if clock.monotonic_ms() > until_ms:
                raise NotPossible(
                    f"another Hazina is running on {var}: end it, or choose a folder with --var."
                )
            await clock.sleep_ms(100)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def unused(var: Path) -> Iterator[bool]:
    """Say whether no system runs on the folder, and while that is so keep one from starting."""
    descriptor = os.open(var / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def await_free(port: int, clock: Clock) -> None:
    """Wait shortly for a port that a former process may still hold. Raises `NotPossible`."""
    until_ms = clock.monotonic_ms() + _PATIENCE_MS
    while not is_free(port):
        if clock.monotonic_ms() > until_ms:
            raise NotPossible(
                f"port {port} on 127.0.0.1 is in use: end what listens there, or choose another "
                "one with --port (PORT=... with make)."
            )
        await clock.sleep_ms(100)


def is_free(port: int) -> bool:
    """Say whether a server may listen on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
