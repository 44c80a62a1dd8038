"""The PostgreSQL of a test run: one cluster, one migrated template, cheap copies of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

from hazina.db import embedded
from hazina.db.migrate import migrate
from tests.support.kafka_broker import broker_of

_PREFIX = "hz-tests-"
_OWN_SERVER = "HAZINA_TEST_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class TestRun:
    """One test run, shared by its xdist workers; `folder` also names it."""

    __test__ = False

    folder: Path

    def server_url(self) -> str:
        """Return the URL of the run's server, starting it if no worker has needed it before."""
        own = os.environ.get(_OWN_SERVER)
        return own or embedded.ensure(self.folder / "data").url

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of a new migrated database and drop it afterwards."""
        server_url = self.server_url()
        template = self._template(server_url)
        name = f"hz_{uuid4().hex[:16]}"
        _administer(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield _with_database(server_url, name)
        finally:
            _administer(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """Yield the URL of a new database without a schema and drop it afterwards."""
        server_url = self.server_url()
        name = f"hz_{uuid4().hex[:16]}"
        _administer(server_url, f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            yield _with_database(server_url, name)
        finally:
            _administer(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def finish(self) -> None:
        """Stop the servers and remove what the run left; called once, when all workers are done."""
        broker_of(self.folder).remove()
        own = os.environ.get(_OWN_SERVER)
        if own:
            _administer(own, f'DROP DATABASE IF EXISTS "{self._template_name()}" WITH (FORCE)')
        elif (self.folder / "data").exists():
            embedded.destroy(self.folder / "data")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _template_name(self) -> str:
        return f"{self.folder.name}_template".replace("-", "_")

    def _template(self, server_url: str) -> str:
        name = self._template_name()
        with (self.folder / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ready = self.folder / "template.ready"
            if not ready.exists():
                _administer(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
                _administer(server_url, f'CREATE DATABASE "{name}" TEMPLATE template0')
                migrate(_with_database(server_url, name))
                ready.touch()
        return name


def begin() -> TestRun:
    """Name a new run after this process and clear away runs whose process was killed."""
    root = Path(tempfile.gettempdir())
    for folder in root.glob(f"{_PREFIX}*"):
        if not _alive(folder):
            _clear_away(folder)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=root))
    # As root the server runs under another account, which must be able to pass through.
    folder.chmod(0o711)
    return TestRun(folder)


def _clear_away(folder: Path) -> None:
    """Finish a dead run unless another run that begins just now is doing so."""
    try:
        with (folder / "clearing.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            TestRun(folder).finish()
    except (BlockingIOError, FileNotFoundError, PermissionError):
        return


def _alive(folder: Path) -> bool:
    pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True


def _administer(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
