"""Writes docs/reference/seeded-bugs.md: `python -m tests.faults.seeded.table` (takes long)."""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.faults.seeded.edit import Bug, Matrix, Run, Simulation, Test
from tests.faults.seeded.running import ALL_BUGS, ROOT, caught, misfits, run
from tests.support import postgres

_AT_ONCE = 2
_FIRST_SEEDS = 250
"""So many are tried on what a run with processes is known to catch."""
_PAGE = ROOT / "docs" / "reference" / "seeded-bugs.md"
_HEAD = """# Seeded bugs

The tests are tested too. Each row is a mistake that somebody could make, a few changed lines,
applied to a copy of the product. The thousand seeds of [the simulation](../concepts/simulation.md)
from 1 on are tried first (`python -m tests.simulation --seed 1 --count 1000`); what only real
processes or PostgreSQL can show is left to a run of the crash matrix or one other fault test. The
last column is what noticed it.

Made by `python -m tests.faults.seeded.table`; the mistakes stand in `tests/faults/seeded/`.
`make faults` applies all of them again, and CI some that it draws.

| mistake | caught by | seconds | what it said |
|---|---|---|---|
"""


def main() -> int:
    """Return 1 when fewer than 19 of 20 bugs are caught."""
    server = postgres.begin()
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            rows = list(pool.map(partial(_row, server_url=server.server_url()), ALL_BUGS))
    finally:
        server.finish()
    count = sum("not caught" not in row for row in rows)
    summary = f"\n{count} of {len(rows)} are caught.\n"
    _PAGE.write_text(_HEAD + "\n".join(rows) + "\n" + summary)
    print(summary)
    return 0 if count >= len(rows) * 19 // 20 else 1


def _row(bug: Bug, server_url: str) -> str:
    assert not misfits(bug), f"{bug.name} does not fit the code any more"
    seeds = bug.caught_by if isinstance(bug.caught_by, Simulation) else Simulation(_FIRST_SEEDS)
    for chosen in dict.fromkeys((seeds, bug.caught_by)):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            said = caught(chosen, run(chosen, bug.edits, Path(folder), server_url))
        if said is not None:
            seconds = time.monotonic() - began
            shown = said.replace("|", "\\|").replace("<", "").replace("`", "'")[:110]
            row = f"| {bug.name.replace('_', ' ')} | {_named(chosen)} | {seconds:.0f} | {shown} |"
            break
    else:
        row = f"| {bug.name.replace('_', ' ')} | not caught | | |"
    print(row, flush=True)
    return row


def _named(chosen: Run) -> str:
    match chosen:
        case Simulation():
            return "simulation"
        case Matrix():
            return f"crash matrix, {chosen.cells}"
        case Test():
            return f"{chosen.file}, {chosen.name}"


if __name__ == "__main__":
    sys.exit(main())
