"""`hazina worker`: chosen loops, health and lags over HTTP, and an end that loses nothing."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.support.system import System

pytestmark = pytest.mark.timeout(90)


def _read(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_a_worker_tells_how_its_loops_fare_and_ends_when_asked(system: System) -> None:
    worker = system.worker("--without", "purge", HAZINA_WORKER='{"inbox_limit": 7}')
    url = worker.health_url()

    status, text = _read(url)
    health: dict[str, Any] = json.loads(text)
    metrics = _read(url.replace("/health", "/metrics"))[1]

    assert status == 200
    assert health["healthy"] is True
    assert {"fan_out", "deliver", "janitor", "inbox"} <= health["loops"].keys()
    assert "purge" not in health["loops"]
    assert 'hazina_worker_lag_seconds{loop="inbox"} 0' in metrics
    assert worker.end() == 0


def test_a_loop_that_is_none_is_one_clear_line(system: System) -> None:
    worker = system.worker("--only", "nothing")

    assert worker.process.wait(60) == 1
