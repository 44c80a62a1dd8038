"""The operator's commands for merchants and their keys."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def environment(tmp_path: Path, fresh_database_url: str) -> dict[str, str]:
    return os.environ | {
        "HAZINA_DATABASE_URL": fresh_database_url,
        "HAZINA_PEPPER": "pepper of the tests, long enough",
        "HAZINA_VAR": str(tmp_path / "var"),
        "COLUMNS": "200",
    }


def hazina(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hazina", *arguments],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_operator_makes_lists_rolls_and_revokes_keys(environment: dict[str, str]) -> None:
    made = hazina(environment, "merchants", "create", "--platform", "--name", "Soko")
    account = re.findall(r"acct_\w+", made)[0]
    of = ("--account", account)
    created = hazina(
        environment, "keys", "create", "--type", "restricted", "--scope", "refunds=write", *of
    )
    key_id, secret = re.findall(r"ak_\w+", created)[0], re.findall(r"rk_test_\w+", created)[0]

    rolled = hazina(environment, "keys", "roll", key_id, "--grace", "60", *of)
    assert re.findall(r"rk_test_\w+", rolled)[0] != secret
    hazina(environment, "keys", "revoke", key_id, *of)
    listed = hazina(environment, "keys", "list", *of)

    assert secret not in listed
    assert re.search(rf"{key_id}.*revoked", listed)
    assert listed.count("refunds=write") == 2
