"""Workers that are killed again and again under load: every event arrives, and the books are right.

`HAZINA_FAULTS=whole` goes on for ten minutes.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter

import pytest

from tests.support import promises
from tests.support.callback_receiver import CallbackReceiver
from tests.support.system import Shop, System

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_SECONDS = 600 if _WHOLE else 8
_BETWEEN_KILLS_SECONDS = 3.0 if _WHOLE else 2.0
# What a killed worker had in its hands is due again in seconds.
_QUICK = {
    "HAZINA_WORKER": '{"delivery_lease_ms": 6000}',
    "HAZINA_WEBHOOK_TIMEOUT_MS": "3000",
}

pytestmark = pytest.mark.timeout(1_200 if _WHOLE else 180)


def _load(shop: Shop, ends: float) -> None:
    """Pay, refund and make customers until the time is over."""
    number = 0
    while time.monotonic() < ends:
        number += 1
        intent = shop.pay(amount=1000 + number)
        if intent["status"] == "succeeded" and number % 3 == 0:
            shop.post("/v1/refunds", payment_intent=intent["id"], amount=100)
        shop.post("/v1/customers", name=f"Number {number}")


def _all_events(shop: Shop) -> set[str]:
    found: set[str] = set()
    query = "?limit=100"
    while True:
        page = shop.get(f"/v1/events{query}").body
        found |= {event["id"] for event in page["data"]}
        if not page["has_more"]:
            return found
        query = f"?limit=100&starting_after={page['data'][-1]['id']}"


def test_every_event_arrives_though_workers_die_under_load(fresh_database_url: str) -> None:
    with System(fresh_database_url, workers=False) as system, CallbackReceiver() as receiver:
        shop = system.merchant()
        made = shop.post("/v1/webhook_endpoints", url=receiver.url, **{"enabled_events[]": "*"})
        assert made.status == 200
        loading = threading.Thread(target=_load, args=(shop, time.monotonic() + _SECONDS))
        loading.start()
        survivor = system.worker(**_QUICK)
        while loading.is_alive():
            victim = system.worker(**_QUICK)
            loading.join(_BETWEEN_KILLS_SECONDS)
            survivor.kill()
            survivor = victim
        loading.join()
        events = _all_events(shop)
        until = time.monotonic() + 90
        while not events <= {json.loads(one.body)["id"] for one in list(receiver.received)}:
            assert time.monotonic() < until, "events are missing"
            time.sleep(0.2)
            events = _all_events(shop)
        assert survivor.end() == 0

        arrived = Counter(json.loads(one.body)["id"] for one in receiver.received)
        rows = system.rows("SELECT event_id, attempts FROM webhook_delivery")
        attempts = {row["event_id"]: row["attempts"] for row in rows}
        assert arrived.keys() == events == attempts.keys()
        assert [one for one, count in arrived.items() if count > attempts[one]] == []
        assert system.broken_invariants() == []
        promises.note(
            "webhooks workers killed",
            f"each {_BETWEEN_KILLS_SECONDS:.0f} s for {_SECONDS} s: {len(events):,} events arrived",
        )
