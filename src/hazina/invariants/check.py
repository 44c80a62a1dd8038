"""A named check, and what came of running it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hazina.db.table import Row

Fetch = Callable[[str, Mapping[str, Any]], Awaitable[Sequence[Row]]]
"""Runs a named query: a reader's `query`."""


class When(StrEnum):
    """When a check must hold."""

    ALWAYS = "always"
    """At any moment, also in the middle of work: one statement sees one moment."""
    SETTLED = "settled"
    """Once nothing is under way."""
    BOOKS = "books"
    """When nothing is under way and the provider's books were read."""
    ELSEWHERE = "elsewhere"
    """It is proved in another place, or there is nothing yet that it could be about."""


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """One operation as a provider remembers it; the totals belong to authorizations."""

    reference: str
    operation: str
    amount: int
    currency: str
    effective: bool
    """Whether it was done, and not undone by failing afterwards. A voided one was done."""
    voided: bool = False
    awaits_customer: bool = False
    """Whether it would still be done if the customer authenticated now."""
    final: bool = True
    incremented: int = 0
    captured: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """What checks look at. `books` are the provider's, where they can be read."""

    fetch: Fetch
    books: Sequence[ProviderEntry] = ()


Run = Callable[[Subject], Awaitable[list[str]]]
"""Returns a sentence for each thing that is broken, none if the rule holds."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. `invariant` is its number in the list of promises."""

    invariant: str
    name: str
    sentence: str
    when: When = When.ALWAYS
    run: Run | None = field(default=None, repr=False)
    heavy: bool = False
    """Whether it reads everything that was ever booked or told."""

    @property
    def order(self) -> tuple[int, str]:
        """Sort by number."""
        return int(self.invariant[1:]), self.name


@dataclass(frozen=True, slots=True)
class Result:
    """A check that was run, or why it was not."""

    check: Check
    broken: tuple[str, ...] = ()
    skipped: str | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is known to be broken."""
        return not self.broken
