"""The demo that a newcomer runs first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from hazina.cli.place import free_port


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
    assert "Trial balance" in done.stdout
    sums = [line for line in done.stdout.splitlines() if re.search(r"\bsum\b", line)]
    assert sums, done.stdout
    for line in sums:
        debit, credit = re.findall(r"\d[\d,]*(?:\.\d+)?", line)[-2:]
        assert debit == credit
        assert debit != "0"
