"""Checks every answer of the API that a test receives against the official package's types."""

from __future__ import annotations

import json
from itertools import count

from tests.support.stripe_schema import check

_counter = count()
_PUBLIC_KEY = "pk_"


class WrongShape(AssertionError):
    """An answer differs from the types that the official package promises to its users."""


def demand_shape(request: str, body: bytes | str, *, key: str = "") -> None:
    """Raise WrongShape unless an answer of /v1 has Stripe's shape; count it.

    A publishable key is shown a part of an object, in which fields may be missing.
    """
    next(_counter)
    problems = check(json.loads(body))
    if key.startswith(_PUBLIC_KEY):
        problems = [one for one in problems if not one.endswith("missing field")]
    if problems:
        raise WrongShape(f"{request}:\n  " + "\n  ".join(problems))


def checked() -> int:
    """Return how many answers this process has checked."""
    global _counter
    found = next(_counter)
    _counter = count(found)
    return found
