"""Fixtures and guards of every test: the run's PostgreSQL, and no way off the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import answers, kafka_broker, postgres
from tests.support.network import install_guard

_RUN = pytest.StashKey[postgres.TestRun]()
_WORKER_INPUT = "hazina_run_folder"
_WORKER_OUTPUT = "hazina_answers_checked"
_CHECKED = pytest.StashKey[int]()

install_guard()
# Receivers of webhooks in tests listen on the loopback address, as they do in the demo.
os.environ.setdefault("HAZINA_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_CHECKED] = 0
    worker_input: dict[str, str] | None = getattr(config, "workerinput", None)
    if worker_input is None:
        config.stash[_RUN] = postgres.begin()
    else:
        config.stash[_RUN] = postgres.TestRun(Path(worker_input[_WORKER_INPUT]))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker which run it belongs to."""
    node.workerinput[_WORKER_INPUT] = str(node.config.stash[_RUN].folder)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand an xdist worker's count of checked answers to the process that reports."""
    output: dict[str, int] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_WORKER_OUTPUT] = answers.checked()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add a finished xdist worker's count."""
    output: dict[str, int] = getattr(node, "workeroutput", {})
    node.config.stash[_CHECKED] += output.get(_WORKER_OUTPUT, 0)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many answers were checked; pytest's own line comes after it."""
    checked = config.stash[_CHECKED] + answers.checked()
    if checked:
        terminalreporter.write_line(
            f"{checked} answers of the API were checked against the stripe package's types."
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[_RUN].finish()


@pytest.fixture(scope="session")
def test_run(pytestconfig: pytest.Config) -> postgres.TestRun:
    """The test run, for tests that need its server rather than a database."""
    return pytestconfig.stash[_RUN]


@pytest.fixture(scope="session")
def database_url(test_run: postgres.TestRun) -> Iterator[str]:
    """A migrated database of this worker, shared by its tests: use merchants of your own."""
    with test_run.database() as url:
        yield url


@pytest.fixture
def fresh_database_url(test_run: postgres.TestRun) -> Iterator[str]:
    """A migrated database of this one test, to break as it likes."""
    with test_run.database() as url:
        yield url


@pytest.fixture
def empty_database_url(test_run: postgres.TestRun) -> Iterator[str]:
    """A database of this one test without any schema."""
    with test_run.empty_database() as url:
        yield url


@pytest.fixture(scope="session")
def kafka(test_run: postgres.TestRun) -> kafka_broker.KafkaBroker:
    """The run's Kafka, shared by its tests: use topics of your own. Skips where there is none."""
    if not kafka_broker.INSTALLED:
        pytest.skip(kafka_broker.SKIP_REASON)
    return kafka_broker.started(test_run.folder)
