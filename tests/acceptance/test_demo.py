"""The demo that a newcomer runs first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hazina.cli.place import free_port
from tests.support.serving import ordinary_user_command, serving

_STORY = (
    "✓ A card payment, captured at once", "✓ Authorized first, captured in part, refunded in part",
    "✓ The bank wants 3-D Secure", "✓ The bank says no", "✓ The provider's answer is lost",
    "✓ Every event has arrived, signed", "invariants hold", "sk_test_", "curl http://127.0.0.1:",
)  # fmt: skip


def _demand_the_whole_story(output: str) -> None:
    assert "Trial balance" in output
    assert "Traceback" not in output
    for told in _STORY:
        assert told in output, f"the story does not tell of {told!r}:\n{output}"
    sums = [line for line in output.splitlines() if re.search(r"\bsum\b", line)]
    assert sums, output
    for line in sums:
        debit, credit = re.findall(r"\d[\d,]*(?:\.\d+)?", line)[-2:]
        assert debit == credit
        assert debit != "0"


def test_the_demo_plays_its_story_and_ends_with_a_balanced_ledger(
    tmp_path: Path, empty_database_url: str
) -> None:
    command = [sys.executable, "-m", "hazina", "demo", "--no-stay"]
    command += ["--port", str(free_port()), "--var", str(tmp_path / "var")]

    done = subprocess.run(
        command,
        env=os.environ | {"HAZINA_DATABASE_URL": empty_database_url, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    _demand_the_whole_story(done.stdout)


@pytest.mark.timeout(240)
@pytest.mark.skipif(
    ordinary_user_command() is None, reason="no way from root to an ordinary user here (setpriv)"
)
def test_the_demo_runs_as_an_ordinary_user_on_the_embedded_postgresql() -> None:
    with serving(ordinary_user=True) as system:
        process = system.begin("demo", "--no-stay")
        output, _ = process.communicate(timeout=200)

        assert process.returncode == 0, output
        _demand_the_whole_story(output)
        owner = (system.var / "postgres" / "PG_VERSION").stat().st_uid
        assert owner == system.var.stat().st_uid != 0
        var = str(system.var)
        left = [
            p for p in psutil.process_iter(["cmdline"]) if var in " ".join(p.info["cmdline"] or [])
        ]
        assert left == []
