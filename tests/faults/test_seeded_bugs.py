"""The fault tests notice mistakes: each seeded bug, in a copy of the product, fails a run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hazina
from tests.faults.seeded.bugs import BUGS as PAYMENT_BUGS
from tests.faults.seeded.bugs import Bug, Edit, Matrix, Test
from tests.faults.seeded.ledger_races import RACES
from tests.support.postgres import TestRun

_ROOT = Path(__file__).parents[2]
_PRODUCT = Path(hazina.__file__).parent
_WHOLE = os.environ.get("HAZINA_FAULTS") == "whole"
BUGS = (*PAYMENT_BUGS, *RACES)
_RUNS = sorted({bug.caught_by for bug in BUGS}, key=str)
whole_only = pytest.mark.skipif(not _WHOLE, reason="runs in make faults (HAZINA_FAULTS=whole)")
pytestmark = pytest.mark.timeout(300)


def _name(value: Bug | Matrix | Test) -> str:
    match value:
        case Bug():
            return value.name
        case Matrix():
            return value.cells
        case Test():
            return f"{value.file}-{value.name}"


@whole_only
@pytest.mark.parametrize("bug", BUGS, ids=_name)
def test_each_seeded_bug_still_fits_the_code(bug: Bug) -> None:
    for edit in bug.edits:
        count = _PRODUCT.joinpath(edit.file).read_text().count(edit.old)
        assert count == 1, (
            f"the code that this bug is seeded in has changed ({count} places): write it anew in "
            f"tests/faults/seeded/bugs.py for {edit.file}:\n{edit.old}"
        )


@whole_only
@pytest.mark.parametrize("run", _RUNS, ids=_name)
def test_the_run_passes_without_a_bug(
    run: Matrix | Test, test_run: TestRun, tmp_path: Path
) -> None:
    """Or else a run that catches a bug would prove nothing."""
    ended = _run(run, (), test_run, tmp_path)

    assert ended.returncode == 0, ended.stdout[-4_000:]


@whole_only
@pytest.mark.parametrize("bug", BUGS, ids=_name)
def test_a_seeded_bug_is_caught(bug: Bug, test_run: TestRun, tmp_path: Path) -> None:
    ended = _run(bug.caught_by, bug.edits, test_run, tmp_path)

    assert ended.returncode == 1, f"{bug.name} was not caught:\n{ended.stdout[-4_000:]}"
    assert " failed" in ended.stdout, ended.stdout[-4_000:]
    assert not re.search(r"ImportError|SyntaxError|NameError", ended.stdout), ended.stdout[-4_000:]
    why = re.findall(r"^E +(.*)", ended.stdout, re.MULTILINE)
    print(f"{bug.name}: {why[0][:200] if why else ended.stdout[-300:]}")


def _run(
    run: Matrix | Test, edits: tuple[Edit, ...], test_run: TestRun, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run one selection of tests over a copy of the product with these edits."""
    source = folder / "src"
    shutil.copytree(
        _PRODUCT, source / "hazina", ignore=shutil.ignore_patterns("__pycache__", "*.so.lock")
    )
    for edit in edits:
        file = source / "hazina" / edit.file
        file.write_text(file.read_text().replace(edit.old, edit.new))
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    environment.pop("HAZINA_FAULTS", None)
    environment |= {"PYTHONPATH": str(source), "HAZINA_TEST_DATABASE_URL": test_run.server_url()}
    environment |= run.environment
    where = [sys.executable, "-c", "import hazina; print(hazina.__file__)"]
    found = subprocess.run(where, env=environment, cwd=_ROOT, capture_output=True, text=True)
    assert found.stdout.startswith(str(source)), found.stdout + found.stderr
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", *run.arguments]
    return subprocess.run(
        command, env=environment, cwd=_ROOT, capture_output=True, text=True, timeout=280,
        check=False,
    )  # fmt: skip
