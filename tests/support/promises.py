"""Figures of fault tests: printed, and kept for docs/reference/promises.md by `make faults`."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "docs" / "reference" / "promises.json"


def note(name: str, figure: str, *, keep: bool = False) -> None:
    """Print a figure; a whole run also keeps it, as `keep` does in any run."""
    print(f"{name}: {figure}")
    if keep or _whole():
        _keep(name, lambda _: {"figure": figure, "on": _today()})


def note_share(name: str, share: int, shares: int, *, each: int, first: int) -> None:
    """Print what one share of a run came to; a whole run keeps what its shares came to so far.

    A run is known by its first seed and its day. Only what was run and kept its promises counts.
    """
    begun = first + share * each
    print(f"{name}, share {share + 1} of {shares}: {each:,} seeds from {begun}, no promise broken")
    if _whole():
        _keep(name, lambda before: together(before, share, shares, each, first, _today()))


def together(
    before: dict[str, Any], share: int, shares: int, each: int, first: int, today: str
) -> dict[str, Any]:
    """Return the figure of a run: the shares of `before`, if those are its own, and one more."""
    this_run = before.get("first") == first and before.get("on") == today
    done = sorted({share, *(before["shares"] if this_run else ())})
    part = "" if len(done) == shares else f" ({len(done)} of {shares} shares)"
    figure = f"{len(done) * each:,} seeds from {first}{part}, no promise broken"
    return {"figure": figure, "on": today, "first": first, "shares": done}


def _whole() -> bool:
    return os.environ.get("HAZINA_FAULTS") == "whole"


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def _keep(name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    with FILE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = json.loads(FILE.read_text()) if FILE.exists() else {}
        known[name] = change(known.get(name, {}))
        FILE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
