"""One record as a consumer is given it, and what its handler makes of some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from hazina.db.table import Row
from hazina.db.unit import Claim, Delete, Insert, RowVersion, Update
from hazina.values import value

_ID_LENGTH_MAX = 255


class Poison(ValueError):
    """A record that cannot be applied, however often it is tried; the message says why."""


@value
class Consumed:
    """One record: its value and its headers, and where it stood.

    `id` is the event's; of a record that names none it is the place, so that it is told apart.
    """

    id: str
    type: str
    headers: Mapping[str, str]
    body: bytes
    place: str

    @property
    def merchant_id(self) -> str:
        """Whose event it is. Raises `Poison`."""
        return self._header("ce_merchantid")

    @property
    def object_id(self) -> str:
        """What it is about. Raises `Poison`."""
        return self._header("ce_subject")

    @property
    def sequence(self) -> int:
        """Which version of the object it shows. Raises `Poison`."""
        text = self._header("ce_sequence")
        if not text.isdecimal():
            raise Poison("the header ce_sequence is no number")
        return int(text)

    def event(self) -> dict[str, Any]:
        """Return the event. Raises `Poison` for a value that is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise Poison("the value is not JSON") from None
        if not isinstance(found, dict) or not isinstance(found.get("data"), dict):
            raise Poison("the value is not an event")
        return found

    def _header(self, name: str) -> str:
        found = self.headers.get(name)
        if not found:
            raise Poison(f"the header {name} is missing")
        return found


def consumed(headers: Mapping[str, str], body: bytes, place: str) -> Consumed:
    """Return a record from its parts."""
    event_id = headers.get("ce_id", "")
    if not 0 < len(event_id) <= _ID_LENGTH_MAX:
        event_id = place
    return Consumed(event_id, headers.get("ce_type", ""), headers, body, place)


def from_parked(row: Row) -> Consumed:
    """Return a record that was set aside."""
    return consumed(row["headers"], bytes(row["body"]), row["place"])


@value
class Effect:
    """What records change: the parts of a unit of one merchant."""

    merchant_id: str = ""
    claims: tuple[Claim, ...] = ()
    relies_on: tuple[RowVersion, ...] = ()
    writes: tuple[Insert | Update | Delete, ...] = ()


class Handler(Protocol):
    """What a consumer does with records. It is asked again after a race, and must not act itself.

    An exception that does not come from the database blames the records.
    """

    @property
    def name(self) -> str:
        """Its name, which must not change: what was applied is kept under it."""

    def wants(self, event_type: str) -> bool:
        """Say whether events of a type are for it; an empty one is that of a record without."""

    def lane(self, record: Consumed) -> str:
        """Return what the record is decided together with; each lane is decided in order."""

    async def decide(self, records: Sequence[Consumed]) -> Effect:
        """Return what some records of one lane change, all together."""
