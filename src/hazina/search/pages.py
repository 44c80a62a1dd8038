"""Pages of search results: tokens that say where the next one begins, and for whom."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from hazina.refusals import Code, Refusal
from hazina.secrets import keyed_hash, same

_MARK_BYTES = 12


@dataclass(frozen=True, slots=True)
class Search:
    """What a client asks of a search: the query, how many, from where, and whether to count."""

    query: str
    limit: int = 10
    page: str | None = None
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: rendered objects, the token of the next page, the count if asked for."""

    data: list[dict[str, Any]] = field(default_factory=list)
    next_page: str | None = None
    total_count: int | None = None


class PageTokens:
    """Makes and reads tokens. Each is good for one merchant, one resource and one query.

    A token names the last object of its page. Results run from the newest id to the oldest, so
    what is added meanwhile comes before them, and no page shows an object twice or leaves one out.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, merchant_id: str, resource: str, query: str, last_id: str) -> str:
        """Return the token of the page after an object."""
        mark = self._mark(merchant_id, resource, query, last_id)
        return base64.urlsafe_b64encode(f"{mark}{last_id}".encode()).decode().rstrip("=")

    def read(self, merchant_id: str, resource: str, query: str, token: str) -> str:
        """Return the object after which the page begins.

        Refuses `parameter_invalid` for a token that is not this query's.
        """
        try:
            text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        except (binascii.Error, ValueError):
            raise _not_ours() from None
        mark, last_id = text[: 2 * _MARK_BYTES], text[2 * _MARK_BYTES :]
        if not same(mark, self._mark(merchant_id, resource, query, last_id)):
            raise _not_ours()
        return last_id

    def _mark(self, merchant_id: str, resource: str, query: str, last_id: str) -> str:
        parts = (merchant_id, resource, query, last_id)
        # Lengths keep two different sets of parts from reading alike.
        message = "search" + "".join(f"|{len(part)}|{part}" for part in parts)
        return keyed_hash(self._key, message)[:_MARK_BYTES].hex()


def _not_ours() -> Refusal:
    return Refusal(
        Code.PARAMETER_INVALID,
        "Invalid page: send next_page of the previous answer, with the same query.",
        param="page",
    )
