"""The events that the official Stripe CLI triggers by calling the API."""

from __future__ import annotations

import pytest

from tests.support.stripe_cli import EVENTS, run_trigger, skip_reason
from tests.support.system import Shop, System

pytestmark = pytest.mark.skipif(skip_reason() is not None, reason=skip_reason() or "")


@pytest.mark.parametrize("event", EVENTS)
def test_the_trigger_leaves_its_event_and_a_sound_ledger(
    system: System, shop: Shop, event: str
) -> None:
    result = run_trigger(event, shop.secret_key, shop.url)

    assert result.succeeded, result.stdout + result.stderr
    found = shop.get(f"/v1/events?type={event}&limit=10").body["data"]
    assert [one["type"] for one in found] == [event]
    assert system.broken_invariants() == []
