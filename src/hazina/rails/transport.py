"""What a connector is given to reach its provider with, and the two ways of not being answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class NeverSent(Exception):
    """Not one byte of the request left: refused connection, failed TLS or name look-up."""


class NoAnswer(Exception):
    """Something may have left and no whole reply came back; nobody knows what happened."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole HTTP reply. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Sends one HTTP request, once."""

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_ms: int
    ) -> Reply:
        """Return the whole reply. Raises `NeverSent` or `NoAnswer`, nothing else.

        Never repeats a request and never follows a redirect. `timeout_ms` includes connecting.
        """

    async def close(self) -> None:
        """Let go of every connection."""
