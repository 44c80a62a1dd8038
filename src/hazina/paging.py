"""Pages of lists: how many, and from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hazina.ids import first_id_of


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


_SLACK_SECONDS = 120


def id_range(prefix: str, created: Mapping[str, int]) -> tuple[str | None, str | None]:
    """Return the ids from which and before which everything lies that was created within bounds.

    `created` has any of gt, gte, lt and lte, in Unix time. The range is a little wider than the
    bounds, for an id is made a moment before or after `created` is read; the bounds themselves
    still have to be checked. It holds only where `created` is real time, not a test clock's.
    """
    low = [created[bound] for bound in ("gt", "gte") if bound in created]
    high = [created[bound] for bound in ("lt", "lte") if bound in created]
    return (
        first_id_of(prefix, max(low) - _SLACK_SECONDS) if low else None,
        first_id_of(prefix, min(high) + _SLACK_SECONDS) if high else None,
    )
