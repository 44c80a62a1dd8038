"""Pages of lists: how many, and from where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list that runs from the newest to the oldest."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
