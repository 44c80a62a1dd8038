"""The fault tests notice mistakes: each seeded bug, in a copy of the product, fails a run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.seeded.edit import Bug, Matrix, Run, Simulation, Test
from tests.faults.seeded.running import ALL_BUGS, PRODUCT, caught, misfits, run
from tests.faults.seeded.simulated import SIMULATED_BUGS
from tests.faults.seeded.table import rows_of_the_page, shown_name
from tests.support.postgres import TestRun

_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
_RUNS = sorted({bug.caught_by for bug in ALL_BUGS}, key=str)
_SHARE = 2
whole_only = pytest.mark.skipif(not _WHOLE, reason="runs in make faults (HAZINA_FAULTS=whole)")
pytestmark = pytest.mark.timeout(600)


def _name(value: Bug | Run) -> str:
    match value:
        case Bug():
            return value.name
        case Matrix():
            return value.cells
        case Test():
            return f"{value.file}-{value.name}"
        case Simulation():
            return f"{value.seeds}-seeds"


def test_there_are_forty_mistakes_and_each_has_a_name_of_its_own() -> None:
    assert len({bug.name for bug in ALL_BUGS}) == len(ALL_BUGS) >= 40


@pytest.mark.parametrize("bug", ALL_BUGS, ids=_name)
def test_each_seeded_bug_still_fits_the_code(bug: Bug) -> None:
    for edit in misfits(bug):
        raise AssertionError(
            f"the code that this bug is seeded in has changed: write it anew in "
            f"tests/faults/seeded/ for {edit.file}:\n{edit.old}"
        )


def test_each_seeded_bug_is_code_that_runs(tmp_path: Path) -> None:
    """A name that is not there would fail its run, and catch nothing."""
    for bug in ALL_BUGS:
        for edit in bug.edits:
            file = tmp_path / bug.name / edit.file
            file.parent.mkdir(parents=True, exist_ok=True)
            before = file if file.exists() else PRODUCT / edit.file
            file.write_text(before.read_text().replace(edit.old, edit.new))
    check = (sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821")
    said = subprocess.run((*check, str(tmp_path)), capture_output=True, text=True)
    assert said.returncode == 0, said.stdout


def test_the_page_tells_of_each_seeded_bug_and_of_no_other() -> None:
    assert set(rows_of_the_page()) == {shown_name(bug) for bug in ALL_BUGS}, (
        "measure what is new: python -m tests.faults.seeded.table NAME..."
    )


def test_some_seeded_bugs_are_caught_by_seeds(tmp_path: Path) -> None:
    """A few that are drawn; HAZINA_SEED draws the same ones again."""
    seed = int(os.environ.get("HAZINA_SEED") or time.time_ns() % 1_000_000)
    print(f"HAZINA_SEED={seed}")
    for bug in random.Random(seed).sample(SIMULATED_BUGS, _SHARE):
        ended = run(bug.caught_by, bug.edits, tmp_path / bug.name)

        assert caught(bug.caught_by, ended) is not None, (seed, bug.name, ended.stdout[-4_000:])


@whole_only
@pytest.mark.parametrize("chosen", _RUNS, ids=_name)
def test_the_run_passes_without_a_bug(chosen: Run, test_run: TestRun, tmp_path: Path) -> None:
    """Or else a run that catches a bug would prove nothing."""
    ended = run(chosen, (), tmp_path, test_run.server_url())

    assert ended.returncode == 0, ended.stdout[-4_000:]


@whole_only
@pytest.mark.parametrize("bug", ALL_BUGS, ids=_name)
def test_a_seeded_bug_is_caught(bug: Bug, test_run: TestRun, tmp_path: Path) -> None:
    ended = run(bug.caught_by, bug.edits, tmp_path, test_run.server_url())

    said = caught(bug.caught_by, ended)
    assert said is not None, f"{bug.name} was not caught:\n{ended.stdout[-4_000:]}"
    print(f"{bug.name}: {said}")
