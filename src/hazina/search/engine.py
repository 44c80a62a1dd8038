"""Running searches: parse, translate, read one page, render."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hazina.db.reader import Searcher
from hazina.db.table import Row
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Merchant
from hazina.refusals import Code, Refusal
from hazina.search.fields import Condition, Field, translate
from hazina.search.pages import Found, PageTokens, Search
from hazina.search.query import Operator, Query, parse

COUNT_MAX = 10_000
"""Counting stops here, as Stripe's is exact only up to here."""

_BOUNDS = {
    Operator.GREATER: ("gt",), Operator.GREATER_OR_EQUAL: ("gte",), Operator.LESS: ("lt",),
    Operator.LESS_OR_EQUAL: ("lte",), Operator.EQUAL: ("gte", "lte"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resource:
    """What can be searched: its fields, and the named queries `<kind>_search` and `_count`.

    `prefix` begins its ids, whose order is that of their making.
    """

    kind: str
    prefix: str
    fields: Mapping[str, Field]
    render: Callable[[Row, Merchant], dict[str, Any]]


class Searches:
    """Searches the objects of one merchant at a time."""

    def __init__(
        self, searcher: Searcher, clocks: Clocks, tokens: PageTokens, resources: Iterable[Resource]
    ) -> None:
        self._searcher = searcher
        self._clocks = clocks
        self._tokens = tokens
        self.resources = {resource.kind: resource for resource in resources}

    async def run(self, merchant: Merchant, kind: str, search: Search) -> Found:
        """Return a page of what matches, newest first.

        Refuses `search_query_invalid`, `search_too_broad`, and `parameter_invalid` for a page token
        that belongs to another merchant or query.
        """
        resource = self.resources[kind]
        query = parse(search.query)
        condition = translate(query, resource.fields)
        merchant_id = merchant.merchant_id
        after = None
        if search.page is not None:
            after = self._tokens.read(merchant_id, kind, search.query, search.page)
        low, high = await self._clocks.span(merchant, resource.prefix, created_bounds(query))
        parameters = {
            "merchant_id": merchant_id, "after": after, "low": low, "high": high,
            "limit": search.limit + 1,
        } | dict(condition.parameters)  # fmt: skip
        rows = await self._read(f"{kind}_search", condition, parameters)
        next_page = None
        if len(rows) > search.limit:
            rows = rows[: search.limit]
            next_page = self._tokens.make(merchant_id, kind, search.query, rows[-1]["id"])
        total = None
        if search.counted:
            parameters |= {"after": None, "limit": COUNT_MAX}
            total = (await self._read(f"{kind}_count", condition, parameters))[0]["count"]
        return Found([resource.render(row, merchant) for row in rows], next_page, total)

    async def _read(self, name: str, condition: Condition, parameters: dict[str, Any]) -> list[Row]:
        try:
            return list(await self._searcher.search(name, condition.sql, parameters))
        except TimeoutError:
            raise Refusal(
                Code.SEARCH_TOO_BROAD,
                "The search had to look at too many objects. Narrow it, for instance by created>, "
                "or by a key of metadata that few objects have.",
                param="query",
            ) from None


def created_bounds(query: Query) -> dict[str, int]:
    """Return the bounds of `created` that every result keeps, for choosing a range of ids."""
    bounds: dict[str, int] = {}
    if query.any_of:
        return bounds
    for clause in query.clauses:
        if clause.field != "created" or clause.negated or clause.value is None:
            continue
        for bound in _BOUNDS.get(clause.operator, ()):
            number = int(clause.value)
            lower = bound in ("gt", "gte")
            known = bounds.get(bound, number)
            bounds[bound] = max(known, number) if lower else min(known, number)
    return bounds
