"""Logs are one JSON object a line and hold no values of variables."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from hazina.bootstrap.logs import configure_logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logs(stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def _fail(secret_key: str) -> None:
    raise ValueError(f"a key of {len(secret_key)} characters is not known")


def test_a_failure_is_one_line_with_its_traceback_and_without_variables(
    lines: io.StringIO,
) -> None:
    secret = "sk_test_" + "x" * 32
    try:
        _fail(secret)
    except ValueError:
        structlog.get_logger("hazina.api").exception("request_failed", request_id="req_1")

    (line,) = lines.getvalue().splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["level"], entry["request_id"]) == (
        "request_failed", "error", "req_1",
    )  # fmt: skip
    assert "ValueError: a key of 40 characters is not known" in entry["exception"]
    assert "in _fail" in entry["exception"]
    assert secret not in line


def test_what_libraries_log_has_the_same_shape(lines: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("%s is late", "something")
    logging.getLogger("uvicorn.error").info("everyday work")

    (line,) = lines.getvalue().splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["logger"]) == ("something is late", "uvicorn.error")
