"""A commit that records an event wakes the worker: nobody waits for its next look."""

from __future__ import annotations

import json

import pytest

from hazina.bootstrap.app import open_core
from hazina.merchants.merchant import Caller
from hazina.workers.settings import WorkerSettings
from hazina.workers.worker import Worker
from tests.support import crash
from tests.support.callback_receiver import CallbackReceiver

_NEVER_MS = 3_600_000


@pytest.mark.timeout(60)
async def test_a_webhook_leaves_without_waiting_for_the_next_look(database_url: str) -> None:
    core = await open_core(crash.settings(database_url, "http://127.0.0.1:9"))
    merchant = await core.merchants.create()
    caller = Caller(merchant, False, "req_1")
    worker = Worker(
        core, WorkerSettings(fan_out_interval_ms=_NEVER_MS, deliver_interval_ms=_NEVER_MS)
    )
    with CallbackReceiver() as receiver:
        params = {"url": receiver.url, "enabled_events": ["customer.created"]}
        await core.webhooks.create(caller, params, None)
        worker.start()
        await core.clock.sleep_ms(1_000)  # The loops have looked once, and found nothing.
        await core.customers.create(caller, {"email": "jenny@example.com"}, None)
        for _ in range(200):
            if receiver.received:
                break
            await core.clock.sleep_ms(50)
        await worker.close()
        await core.close()
    assert [json.loads(one.body)["type"] for one in receiver.received] == ["customer.created"]
