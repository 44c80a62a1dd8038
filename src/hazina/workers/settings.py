"""How often the loops look, how much they take at once, and how patient they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from hazina.webhooks.delivery import Schedule
from hazina.webhooks.health import DISABLE_AFTER_MS
from hazina.workers.lane import LaneLimits


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Intervals are for an idle system: work that was nudged or is left over starts at once."""

    fan_out_interval_ms: int = 500
    fan_out_limit: int = 500
    deliver_interval_ms: int = 500
    replay_interval_ms: int = 1_000
    deliveries_in_flight_max: int = 1_024
    """Taken by one worker, under way or waiting for their turn."""
    delivery_lease_ms: int = 60_000
    lane: LaneLimits = field(default_factory=LaneLimits)
    schedule: Schedule = field(default_factory=Schedule)
    disable_after_ms: int = DISABLE_AFTER_MS
    janitor_interval_ms: int = 500
    inbox_interval_ms: int = 500
    release_interval_ms: int = 5_000
    expiry_interval_ms: int = 5_000
    checkout_interval_ms: int = 500
    expire_interval_ms: int = 2_000
    ledger_expiry_interval_ms: int = 1_000
    test_clocks_interval_ms: int = 500
    relay_interval_ms: int = 500
    purge_interval_ms: int = 60_000
    batch_limit: int = 200
    pause_after_error_ms: int = 2_000
    drain_ms: int = 10_000
