"""Writes docs/reference/seeded-bugs.md: `python -m tests.faults.seeded.table [NAME...]`.

With names it measures those and keeps the other rows; without, it measures all (takes long).
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.faults.seeded.edit import Bug, Matrix, Run, Simulation, Test
from tests.faults.seeded.running import ALL_BUGS, ROOT, caught, misfits, run
from tests.support import postgres, promises

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

Made by `python -m tests.faults.seeded.table`, which measures anew what it is given the names of;
the mistakes stand in `tests/faults/seeded/`. `make faults` applies all of them again, and CI some
that it draws. Seconds are of a busy machine, most of them for starting.

| mistake | caught by | seconds | what it said |
|---|---|---|---|
"""


def main(names: Sequence[str]) -> int:
    """Return 1 when fewer than 19 of 20 bugs are caught."""
    chosen = [bug for bug in ALL_BUGS if bug.name in names or not names]
    unknown = set(names) - {bug.name for bug in chosen}
    assert not unknown, f"no seeded bug is called {unknown}"
    rows = rows_of_the_page()
    server = postgres.begin()
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            rows |= zip(
                map(shown_name, chosen),
                pool.map(partial(_row, server_url=server.server_url()), chosen),
                strict=True,
            )
    finally:
        server.finish()
    measured = [rows[shown_name(bug)] for bug in ALL_BUGS if shown_name(bug) in rows]
    count = sum("not caught" not in row for row in measured)
    summary = f"{count} of {len(ALL_BUGS)} are caught"
    _PAGE.write_text(_HEAD + "\n".join(measured) + f"\n\n{summary}.\n")
    promises.note("seeded bugs", summary, keep=True)
    return 0 if count >= len(ALL_BUGS) * 19 // 20 else 1


def shown_name(bug: Bug) -> str:
    """Return what the page calls a bug."""
    return bug.name.replace("_", " ")


def rows_of_the_page() -> dict[str, str]:
    """Return the lines of the page's table by the bugs that they are about."""
    lines = re.findall(r"^\| \w.*$", _PAGE.read_text(), re.MULTILINE)
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines[1:]}


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
            row = f"| {shown_name(bug)} | {_named(chosen)} | {seconds:.0f} | {shown} |"
            break
    else:
        row = f"| {shown_name(bug)} | not caught | | |"
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
    sys.exit(main(sys.argv[1:]))
