"""Lists: pages out of parameters, and the envelope around what was found."""

from __future__ import annotations

from typing import Any

import orjson

from hazina.paging import Page
from hazina.refusals import Code, Refusal

_PAGING = ("limit", "starting_after", "ending_before")


def split(params: dict[str, Any]) -> tuple[dict[str, Any], Page]:
    """Part a list's parameters into filters and the page. Refuses two cursors at once."""
    filters = {name: value for name, value in params.items() if name not in _PAGING}
    page = Page(
        limit=params.get("limit", 10),
        starting_after=params.get("starting_after"),
        ending_before=params.get("ending_before"),
    )
    if page.starting_after is not None and page.ending_before is not None:
        raise Refusal(
            Code.PARAMETER_INVALID,
            "You can pass starting_after or ending_before, but not both.",
            param="ending_before",
        )
    return filters, page


def listing(url: str, found: tuple[list[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the list object around a page."""
    data, has_more = found
    return {"object": "list", "url": url, "has_more": has_more, "data": data}


def spliced(url: str, found: tuple[list[bytes], bool]) -> bytes:
    """Return the list object around bodies that are bytes already, as they are."""
    bodies, has_more = found
    more = b"true" if has_more else b"false"
    head = b'{"object":"list","url":' + orjson.dumps(url) + b',"has_more":' + more + b',"data":['
    return head + b",".join(bodies) + b"]}"


def cut(views: list[dict[str, Any]], page: Page) -> tuple[list[dict[str, Any]], bool]:
    """Return a page of a short list that is all there. Refuses a cursor that is not in it."""
    cursor = page.cursor
    if cursor is None:
        return views[: page.limit], len(views) > page.limit
    at = next((n for n, view in enumerate(views) if view["id"] == cursor.object_id), None)
    if at is None:
        raise Refusal(
            Code.RESOURCE_MISSING,
            f"No such {cursor.param}: the id is not in this list.",
            param=cursor.param,
        )
    if page.ending_before is not None:
        return views[max(0, at - page.limit) : at], at > page.limit
    rest = views[at + 1 :]
    return rest[: page.limit], len(rest) > page.limit
