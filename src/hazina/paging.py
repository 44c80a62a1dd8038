"""Pages of lists: how many, and from where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

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


T = TypeVar("T")
Query = Callable[[str, dict[str, Any]], Awaitable[Sequence[T]]]
"""Runs a named query with its parameters, as a `Reader` does."""


async def read_page(
    query: Query[T], name: str, page: Page, parameters: Mapping[str, Any]
) -> tuple[list[T], bool]:
    """Return one page of a list from the newest to the oldest, and whether there are more.

    `name` is the query that runs from the newest; `name_backwards` runs from the oldest, for pages
    that end before an object. Both take `after`, `before` and `limit`, which are added here; what
    `parameters` says of them counts.
    """
    backwards = page.ending_before is not None
    place = {
        "after": page.starting_after, "before": page.ending_before, "limit": page.limit + 1
    }  # fmt: skip
    rows = await query(f"{name}_backwards" if backwards else name, place | dict(parameters))
    found = list(rows[: page.limit])
    if backwards:
        found.reverse()
    return found, len(rows) > page.limit


def created_bounds(filters: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the four bounds that the filter `created` sets; None where it sets none."""
    created = filters.get("created") or {}
    return {bound: created.get(bound) for bound in ("gt", "gte", "lt", "lte")}


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
