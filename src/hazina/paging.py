"""Pages of lists: how many, and from where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageCursor:
    """An object that a page is told from, and the parameter that named it."""

    param: str
    object_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list that runs from the newest to the oldest."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None

    @property
    def cursor(self) -> PageCursor | None:
        """Return the object at which the page starts or ends, if one is named."""
        if self.starting_after is not None:
            return PageCursor("starting_after", self.starting_after)
        if self.ending_before is not None:
            return PageCursor("ending_before", self.ending_before)
        return None
