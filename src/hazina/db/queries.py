"""Named queries: the `queries.sql` files of the packages, read once at start."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


def load_queries(paths: Iterable[Path]) -> dict[str, str]:
    """Return all queries by name. Every name exists once, in whichever file."""
    queries: dict[str, str] = {}
    for path in paths:
        head, *parts = _NAME.split(path.read_text(encoding="utf-8"))
        assert not [line for line in head.splitlines() if line and not line.startswith("--")], (
            f"{path}: SQL stands before the first name"
        )
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            assert name not in queries, f"{path}: the query {name} exists twice"
            queries[name] = body.strip().rstrip(";")
    return queries
