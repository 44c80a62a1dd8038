"""Routes: what a path and method lead to, and how one is found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from hazina.api.core import Core
from hazina.api.params.kinds import Fields
from hazina.api.streaming import Streamed
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from hazina.merchants.scopes import resource_of
from hazina.values import value


@value
class Call:
    """One request, authenticated and read: what a handler is given."""

    core: Core
    caller: Caller
    path: str
    ids: tuple[str, ...]
    params: dict[str, Any]
    idempotency: IdempotencyRequest | None


Result = Answer | dict[str, Any] | bytes | Streamed
Handler = Callable[[Call], Awaitable[Result]]


@value
class Route:
    """One row of the route table.

    `answers` is the `object` that comes back; `listed` says that it comes in a list, `searched`
    that the list is a search's result, `streams` that they come one by one without an end.
    `publishable` routes also take publishable keys; `public` returns what of an answer these are
    shown, where that is not all of it.
    """

    method: str
    path: str
    handler: Handler
    params: Fields
    answers: str
    summary: str
    listed: bool = False
    publishable: bool = False
    searched: bool = False
    public: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    streams: bool = False

    @property
    def name(self) -> str:
        """The route's name in idempotency keys and logs."""
        return f"{self.method} {self.path}"

    @property
    def resource(self) -> str:
        """The resource that a restricted key needs a scope for: to read, or else to write."""
        return resource_of(self.answers)


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    wild: _Node | None = None
    methods: dict[str, Route] = field(default_factory=dict)


class Router:
    """Finds routes by path, one step per segment."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self.routes = tuple(routes)
        for route in self.routes:
            node = self._root
            for part in route.path.split("/"):
                if part.startswith("{"):
                    node.wild = node.wild or _Node()
                    node = node.wild
                else:
                    node = node.children.setdefault(part, _Node())
            assert route.method not in node.methods, f"{route.name} is declared twice"
            node.methods[route.method] = route

    def find(self, path: str) -> tuple[dict[str, Route], tuple[str, ...]] | None:
        """Return the routes of a path by method, and the ids in the path; None if unknown."""
        node = self._root
        ids: tuple[str, ...] = ()
        for part in path.split("/"):
            child = node.children.get(part)
            if child is None:
                child = node.wild
                if child is None or not part:
                    return None
                ids += (part,)
            node = child
        return (node.methods, ids) if node.methods else None
