"""What Stripe's API has, as facts: each method and path with the names of its parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Names = Mapping[str, Any]
"""Names of parameters, each with the names inside it."""

_TOKEN = re.compile(r"[()]|[^\s()]+")


@dataclass(frozen=True, slots=True)
class StripeEndpoint:
    """One endpoint; each id in its path is written `{id}`."""

    method: str
    path: str
    params: Names

    @property
    def name(self) -> str:
        """The endpoint as people write it."""
        return f"{self.method} {self.path}"


def line_of(endpoint: StripeEndpoint) -> str:
    """Return the endpoint as a line of the data file: `POST /v1/x a b(c d)`."""
    return f"{endpoint.name} {_written(endpoint.params)}".rstrip()


def _written(names: Names) -> str:
    return " ".join(
        f"{name}({_written(inner)})" if inner else name for name, inner in sorted(names.items())
    )


def read_line(line: str) -> StripeEndpoint:
    """Return the endpoint of a line of the data file."""
    method, _, rest = line.partition(" ")
    path, _, params = rest.partition(" ")
    return StripeEndpoint(method, path, _read(iter(_TOKEN.findall(params))))


def _read(tokens: Iterator[str]) -> Names:
    names: dict[str, Any] = {}
    last = ""
    for token in tokens:
        match token:
            case "(":
                names[last] = _read(tokens)
            case ")":
                return names
            case _:
                names[token] = {}
                last = token
    return names


class Surface:
    """The endpoints of Stripe's API, found by method and path; parameters are read when asked."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines: dict[tuple[str, str], str] = {}
        for line in lines:
            method, path = line.split(" ", 2)[:2]
            self._lines[method, path.rstrip()] = line
        self._patterns = [(method, path, tuple(path.split("/"))) for method, path in self._lines]

    def find(self, method: str, path: str) -> StripeEndpoint | None:
        """Return the endpoint that a request of this method and path would reach at Stripe."""
        parts = path.split("/")
        found = [
            pattern
            for known, pattern, pieces in self._patterns
            if known == method and len(pieces) == len(parts) and _fits(pieces, parts)
        ]
        if not found:
            return None
        # A word in the path outranks an id in its place: /v1/charges/search is no charge.
        return read_line(self._lines[method, min(found, key=lambda one: one.count("{id}"))])

    def all(self) -> list[StripeEndpoint]:
        """Return every endpoint, in the order of the file."""
        return [read_line(line) for line in self._lines.values()]


def _fits(pieces: tuple[str, ...], parts: list[str]) -> bool:
    return all(
        piece == part or (piece == "{id}" and part != "")
        for piece, part in zip(pieces, parts, strict=True)
    )


@cache
def surface() -> Surface:
    """Return the surface that `make docs` took from the official package's source."""
    text = files("hazina.api").joinpath("stripe_surface.txt").read_text()
    return Surface(text.splitlines())
