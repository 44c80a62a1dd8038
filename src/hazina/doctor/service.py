"""The one door to the doctor: look at a live system and say what is wrong, and how bad it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from hazina.clock import whole_seconds
from hazina.db.table import Row
from hazina.ids import moment_of
from hazina.invariants import service as invariants
from hazina.invariants.check import Fetch, Result

FILES = (*invariants.FILES, Path(__file__).parent / "doctor.sql")
"""The files of named queries that a reader must have loaded."""

_PATIENCE_S = 60
_CONNECTIONS_PERCENT_MAX = 80
_OPEN_S_MAX = 60
_DAYS_OF_MONTHS_MIN = 14


class Level(StrEnum):
    """How bad a finding is."""

    FINE = "fine"
    LATE = "late"
    """Something is stuck, late or short; nothing is lost by it."""
    BROKEN = "broken"
    """An invariant does not hold: stop and look before anything else is done."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `runbook` is the section that says what to do."""

    name: str
    level: Level
    sentence: str
    runbook: str


_STUCK = {
    "commands_overdue": "{count} commands are due for {late_s} s and nobody asks about them, "
    "such as {example}",
    "outcomes_unknown": "{count} outcomes are unknown for more than a day, such as {example}",
    "callbacks_overdue": "{count} callbacks are due for {late_s} s, such as one about {example}",
    "callbacks_quarantined": "{count} callbacks are quarantined, such as one about {example}",
    "funds_overdue": "{count} charges' money should be available for {late_s} s, such as {example}",
    "expiries_overdue": "{count} authorizations have run out {late_s} s ago, such as {example}",
    "clocks_stuck": "{count} test clocks could not be advanced, such as {example}",
    "deliveries_overdue": "{count} webhooks are due for {late_s} s, such as of {example}",
    "events_quarantined": "{count} events were refused by the broker, such as {example}",
}


async def examine(
    fetch: Fetch, *, heavy: bool = True, health: Mapping[str, Any] | None = None
) -> list[Finding]:
    """Look at everything once, worst first.

    Without `heavy`, what reads everything that was ever booked is left out. `health` is what an API
    process answers at /health/ready; without it nothing is known of breakers.
    """
    found = [_of_check(result) for result in await invariants.run(fetch, heavy=heavy)]
    found += [_of_stuck(row) for row in await fetch("doctor_stuck", {"patience_s": _PATIENCE_S})]
    found += [_of_lag(row) for row in await fetch("doctor_lags", {})]
    found += _of_server((await fetch("doctor_server", {}))[0])
    if health is not None:
        found += _of_health(health)
    order = list(Level)
    return sorted(found, key=lambda finding: -order.index(finding.level))


def worst(findings: Sequence[Finding]) -> Level:
    """Return the level of the whole."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.FINE)


def _of_check(result: Result) -> Finding:
    check = result.check
    name = f"{check.invariant} {check.name}"
    if result.broken:
        return Finding(name, Level.BROKEN, "; ".join(result.broken), "a-broken-invariant")
    sentence = check.sentence if result.skipped is None else f"not checked: {result.skipped}"
    return Finding(name, Level.FINE, sentence, "invariants")


def _of_stuck(row: Row) -> Finding:
    what = row["what"]
    if not row["count"]:
        return Finding(what, Level.FINE, f"no {what.replace('_', ' ')}", what.replace("_", "-"))
    return Finding(what, Level.LATE, _STUCK[what].format(**row), what.replace("_", "-"))


def _of_lag(row: Row) -> Finding:
    name = f"lag_{row['reader']}"
    oldest = row["oldest"]
    late_s = 0 if oldest is None else whole_seconds(moment_of(oldest), row["now"])
    sentence = f"{row['reader']} is {row['count']} events and {late_s} s behind the log"
    return Finding(
        name,
        Level.LATE if late_s > _PATIENCE_S else Level.FINE,
        sentence,
        "a-reader-of-the-log-lags",
    )


def _of_server(row: Row) -> list[Finding]:
    used, most = row["connections"], row["connections_max"]
    full = used * 100 > most * _CONNECTIONS_PERCENT_MAX
    long = row["oldest_s"] > _OPEN_S_MAX
    unsafe = row["replica"] or not row["safe"]
    days = row["days_of_months"]
    short = days is None or days < _DAYS_OF_MONTHS_MIN
    return [
        Finding("connections", Level.LATE if full else Level.FINE,
                f"{used} of {most} connections of PostgreSQL are used", "connections"),
        Finding("oldest_statement", Level.LATE if long else Level.FINE,
                f"the oldest database transaction runs for {row['oldest_s']} s; the event log is "
                "read only below it", "oldest-statement"),
        Finding("writers", Level.FINE if row["writers"] else Level.LATE,
                f"{row['writers']} processes hold a writer's slot", "writers"),
        Finding("history_months", Level.LATE if short else Level.FINE,
                "account_history_later is missing" if days is None
                else f"history has months of its own for {days} days to come", "history-months"),
        Finding("durability", Level.BROKEN if unsafe else Level.FINE,
                "the server is a replica, or does not wait for its disk" if unsafe
                else "the server is a primary and waits for its disk", "durability"),
    ]  # fmt: skip


def _of_health(health: Mapping[str, Any]) -> list[Finding]:
    found = [
        Finding("api", Level.FINE if health.get("ready") else Level.LATE,
                f"the API answers {'ready' if health.get('ready') else 'not ready'}: "
                f"{health.get('checks')}", "api")
    ]  # fmt: skip
    for account, state in health.get("providers", {}).items():
        bad = state["breaker"] != "closed" or state["saturated"]
        sentence = (
            f"the breaker of {account} is {state['breaker']}, {state['in_flight']} calls in flight"
        )
        level = Level.LATE if bad else Level.FINE
        found.append(Finding(f"provider_{account}", level, sentence, "a-breaker-is-open"))
    return found
