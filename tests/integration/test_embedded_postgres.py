"""The embedded PostgreSQL: starting, stopping, and starting again after everything was killed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest

from hazina.db import embedded
from hazina.db.embedded_place import EmbeddedError


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that any account can reach, unlike pytest's own temporary folders."""
    parent = Path(tempfile.mkdtemp(prefix="hz-embedded-"))
    parent.chmod(0o711)
    yield parent / "data"
    embedded.destroy(parent / "data")
    shutil.rmtree(parent)


def _value(server: embedded.Server, query: bytes) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def _wait_until(fact: Callable[[], bool]) -> None:
    """A signal takes effect a moment after it was sent."""
    deadline = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _has_ended(pid: int) -> bool:
    """Wait a moment: a process that can do nothing any more keeps its number until it is reaped."""
    try:
        process = psutil.Process(pid)
        process.wait(5)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def _ensure_and_send(folder: Path, results: multiprocessing.Queue[int]) -> None:
    results.put(embedded.ensure(folder).pid)


def test_a_started_server_is_durable_and_listens_on_no_port(folder: Path) -> None:
    server = embedded.ensure(folder)

    assert _value(server, b"SHOW fsync") == "on"
    assert _value(server, b"SHOW synchronous_commit") == "on"
    assert _value(server, b"SHOW listen_addresses") == ""
    assert _value(server, b"SELECT current_database()") == "hazina"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    socket_folder = Path(server.url.partition("?host=")[2])
    assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700


def test_ensure_returns_the_running_server(folder: Path) -> None:
    assert embedded.ensure(folder) == embedded.ensure(folder)


def test_the_server_has_a_session_of_its_own(folder: Path) -> None:
    server = embedded.ensure(folder)

    assert os.getsid(server.pid) != os.getsid(0)


def test_processes_that_start_it_at_once_get_one_server(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=_ensure_and_send, args=(folder, results)) for _ in range(3)]
    for process in processes:
        process.start()
    pids = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()

    assert pids == {embedded.ensure(folder).pid}


def test_committed_rows_survive_a_killed_server(folder: Path) -> None:
    server = embedded.ensure(folder)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    embedded.kill(server)

    again = embedded.ensure(folder)

    assert again.pid != server.pid
    assert again.url == server.url
    assert _value(again, b"SELECT number FROM kept") == 7


def test_it_starts_while_another_process_bears_the_number_of_the_killed_one(folder: Path) -> None:
    """The pid file names this very test process, as it may after a reboot."""
    server = embedded.ensure(folder)
    embedded.kill(server)
    pid_file = folder / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    assert embedded.ensure(folder).pid != os.getpid()


def test_it_starts_while_a_backend_of_the_killed_server_still_works(folder: Path) -> None:
    """A backend in a long computation does not notice that its postmaster is gone."""
    server = embedded.ensure(folder)
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        backend.suspend()
        _wait_until(lambda: backend.status() == psutil.STATUS_STOPPED)
        embedded.kill(server)

        again = embedded.ensure(folder)

    assert again.pid != server.pid
    assert _has_ended(backend.pid)


def test_a_first_start_that_was_killed_halfway_is_begun_anew(folder: Path) -> None:
    half = folder.with_name(folder.name + ".new")
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    assert _value(embedded.ensure(folder), b"SELECT 1") == 1


def test_stop_ends_it_and_may_be_repeated(folder: Path) -> None:
    server = embedded.ensure(folder)

    embedded.stop(server)
    embedded.stop(server)

    assert not (folder / "postmaster.pid").exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url)


def test_a_folder_with_other_content_is_refused_and_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "ledger.txt").write_text("ours")

    with pytest.raises(EmbeddedError, match="is not empty"):
        embedded.ensure(folder)
    assert (folder / "ledger.txt").read_text() == "ours"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account for the server")
def test_as_root_a_private_project_folder_keeps_its_mode_and_the_data_go_elsewhere(
    folder: Path,
) -> None:
    private = folder.parent / "private"
    private.mkdir(mode=0o700)

    server = embedded.ensure(private / "postgres")
    try:
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert server.folder.parent == Path("/var/lib/hazina")
        note = (private / "postgres-is-elsewhere.txt").read_text()
        assert str(server.folder) in note
        assert psutil.Process(server.pid).uids().real != 0
    finally:
        embedded.destroy(private / "postgres")
        server.folder.with_name(server.folder.name + ".lock").unlink()


def test_destroy_leaves_neither_process_nor_data(folder: Path) -> None:
    server = embedded.ensure(folder)

    embedded.destroy(folder)

    assert _has_ended(server.pid)
    assert not folder.exists()
    assert not Path(server.url.partition("?host=")[2]).exists()
