"""Everything is killed at once while events are acknowledged: each of them arrives all the same.

API, worker and PostgreSQL get SIGKILL at the same moment and are started anew. By default once, at
the 60th acknowledged event; `HAZINA_FAULTS=whole` five times, each at the 5,000th.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from tempfile import mkdtemp

import pytest

from hazina.db import embedded
from hazina.db.migrate import migrate
from tests.support import promises
from tests.support.callback_receiver import CallbackReceiver
from tests.support.system import Shop, System

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_TIMES, _EVENTS = (5, 5_000) if _WHOLE else (1, 60)
_CLIENTS = 8
# What a killed worker had in its hands is due again in seconds.
_QUICK = {"HAZINA_WORKER": '{"delivery_lease_ms": 6000}', "HAZINA_WEBHOOK_TIMEOUT_MS": "3000"}

pytestmark = pytest.mark.timeout(1_200 if _WHOLE else 180)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A PostgreSQL of the test's own, which it may kill."""
    # A short path: the socket lies in it.
    made = Path(mkdtemp(prefix="hz-whole-", dir="/tmp"))
    made.chmod(0o711)
    try:
        yield made / "data"
    finally:
        embedded.destroy(made / "data")


class _Clients:
    """Make customers side by side, and note each whose event was acknowledged."""

    def __init__(self, shop: Shop, enough: int) -> None:
        self._shop = shop
        self._enough = enough
        self.acknowledged: list[str] = []
        self.reached = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(_CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        # They go on past the moment of the kill, which so falls among requests under way.
        while True:
            try:
                answer = self._shop.post("/v1/customers", name="Amina")
            except (OSError, HTTPException):
                return
            if answer.status != 200:
                return
            self.acknowledged.append(answer.body["id"])
            if len(self.acknowledged) >= self._enough:
                self.reached.set()


def test_each_acknowledged_event_arrives_though_everything_is_killed(folder: Path) -> None:
    server = embedded.ensure(folder)
    migrate(server.url)
    acknowledged: set[str] = set()
    with System(server.url, workers=False) as system, CallbackReceiver() as receiver:
        shop = system.merchant()
        fields = {"url": receiver.url, "enabled_events[]": "customer.created"}
        assert shop.post("/v1/webhook_endpoints", **fields).status == 200
        for _ in range(_TIMES):
            system.worker(**_QUICK).health_url()
            clients = _Clients(shop, _EVENTS)
            clients.start()
            assert clients.reached.wait(300)
            system.kill()
            embedded.kill(server)
            clients.join()
            acknowledged.update(clients.acknowledged)
            server = embedded.ensure(folder)
            system.start_again()
        system.worker(**_QUICK)
        until = time.monotonic() + 120
        while missing := acknowledged - _arrived(receiver):
            assert time.monotonic() < until, f"{len(missing)} events are missing"
            time.sleep(0.2)
        assert system.broken_invariants() == []
    assert len(acknowledged) >= _TIMES * _EVENTS
    promises.note(
        "webhooks everything killed",
        f"{_TIMES} times at the {_EVENTS:,}th acknowledged event: {len(acknowledged):,} events, "
        "each arrived",
    )


def _arrived(receiver: CallbackReceiver) -> set[str]:
    bodies = (json.loads(one.body) for one in list(receiver.received))
    return {body["data"]["object"]["id"] for body in bodies}
