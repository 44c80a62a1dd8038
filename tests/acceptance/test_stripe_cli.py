"""The events that the official Stripe CLI triggers by calling the API."""

from __future__ import annotations

import pytest

from tests.support.checking_proxy import CheckingProxy
from tests.support.stripe_cli import EVENTS, run_trigger, skip_reason
from tests.support.system import Shop, System

pytestmark = pytest.mark.skipif(skip_reason() is not None, reason=skip_reason() or "")


@pytest.mark.parametrize("event", EVENTS)
def test_the_trigger_leaves_its_event_and_a_sound_ledger(
    system: System, shop: Shop, event: str
) -> None:
    with CheckingProxy(shop.url) as proxy:
        result = run_trigger(event, shop.secret_key, proxy.url)

    assert result.succeeded, result.stdout + result.stderr
    found = shop.get(f"/v1/events?type={event}&limit=10").body["data"]
    assert [one["type"] for one in found] == [event]
    assert system.broken_invariants() == []


def test_the_trigger_of_an_account_leaves_its_event_on_the_connected_account(
    system: System,
) -> None:
    platform = system.merchant(is_platform=True)
    result = run_trigger("account.updated", platform.secret_key, platform.url)

    assert result.succeeded, result.stdout + result.stderr
    (account,) = platform.get("/v1/accounts").body["data"]
    found = platform.get("/v1/events", account=account["id"]).body["data"]
    assert [one["type"] for one in found] == ["account.updated"]
    assert system.broken_invariants() == []
