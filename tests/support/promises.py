"""Figures of fault tests: printed, and kept for docs/reference/promises.md by `make faults`."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path

FILE = Path(__file__).parents[2] / "docs" / "reference" / "promises.json"


def note(name: str, figure: str, *, keep: bool = False) -> None:
    """Print a figure; a whole run also keeps it, as `keep` does in any run."""
    print(f"{name}: {figure}")
    if not keep and os.environ.get("HAZINA_FAULTS") != "whole":
        return
    with FILE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = json.loads(FILE.read_text()) if FILE.exists() else {}
        known[name] = {"figure": figure, "on": f"{datetime.now(UTC):%Y-%m-%d}"}
        FILE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
