"""The fault vocabulary: what can go wrong on request, per payment or for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hazina.ids import Ids

OPERATIONS = ("authorize", "increment", "capture", "void", "refund", "verify")

FAULTS = frozenset(
    {
        "slow",
        "timeout_before_effect",
        "timeout_after_effect",
        "error_before",
        "error_after",
        "reset_mid_body",
        "truncated_body",
        "ok_with_error_inside",
        "duplicate_callback",
        "callback_before_reply",
        "contradictory_callback",
        "no_callback",
        "not_found_then_success",
        "answer_after_deadline",
        "decline",
        "4xx",
        "pending",
        "unknown_reason",
        "wrong_amount_echoed",
    }
)

CALLBACK_FAULTS = frozenset(
    {"duplicate_callback", "callback_before_reply", "contradictory_callback", "no_callback"}
)


class FaultRefused(Exception):
    """A word that is not in the vocabulary, or a setting that makes no sense."""


def read_faults(text: str, operation: str) -> tuple[str, ...]:
    """Return the faults that `fault@operation,fault` asks of this operation.

    A fault without an operation strikes authorizations and verifications. Raises `FaultRefused`.
    """
    found = []
    for part in text.split(","):
        fault, _, at = part.strip().partition("@")
        if fault not in FAULTS or (at and at not in OPERATIONS):
            raise FaultRefused(f"unknown fault {part.strip()[:60]!r}")
        if at == operation or (not at and operation in ("authorize", "verify")):
            found.append(fault)
    return tuple(found)


@dataclass(slots=True)
class _Rule:
    fault: str
    count: int | None
    """How many operations it still strikes; None is without end."""
    rate: float
    """Which share of them."""
    delay_ms: int


class GlobalFaults:
    """Faults that strike every payment, set over the control endpoint."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._rules: dict[str, _Rule] = {}

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Replace all rules: `{"capture": {"fault": "slow", "count": 2, "rate": 0.5}}`."""
        rules = {}
        for operation, rule in wanted.items():
            if isinstance(rule, str):
                rule = {"fault": rule}
            if operation not in OPERATIONS or not isinstance(rule, dict):
                raise FaultRefused(f"unknown operation {operation[:60]!r}")
            if rule.get("fault") not in FAULTS:
                raise FaultRefused(f"unknown fault {str(rule.get('fault'))[:60]!r}")
            rules[operation] = _Rule(
                rule["fault"], rule.get("count"), rule.get("rate", 1.0), rule.get("delay_ms", 0)
            )
        self._rules = rules

    def shown(self) -> dict[str, Any]:
        """Return the rules still in force."""
        return {
            operation: {
                "fault": rule.fault,
                "count": rule.count,
                "rate": rule.rate,
                "delay_ms": rule.delay_ms,
            }
            for operation, rule in self._rules.items()
        }

    def strike(self, operation: str) -> tuple[str, int] | None:
        """Return the fault and delay for the next operation of this kind, and count it."""
        rule = self._rules.get(operation)
        if rule is None or rule.count == 0:
            return None
        if rule.rate < 1 and self._ids.jitter(9_999) >= rule.rate * 10_000:
            return None
        if rule.count is not None:
            rule.count -= 1
        return rule.fault, rule.delay_ms
