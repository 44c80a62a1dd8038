"""Searches: one handler for every resource that can be searched."""

from __future__ import annotations

from hazina.api.params.kinds import Fields, Integer, Param, Text
from hazina.api.route import Call, Result, Route
from hazina.search.pages import Search
from hazina.search.query import LENGTH_MAX

SEARCH = Fields(
    {
        "query": Param(
            Text(length_max=LENGTH_MAX), required=True, about="In Stripe's search query language."
        ),
        "limit": Param(
            Integer(minimum=1, maximum=100), about="How many, from 1 to 100; 10 by default."
        ),
        "page": Param(Text(length_max=1000), about="next_page of the previous answer."),
    }
)


def search_route(path: str, kind: str, summary: str) -> Route:
    """Return the route that searches the objects listed at a path."""

    async def search(call: Call) -> Result:
        params = call.params
        asked = Search(
            params["query"], params.get("limit", 10), params.get("page"),
            params.get("total_count", False),
        )  # fmt: skip
        found = await call.core.searches.run(call.caller.merchant, kind, asked)
        answer = {
            "object": "search_result", "url": call.path, "has_more": found.next_page is not None,
            "next_page": found.next_page, "data": found.data,
        }  # fmt: skip
        if found.total_count is not None:
            answer["total_count"] = found.total_count
        return answer

    return Route("GET", f"{path}/search", search, SEARCH, kind, summary, listed=True, searched=True)
