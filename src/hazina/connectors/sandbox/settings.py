"""What an account at the sandbox provider needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Where the provider is, and how patient to be with it."""

    url: str
    """The provider's address, without a slash at the end."""
    callback_secret: str = field(repr=False)
    """Signs what the provider tells us."""
    call_timeout_ms: int = 10_000
    not_found_window_ms: int = 60_000
    inquiry_schedule_ms: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 120_000, 600_000)
    calls_in_flight_max: int = 256
