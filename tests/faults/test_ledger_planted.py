"""The differential fuzz notices mistakes: each planted one, in a copy of the engine, is caught."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hazina
from tests.faults.seeded.edit import Edit
from tests.faults.seeded.ledger import LEDGER_BUGS

_ROOT = Path(__file__).parents[2]
_PRODUCT = Path(hazina.__file__).parent
_RUN = (
    "import asyncio; from tests.unit.ledger.test_differential import run;"
    " asyncio.run(run(1, 30_000))"
)
whole_only = pytest.mark.skipif(
    os.environ.get("HAZINA_FAULTS") != "whole", reason="runs in make faults (HAZINA_FAULTS=whole)"
)


@pytest.mark.parametrize("name", LEDGER_BUGS)
def test_each_planted_mistake_fits_the_code_and_stands_in_the_documentation(name: str) -> None:
    edit = LEDGER_BUGS[name]
    assert _PRODUCT.joinpath(edit.file).read_text().count(edit.old) == 1, "plant it anew"
    assert f"| `{name}` |" in _ROOT.joinpath("docs/operating/faults.md").read_text()


@whole_only
@pytest.mark.parametrize("edit", [None, *LEDGER_BUGS.values()], ids=["none", *LEDGER_BUGS])
def test_a_planted_mistake_is_noticed_and_none_where_there_is_none(
    edit: Edit | None, tmp_path: Path
) -> None:
    shutil.copytree(_PRODUCT, tmp_path / "hazina", ignore=shutil.ignore_patterns("__pycache__"))
    if edit is not None:
        path = tmp_path / "hazina" / edit.file
        code = path.read_text()
        assert edit.old in code, f"{edit.file} has changed: plant this mistake anew"
        path.write_text(code.replace(edit.old, edit.new, 1))
    done = subprocess.run(
        [sys.executable, "-c", _RUN],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{_ROOT}"},
        cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode != 0) == (edit is not None), done.stderr[-2_000:]
