"""What clients of the API read while PostgreSQL or the provider is away, and when it is back."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from tests.support.system import Answer, Shop, System
from tests.support.tcp_proxy import Fault, Target, TcpProxy

pytestmark = pytest.mark.timeout(180)
_RECOVERY_SECONDS_MAX = 30


def _until(ask: Callable[[], Answer], status: int, seconds: float = 20) -> Answer:
    """Ask until this status is answered."""
    until = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer.status == status:
            return answer
        assert time.monotonic() < until, answer.raw
        time.sleep(0.1)


def _ready(system: System) -> int:
    try:
        with urllib.request.urlopen(f"{system.url}/health/ready", timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def _create(shop: Shop) -> Answer:
    return shop.post("/v1/payment_intents", amount=500, currency="usd")


def test_clients_are_told_to_come_again_while_postgresql_is_away_and_served_when_it_is_back(
    fresh_database_url: str,
) -> None:
    with (
        TcpProxy(Target.of_database(fresh_database_url)) as proxy,
        System(proxy.database_url(fresh_database_url)) as system,
    ):
        shop = system.merchant()
        paid = shop.pay()
        proxy.set(Fault.REFUSE)
        read = _until(lambda: shop.get(f"/v1/payment_intents/{paid['id']}"), 503)
        # The first to write is the one that finds out; those after it are told.
        first = threading.Thread(target=_create, args=(shop,))
        first.start()
        time.sleep(2.5)
        written = _create(shop)
        ready_while_away = _ready(system)
        proxy.set(Fault.NONE)
        first.join()
        back = _until(lambda: _create(shop), 200, _RECOVERY_SECONDS_MAX)
        assert _until(lambda: shop.get(f"/v1/payment_intents/{paid['id']}"), 200).body["id"]
        assert system.broken_invariants() == []

    assert ready_while_away == 503
    for answer in (read, written):
        assert answer.status == 503
        assert answer.error["code"] == "overloaded"
        assert answer.headers["retry-after"] == "1"
    assert back.body["object"] == "payment_intent"


def test_an_authorization_is_refused_at_once_while_the_breaker_is_open(
    fresh_database_url: str,
) -> None:
    """What is owed is accepted: a capture is processing until the provider is back."""
    with System(fresh_database_url) as system:
        shop = system.merchant()
        held = shop.pay(capture_method="manual")
        system.simulator.control({"authorize": "error_before", "capture": "error_before"})

        def pay() -> Answer:
            return shop.post(
                "/v1/payment_intents", amount=500, currency="usd", confirm="true",
                payment_method="pm_card_visa", **{"payment_method_types[]": "card"},
            )  # fmt: skip

        refused = _until(pay, 503)
        capture = shop.post(f"/v1/payment_intents/{held['id']}/capture")
        system.simulator.control({})
        again = _until(pay, 200, _RECOVERY_SECONDS_MAX)
        until = time.monotonic() + _RECOVERY_SECONDS_MAX
        while again.body["status"] != "succeeded":
            assert time.monotonic() < until, again.raw
            again = _until(pay, 200, _RECOVERY_SECONDS_MAX)
        captured = shop.until(f"/v1/payment_intents/{held['id']}", "succeeded", 40)

    assert refused.error["code"] == "overloaded"
    assert refused.headers["retry-after"]
    assert capture.status == 200, capture.raw
    assert captured["amount_received"] == held["amount"]
