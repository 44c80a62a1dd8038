"""Runs over a copy of the product in which a few lines are replaced."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import hazina
from tests.faults.seeded.bugs import BUGS
from tests.faults.seeded.edit import Bug, Edit, Run, Simulation
from tests.faults.seeded.ledger_races import RACES
from tests.faults.seeded.simulated import SIMULATED_BUGS

ALL_BUGS = (*BUGS, *RACES, *SIMULATED_BUGS)
ROOT = Path(__file__).parents[3]
PRODUCT = Path(hazina.__file__).parent
_SECONDS_MAX = 400
_BROKEN_PYTHON = re.compile(r"ImportError|SyntaxError|NameError|UnboundLocalError")


def misfits(bug: Bug) -> list[Edit]:
    """Return the edits whose code has changed: each must find its lines exactly once."""
    return [
        edit for edit in bug.edits if PRODUCT.joinpath(edit.file).read_text().count(edit.old) != 1
    ]


def run(
    chosen: Run, edits: Sequence[Edit], folder: Path, server_url: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one selection of tests, or seeds, over a copy of the product with these edits.

    `server_url` is of the PostgreSQL that tests with processes use; seeds need none.
    """
    source = folder / "src"
    shutil.copytree(
        PRODUCT, source / "hazina", ignore=shutil.ignore_patterns("__pycache__", "*.so.lock")
    )
    for edit in edits:
        file = source / "hazina" / edit.file
        file.write_text(file.read_text().replace(edit.old, edit.new))
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    environment.pop("HAZINA_FAULTS", None)
    environment |= {"PYTHONPATH": str(source), "HAZINA_TEST_DATABASE_URL": server_url}
    environment |= chosen.environment
    where = [sys.executable, "-c", "import hazina; print(hazina.__file__)"]
    found = subprocess.run(where, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert found.stdout.startswith(str(source)), found.stdout + found.stderr
    return subprocess.run(
        chosen.command, env=environment, cwd=ROOT, capture_output=True, text=True,
        timeout=_SECONDS_MAX, check=False,
    )  # fmt: skip


def caught(chosen: Run, ended: subprocess.CompletedProcess[str]) -> str | None:
    """Return what noticed the bug, in a few words; None if nothing did, or if it is no bug.

    A copy that Python cannot run is not a bug that was caught.
    """
    said = ended.stdout + ended.stderr
    if ended.returncode != 1 or _BROKEN_PYTHON.search(said):
        return None
    if isinstance(chosen, Simulation):
        found = re.search(r"^seed (\d+): trace \w+, \d+ requests: (.*)", said, re.MULTILINE)
        return _in_words(int(found[1]), found[2]) if found else _raised(ended.stderr)
    why = re.findall(r"^E +(.*)", ended.stdout, re.MULTILINE)
    return why[0] if why and " failed" in ended.stdout else None


def _in_words(seed: int, problem: str) -> str:
    kind, _, rest = problem.partition(": ")
    if kind == "Broken":
        words = re.split(r"[:{\[]|Request\(", rest)[0].strip()
        told = words or _of_a_request(rest)
    else:
        told = f"{kind}: {rest}"
    return f"seed {seed}: {told[:90]}"


def _of_a_request(problem: str) -> str:
    if " and then " in problem:
        return "a request was answered, and then otherwise"
    found = re.search(r"\) ((?:was|is) [a-z ]+)", problem)
    return f"a request {found[1]}" if found else "a request"


def _raised(error: str) -> str | None:
    lines = error.strip().splitlines()
    return f"seed 1: {lines[-1][:90]}" if lines else None
