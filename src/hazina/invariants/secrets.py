"""I12: nothing that is kept looks like a card number."""

from __future__ import annotations

import re

from hazina.invariants.check import Subject

# A card's number is written whole, or in groups; digits behind a point are those of a fraction.
_RUN = re.compile(r"(?<![0-9A-Za-z])(?<![0-9]\.)[3-6](?:\d[ -]?){11,17}\d(?![0-9A-Za-z])")


def looks_like_card_number(digits: str) -> bool:
    """Return whether 13 to 19 digits pass the check that card numbers pass (Luhn's)."""
    if not 13 <= len(digits) <= 19:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


async def no_card_number_is_kept(subject: Subject) -> list[str]:
    """Name the places where a number stands that could be a card's; never the number itself."""
    broken = []
    for row in await subject.fetch("invariant_long_digits", {}):
        found = (re.sub(r"\D", "", run) for run in _RUN.findall(row["text"]))
        if any(looks_like_card_number(digits) for digits in found):
            broken.append(f"{row['place']} of {row['id']} holds what looks like a card number")
    return broken
