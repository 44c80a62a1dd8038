"""The connector contract: requests, capabilities as data, and one small protocol each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Protocol

from hazina.rails.outcome import InquiryOutcome, Outcome
from hazina.rails.transport import Transport
from hazina.values import value


class Operation(StrEnum):
    """What can be asked of a provider; the kind of a command."""

    AUTHORIZE = "authorize"
    INCREMENT = "increment"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    VERIFY = "verify"


@value
class OperationRequest:
    """One thing to ask. `reference` is ours, unique per operation, and travels in the request.

    `subject_reference` is our reference of the authorization (increment, capture, void) or of the
    capture's authorization (refund). `payment_method` is a token, never a card number. `capture` on
    an authorization takes the money at once; `several_captures` asks that it may be captured in
    parts, of which only the last is `final` and releases the rest. An increment's amount is what is
    added. `customer_absent`: nobody is there to authenticate, so decline rather than challenge.
    A verification is of no amount: it asks the bank to agree to later payments with the card.
    `metadata` is the merchant's, for test behaviour.
    """

    operation: Operation
    reference: str
    amount_minor: int
    currency: str
    subject_reference: str | None = None
    payment_method: str | None = None
    capture: bool = False
    several_captures: bool = False
    final: bool = True
    customer_absent: bool = False
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@value
class Capabilities:
    """What a connector can do and how its provider behaves. No default sends anything."""

    operations: frozenset[Operation]
    inquiry_not_found_is_definitive: bool
    """Whether an inquiry that finds nothing proves that nothing happened."""
    not_found_window_ms: int
    """How long after the last possible sending it does. Longer than any lease."""
    inquiry_schedule_ms: tuple[int, ...]
    """Waits between inquiries; the last repeats. Jitter is added by dispatch."""
    calls_in_flight_max: int
    call_timeout_ms: int
    """Longest that one call may take, connecting included."""
    captures_max: int = 1
    """How many captures one authorization may have."""


@value
class Callback:
    """A callback that was verified: whose reference it is about and what it says."""

    deduplication_key: str
    reference: str
    outcome: Outcome


class CallbackRefused(Exception):
    """The callback is forged, altered, old or cannot be read. Never stored as verified."""


class Connector(Protocol):
    """One provider account, ready to be asked.

    Neither method raises for something that the provider might have done: what cannot be read is
    `Unknown`, what was proved never sent is `NotSent`.
    """

    name: str
    capabilities: Capabilities

    async def perform(self, request: OperationRequest) -> Outcome:
        """Ask once. Never repeats by itself."""

    async def inquire(self, request: OperationRequest) -> InquiryOutcome:
        """Ask what became of `request.reference`; never makes anything happen."""

    def read_callback(self, headers: Mapping[str, str], body: bytes, now_unix: int) -> Callback:
        """Verify and parse a callback. Raises `CallbackRefused`."""

    async def close(self) -> None:
        """Let go of connections."""


@value
class ConnectorKind:
    """What a connector's package offers as `CONNECTOR`: its name, its settings, how to build it."""

    name: str
    settings: type[Any]
    """A frozen dataclass; its fields are what an account at this provider must know."""
    build: Callable[[Any, Transport], Connector]
    """Makes a connector from settings and a transport; connects to nothing yet."""
