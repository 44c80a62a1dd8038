"""Every payment flow through the official Python package, blocking and asynchronous."""

from __future__ import annotations

from tests.support.stripe_scenario import STEPS, run_async, run_sync
from tests.support.system import Shop, System


def test_the_blocking_client_completes_every_step(system: System, shop: Shop) -> None:
    done = run_sync(shop.url, shop.secret_key)

    assert tuple(step.name for step in done) == STEPS
    assert system.broken_invariants() == []


async def test_the_asynchronous_client_completes_every_step(shop: Shop) -> None:
    done = await run_async(shop.url, shop.secret_key)

    assert tuple(step.name for step in done) == STEPS
