"""The embedded PostgreSQL: a server from a Python wheel, on a unix socket, in a folder of ours.

Only the programs of the wheel are used. Its Python code is not, because as root that code opens
every parent folder to everybody; `embedded_place` says where data and programs go instead.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from hazina.db.embedded_place import Account, EmbeddedError, Identity, Place, find_place

_OWNER = "hazina"
_DATABASE = "hazina"
_START_TIMEOUT_SECONDS = 300  # Crash recovery replays up to max_wal_size before it answers.
_STOP_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.05

# Settings stand on the command line, so that they hold for a folder made by an older release.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "4GB",
    # Filling each new WAL file with zeros held up every commit for 60 ms. A commit is as durable
    # without: what it writes is flushed before it is acknowledged.
    "wal_init_zero": "off",
    # So many of its WAL files are used again, which need no room found for them at each commit.
    "min_wal_size": "1GB",
    "wal_compression": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# Nothing else of ours: PGDATA, PGPORT and their like would redirect it.
ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    # glibc would give memory back after each statement and ask for it again for the next one.
    "MALLOC_TOP_PAD_": str(4 * 1024 * 1024),
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded server: its data folder, a connection URL and the postmaster's pid."""

    folder: Path
    url: str
    pid: int


def ensure(folder: Path) -> Server:
    """Return the server that keeps its data in `folder`, starting it when it does not run.

    Safe to call twice, from two processes at once, and after everything was SIGKILLed. As root
    the server runs under an account of its own; where that account cannot reach `folder`, the
    data go under /var/lib/hazina and `Server.folder` names the place. Raises `EmbeddedError`.
    """
    place = find_place(folder)
    with _locked(place.folder):
        postmaster = _postmaster(place.folder)
        if postmaster is None:
            _start(place)
            postmaster = _postmaster(place.folder)
        if postmaster is None:
            raise EmbeddedError(f"PostgreSQL stopped right after its start. {_log_tail(place)}")
        _await_ready(place, postmaster)
        url = _url(place, _DATABASE)
        _create_database(place)
    return Server(folder=place.folder, url=url, pid=postmaster.pid)


def stop(server: Server) -> None:
    """Shut the server down cleanly, ending the sessions that are open; do nothing if it is down."""
    with _locked(server.folder):
        postmaster = _postmaster(server.folder)
        if postmaster is None:
            return
        # SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one (recovery on next start).
        for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            _signal(postmaster, signal_number)
            if _gone(postmaster, _STOP_TIMEOUT_SECONDS):
                return
            _log.warning("PostgreSQL %s ignores signal %s", postmaster.pid, signal_number.name)
        raise EmbeddedError(f"PostgreSQL {postmaster.pid} cannot be stopped.")


def destroy(folder: Path) -> None:
    """Stop the server of `folder`, running or not, and delete its data; for tests."""
    place = find_place(folder)
    stop(Server(folder=place.folder, url=_url(place, _DATABASE), pid=0))
    shutil.rmtree(place.folder, ignore_errors=True)
    shutil.rmtree(place.socket_folder, ignore_errors=True)


def kill(server: Server) -> None:
    """SIGKILL the postmaster, as a crash of the machine would; for tests of recovery."""
    postmaster = _postmaster(server.folder)
    if postmaster is not None:
        _signal(postmaster, signal.SIGKILL)
        _gone(postmaster, _STOP_TIMEOUT_SECONDS)


def _start(place: Place) -> None:
    if not (place.folder / "PG_VERSION").exists():
        _initialise(place)
    _clear_remains(place)
    _prepare_socket_folder(place)
    settings = {
        **_SETTINGS,
        "unix_socket_directories": str(place.socket_folder),
        "cluster_name": place.cluster_name,
    }
    options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    log_file = place.folder / "postgres.log"
    arguments = ["-w", "-t", str(_START_TIMEOUT_SECONDS), "-D", str(place.folder)]
    arguments += ["-l", str(log_file), "-o", options, "start"]
    try:
        _run(place, "pg_ctl", arguments)
    except EmbeddedError as error:
        raise EmbeddedError(f"{error} {_log_tail(place)}") from None


def _initialise(place: Place) -> None:
    """Make a new cluster beside its place and move it there, so that half of one is never used."""
    if place.folder.exists() and any(place.folder.iterdir()):
        raise EmbeddedError(
            f"{place.folder} is not empty and holds no PostgreSQL data. "
            "Name an empty or missing folder, or move its content away."
        )
    fresh = place.folder.with_name(place.folder.name + ".new")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o700)
    _give(fresh, place.account)
    # The C locale sorts bytes: the order of text never changes with the operating system.
    arguments = ["-D", str(fresh), "-U", _OWNER, "--encoding=UTF8", "--no-locale"]
    arguments += ["--auth-local=trust", "--auth-host=reject", "--no-instructions"]
    _run(place, "initdb", arguments)
    fresh.rename(place.folder)


def _clear_remains(place: Place) -> None:
    """End what a killed postmaster left behind and remove its lock files.

    PostgreSQL refuses to start while a process bears the number in `postmaster.pid`, even when
    that is another program or a zombie. The file also guards against old backends that still
    write; those are ended first, which makes its removal safe.
    """
    remains = [process for process in psutil.process_iter() if _belongs(process, place)]
    for process in remains:
        _signal(process, signal.SIGKILL)
    for process in remains:
        if not _gone(process, _STOP_TIMEOUT_SECONDS):
            raise EmbeddedError(f"Process {process.pid} of the old PostgreSQL cannot be ended.")
    (place.folder / "postmaster.pid").unlink(missing_ok=True)
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (place.socket_folder / name).unlink(missing_ok=True)


def _belongs(process: psutil.Process, place: Place) -> bool:
    command_line = _command_line(process)
    if not command_line:
        return False
    title = f"postgres: {place.cluster_name}:"
    return command_line[0].startswith(title) or _serves(command_line, place.folder)


def _serves(command_line: Sequence[str], folder: Path) -> bool:
    return Path(command_line[0]).name == "postgres" and str(folder) in command_line


def _command_line(process: psutil.Process) -> list[str]:
    """Return the command line, which unlike the working folder is readable across accounts."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return []
        return process.cmdline()
    except psutil.Error:
        return []


def _postmaster(folder: Path) -> psutil.Process | None:
    """Return the live postmaster of `folder`; a stale pid file or a reused number is none."""
    try:
        first_line, *_ = (folder / "postmaster.pid").read_text().splitlines()
        process = psutil.Process(int(first_line))
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    command_line = _command_line(process)
    return process if command_line and _serves(command_line, folder) else None


def _await_ready(place: Place, postmaster: psutil.Process) -> None:
    """Wait until a postmaster that somebody else started, perhaps just now, takes connections."""
    for _ in range(int(_START_TIMEOUT_SECONDS / _POLL_SECONDS)):
        try:
            lines = (place.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return
        if _gone(postmaster, _POLL_SECONDS):
            break
    raise EmbeddedError(f"PostgreSQL {postmaster.pid} does not become ready. {_log_tail(place)}")


def _signal(process: psutil.Process, signal_number: signal.Signals) -> None:
    try:
        process.send_signal(signal_number)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        raise EmbeddedError(f"Process {process.pid} belongs to another account.") from None


def _gone(process: psutil.Process, timeout_seconds: float) -> bool:
    """Wait until the process has ended; a zombie that nobody reaps counts as ended."""
    for _ in range(max(1, int(timeout_seconds / _POLL_SECONDS))):
        if not _command_line(process):
            return True
        try:
            process.wait(_POLL_SECONDS)
        except psutil.TimeoutExpired:
            continue
    return not _command_line(process)


def _prepare_socket_folder(place: Place) -> None:
    """Make the socket folder, or check that nobody else made it first: /tmp is everybody's."""
    folder = place.socket_folder
    owner = place.account.uid if place.account else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
        _give(folder, place.account)
    except FileExistsError:
        found = folder.lstat()
        mine = stat.S_ISDIR(found.st_mode) and found.st_uid == owner
        if not mine or stat.S_IMODE(found.st_mode) != 0o700:
            raise EmbeddedError(f"{folder} is not a private folder of ours; remove it.") from None


def _give(folder: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def _run(place: Place, program: str, arguments: Sequence[str]) -> None:
    """Run one of PostgreSQL's programs as the server's account, in a session of its own.

    The session keeps Ctrl-C on the caller's terminal from the server.
    """
    command = [str(place.programs / program), *arguments]
    identity = place.account.identity() if place.account else Identity()
    with tempfile.TemporaryFile("w+") as output:
        finished = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,
            check=False,
            **identity,
        )
        if finished.returncode != 0:
            output.seek(0)
            raise EmbeddedError(f"{program} failed: {output.read().strip()}")


def _url(place: Place, database: str) -> str:
    return f"postgresql://{_OWNER}@/{database}?host={place.socket_folder}"


def _create_database(place: Place) -> None:
    with psycopg.connect(_url(place, "postgres"), autocommit=True) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, (_DATABASE,)).fetchone() is None:
            connection.execute(f'CREATE DATABASE "{_DATABASE}"')


def _log_tail(place: Place) -> str:
    log_file = place.folder / "postgres.log"
    if not log_file.exists():
        return "It left no log."
    lines = log_file.read_text(errors="replace").splitlines()[-10:]
    return f"The end of {log_file}:\n" + "\n".join(lines)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time start or stop the server of `folder`; a dead holder frees it."""
    descriptor = os.open(folder.with_name(folder.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
