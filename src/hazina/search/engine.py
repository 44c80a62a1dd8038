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
from hazina.search.query import Clause, Operator, Query, parse
from hazina.search.turns import Turns

COUNT_MAX = 10_000
"""Counting stops here, as Stripe's is exact only up to here."""

_WINDOW = 2_000
"""How many of the newest rows are looked at before indexes are asked for what is rare."""

_NARROW_COUNT_MAX = 2_000
"""What more rows match is found among the newest sooner than one by one."""

_BOUNDS = {
    Operator.GREATER: ("gt",), Operator.GREATER_OR_EQUAL: ("gte",), Operator.LESS: ("lt",),
    Operator.LESS_OR_EQUAL: ("lte",), Operator.EQUAL: ("gte", "lte"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A named query that finds by indexes alone which few ids may match what is asked of `fields`.

    Whoever plans the search itself must guess how many rows match and how far back they lie, and
    would rather read a million of the newest than find one by its metadata. `present` are the
    fields of which an index also knows whether they are there at all.
    """

    query: str
    fields: Mapping[str, Field]
    present: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Resource:
    """What can be searched: its fields, and the named queries `<kind>_search` and `_count`.

    `prefix` begins its ids, whose order is that of their making. With `narrowings` there is
    `<kind>_window` too, which tells the id so many rows back.
    """

    kind: str
    prefix: str
    fields: Mapping[str, Field]
    render: Callable[[Row, Merchant], dict[str, Any]]
    narrowings: tuple[Narrowing, ...] = ()


class Searches:
    """Searches the objects of one merchant at a time."""

    def __init__(
        self, searcher: Searcher, clocks: Clocks, tokens: PageTokens,
        resources: Iterable[Resource], turns: Turns,
    ) -> None:  # fmt: skip
        self._searcher = searcher
        self._clocks = clocks
        self._tokens = tokens
        self.resources = {resource.kind: resource for resource in resources}
        self.turns = turns

    async def run(self, merchant: Merchant, kind: str, search: Search) -> Found:
        """Return a page of what matches, newest first.

        Refuses `search_query_invalid`, `search_too_broad`, and `parameter_invalid` for a page token
        that belongs to another merchant or query. Raises `Overloaded` where too many search.
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
        async with self.turns.one():
            condition, rows = await self._found(resource, query, condition, parameters)
            total = None
            if search.counted:
                parameters |= {"after": None, "limit": COUNT_MAX} | dict(condition.parameters)
                counted = await self._read(f"{kind}_count", condition, parameters)
                total = counted[0]["count"]
        next_page = None
        if len(rows) > search.limit:
            rows = rows[: search.limit]
            next_page = self._tokens.make(merchant_id, kind, search.query, rows[-1]["id"])
        return Found([resource.render(row, merchant) for row in rows], next_page, total)

    async def _found(
        self, resource: Resource, query: Query, condition: Condition, parameters: dict[str, Any]
    ) -> tuple[Condition, list[Row]]:
        """Return the rows, and the condition by which others are found as soon.

        What is common stands among the newest rows; what is not is found by indexes.
        """
        name = f"{resource.kind}_search"
        if any(_helpful(query, narrowing) for narrowing in resource.narrowings):
            window = f"{resource.kind}_window"
            back = await self._read(window, Condition("true"), parameters | {"offset": _WINDOW})
            if back:
                low = max(back[0]["id"], parameters["low"] or "")
                rows = await self._read(name, condition, parameters | {"low": low})
                if len(rows) == parameters["limit"]:
                    return condition, rows
                for narrowing in resource.narrowings:
                    condition = await self._narrowed(narrowing, query, condition, parameters)
        return condition, await self._read(name, condition, parameters | dict(condition.parameters))

    async def _narrowed(
        self,
        narrowing: Narrowing,
        query: Query,
        condition: Condition,
        parameters: Mapping[str, Any],
    ) -> Condition:
        """Return the condition, with the ids between which to choose where these are few."""
        helpful = _helpful(query, narrowing)
        if not helpful:
            return condition
        there = translate(Query(helpful, query.any_of), narrowing.fields)
        limits = {"merchant_id": parameters["merchant_id"], "limit": _NARROW_COUNT_MAX + 1}
        rows = await self._read(narrowing.query, there, limits | dict(there.parameters))
        if len(rows) > _NARROW_COUNT_MAX:
            return condition
        name = narrowing.query
        sql = f"({condition.sql}) AND t.id = ANY(%({name})s::text[])"
        ids = [row["id"] for row in rows]
        return Condition(sql, dict(condition.parameters) | {name: ids})

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


def _helpful(query: Query, narrowing: Narrowing) -> tuple[Clause, ...]:
    """Return the clauses by which ids are found: all, or else none, where one is enough."""
    helpful = tuple(
        clause
        for clause in query.clauses
        if clause.field in narrowing.fields and _is_indexed(clause, narrowing)
    )
    return () if query.any_of and len(helpful) < len(query.clauses) else helpful


def _is_indexed(clause: Clause, narrowing: Narrowing) -> bool:
    if clause.value is None:
        return clause.negated and clause.field in narrowing.present
    return not clause.negated and clause.operator is not Operator.CONTAINS


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
