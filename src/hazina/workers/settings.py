"""How often the loops look, how much they take at once, and how patient they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from hazina.webhooks.delivery import Schedule
from hazina.webhooks.health import DISABLE_AFTER_MS
from hazina.workers.lane import LaneLimits


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Intervals are for an idle system: work that was nudged or is left over starts at once."""

    fan_out_interval_ms: int = 500
    fan_out_eager_ms: int = 10
    """While events come from other processes, which cannot nudge this one."""
    fan_out_limit: int = 500
    deliver_interval_ms: int = 500
    replay_interval_ms: int = 1_000
    deliveries_in_flight_max: int = 1_024
    """Requests of one worker; about as many deliveries are taken ahead of them."""
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
    retention_interval_ms: int = 600_000
    batch_limit: int = 200
    """How much the loops below take at once that have no number of their own."""
    janitor_limit: int = 200
    """Inquiries side by side; what each provider takes at most is limited besides."""
    inbox_limit: int = 200
    pause_after_error_ms: int = 2_000
    drain_ms: int = 10_000


def chosen(numbers: Mapping[str, int]) -> WorkerSettings:
    """Return settings with some numbers changed. Raises ValueError for a name that is none."""
    known = {one.name for one in fields(WorkerSettings) if one.type == "int"}
    if unknown := sorted(numbers.keys() - known):
        raise ValueError(f"{', '.join(unknown)}: choose from {', '.join(sorted(known))}")
    if wrong := sorted(name for name, number in numbers.items() if number < 1):
        raise ValueError(f"{', '.join(wrong)} must be at least 1")
    changes: dict[str, Any] = dict(numbers)
    return replace(WorkerSettings(), **changes)
