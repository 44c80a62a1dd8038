"""What a batch shares with batches of other writers, and what it must hold alone.

Row locks protect rows that exist. That something must not come to exist (the same new id in two
tables, say) is protected by numbers: every batch that could be concerned shares its number, and
the few that depend on nobody else being there hold it alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hazina.db import arrays
from hazina.db.statements import Call, Statement

_KIND = 0x6C656467  # "ledg" in ASCII: beside the numbers of batches, which are one number each.
_INTEGERS = arrays.ARRAY_OIDS["integer"]
# In the order of the numbers, so that no two batches wait for each other.
_ENTER = Statement(
    f"SELECT count(CASE WHEN u.alone THEN pg_advisory_xact_lock({_KIND}, u.number)::text"
    f" ELSE pg_advisory_xact_lock_shared({_KIND}, u.number)::text END)"
    " FROM unnest($1, $2) AS u(number, alone)".encode(),
    (_INTEGERS, arrays.ARRAY_OIDS["boolean"]),
)
# Every number is tried, also after one that another holds.
_REMAIN = Statement(
    f"SELECT 1 FROM unnest($1) AS u(number)"
    f" WHERE NOT pg_try_advisory_xact_lock({_KIND}, u.number)".encode(),
    (_INTEGERS,),
)


class NotAlone(Exception):
    """Another writer shares what this batch must hold alone: it is tried again, holding it."""

    def __init__(self, numbers: Collection[int]) -> None:
        super().__init__(f"{len(numbers)} numbers are shared")
        self.numbers = frozenset(numbers)


def enter(numbers: Sequence[int], alone: Collection[int]) -> Call:
    """Share numbers, and hold some of them alone, until the batch ends; waits for others."""
    ordered = sorted(set(numbers))
    flags = [number in alone for number in ordered]
    return Call(_ENTER, (arrays.encode("integer", ordered), arrays.encode("boolean", flags)))


def remain(numbers: Sequence[int]) -> Call:
    """Hold shared numbers alone from here on; returns a row for each that another shares."""
    return Call(_REMAIN, (arrays.encode("integer", sorted(set(numbers))),))
