"""A payment's story is whole and in order although its processes' clocks do not agree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson

from hazina.bootstrap.app import open_core
from hazina.ids import SystemIds, encode
from hazina.timeline.moment import Timeline
from tests.support.flows import ShiftedClock, Shop, open_shop
from tests.support.simulator import Simulator
from tests.support.timelines import timeline_of

_AHEAD = timedelta(seconds=3)
_STORY = ("call", "outcome", "event")


class _IdsAhead(SystemIds):
    """Ids of a machine whose clock is ahead."""

    def new(self, prefix: str) -> str:
        moment = int((ShiftedClock().now() + _AHEAD).timestamp() * 1_000)
        return f"{prefix}_{encode(moment << 80)[:10]}{super().new(prefix).partition('_')[2][10:]}"


async def _begun_ahead(shop: Shop, **params: Any) -> str:
    """Create an intent in a process whose clock is ahead; return its id."""
    clock = ShiftedClock()
    clock.ahead = _AHEAD
    ahead = await open_core(shop.core.settings, clock=clock, ids=_IdsAhead())
    try:
        usual = {
            "amount": 10_000, "currency": "usd", "payment_method": "pm_card_visa", "metadata": {},
        }  # fmt: skip
        answer = await ahead.payments.create_intent(shop.caller, usual | params, None)
    finally:
        await ahead.close()
    made: str = orjson.loads(answer.body)["id"]
    return made


async def _told(url: str, go_on: Callable[[Shop], Awaitable[str]]) -> list[str]:
    """Return the kinds and first words of what was told of the payment that was made so."""
    with Simulator() as simulator:
        async with open_shop(url, simulator) as shop:
            payment = await go_on(shop)
    return _words(await timeline_of(url, payment))


def _words(found: Timeline) -> list[str]:
    told = ((moment.kind.name.lower(), moment.text.split()) for moment in found.moments)
    return [
        f"{kind} {words[0]}" if kind == "event" else f"{kind} {' '.join(words[2:5])}"
        for kind, words in told
        if kind in _STORY
    ]


async def test_events_of_a_process_whose_clock_is_behind_the_creators_are_told(
    fresh_database_url: str,
) -> None:
    async def confirmed_elsewhere(shop: Shop) -> str:
        payment = await _begun_ahead(shop)
        await shop.core.payments.confirm_intent(shop.caller, payment, {}, None)
        return payment

    told = await _told(fresh_database_url, confirmed_elsewhere)

    assert sorted(told) == [
        "event charge.succeeded", "event payment_intent.created", "event payment_intent.succeeded",
    ]  # fmt: skip


async def test_calls_outcomes_and_their_events_keep_their_order_when_the_sender_is_ahead(
    fresh_database_url: str,
) -> None:
    async def settled_elsewhere(shop: Shop) -> str:
        faults = {"sandbox_fault": "error_after"}
        payment = await _begun_ahead(shop, confirm=True, metadata=faults)
        await shop.settle()
        return payment

    told = await _told(fresh_database_url, settled_elsewhere)

    assert told == [
        "event payment_intent.created",
        "outcome came to unknown:",
        "event payment_intent.processing",
        "call leased anew to",
        "outcome came to approved",
        "event charge.succeeded",
        "event payment_intent.succeeded",
    ]
