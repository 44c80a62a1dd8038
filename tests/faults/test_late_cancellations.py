"""A cancellation of which nobody knows whether it took, and a customer who decides meanwhile."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.support.books import broken_invariants
from tests.support.cardholder_browser import answer_challenge
from tests.support.flows import Shop, open_shop
from tests.support.simulator import Simulator

_QUICK = {
    "deadline_ms": 2_000, "call_timeout_ms": 1_000, "command_lease_ms": 3_100,
    "inquiry_lease_ms": 2_100, "not_found_window_ms": 3_200,
    "transit_max_ms": 1_000,
}  # fmt: skip
_BACK = "https://shop.example/back"


@pytest.mark.parametrize(
    ("decides", "ends", "told"),
    [
        ("complete", "succeeded", {"payment_intent.succeeded": 1}),
        # Shown as processing while nobody knew whether it was canceled: that it can be paid again
        # is told once more.
        ("fail", "requires_payment_method", {"payment_intent.payment_failed": 2}),
    ],
    ids=["paid", "not_paid"],
)
async def test_a_cancellation_that_comes_too_late_leaves_what_the_customer_decided(
    fresh_database_url: str, decides: Literal["complete", "fail"], ends: str, told: dict[str, int]
) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator, **_QUICK) as shop:
            intent = await _challenged(shop, "error_before@void")
            assert (await shop.cancel(intent))["status"] == "processing"
            page = intent["next_action"]["redirect_to_url"]["url"]
            answer_challenge(page, decides, _BACK)
            await shop.settle()
            left = await shop.now(intent)
            events = await shop.events(intent)
        books = simulator.books()
    assert (left["status"], left["amount_received"]) == (ends, 10_000 * (decides == "complete"))
    assert {type: events.count(type) for type in told} == told, events
    assert "payment_intent.canceled" not in events
    assert await broken_invariants(fresh_database_url, books) == []


async def _challenged(shop: Shop, fault: str) -> Any:
    """Make a payment whose customer is asked to authenticate."""
    intent = await shop.pay("pm_card_threeDSecureRequired", metadata={"sandbox_fault": fault})
    assert intent["status"] == "requires_action"
    return intent
