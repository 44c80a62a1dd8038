"""A payment's timeline, as it is read from a database on which nothing else runs."""

from __future__ import annotations

from hazina.bootstrap.looking import open_to_look
from hazina.timeline.moment import Timeline
from hazina.timeline.service import FILES, find


async def timeline_of(url: str, payment: str) -> Timeline:
    """Return the timeline of an object that must have one."""
    async with open_to_look(url, FILES) as reader:
        found = await find(reader.query, payment)
    assert found is not None, payment
    return found
