"""A flow written by following the guide joins the matrix, and nothing else is touched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.matrix.flow import FOLDERS
from tests.support.postgres import TestRun

_ROOT = Path(__file__).parents[2]
_GUIDE = _ROOT / "docs" / "guides" / "add-a-flow.md"
_CELLS = (
    "goodwill.*-goodwill-ok,payments.after_reply-goodwill-timeout_after_effect,"
    "dispatch.after_inquiry-goodwill-truncated_body"
)
_ON_ITS_WAY = (
    "tests/faults/test_matrix_is_complete.py::"
    "test_every_decision_that_asks_a_provider_is_on_the_way_of_a_flow"
)
"""It also demands that a flow names each boundary that it passes."""


@pytest.mark.timeout(300)
def test_the_guides_own_flow_appears_in_the_matrix_and_passes(
    test_run: TestRun, tmp_path: Path
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", _GUIDE.read_text(), re.DOTALL)
    (tmp_path / "goodwill.py").write_text(code)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    environment.pop("HAZINA_FAULTS", None)
    environment |= {
        FOLDERS: str(tmp_path), "HAZINA_CELLS": _CELLS,
        "HAZINA_TEST_DATABASE_URL": test_run.server_url(),
    }  # fmt: skip

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", "-rP", "-q",
         "tests/faults/test_crash_matrix.py", _ON_ITS_WAY],
        env=environment, cwd=_ROOT, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stdout[-4_000:]
    assert re.search(r"^4 cells of \d+, 0 violations$", ended.stdout, re.MULTILINE)
