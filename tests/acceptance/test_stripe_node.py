"""Every payment flow through the official npm package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from tests.support.checking_proxy import CheckingProxy
from tests.support.stripe_cli import CLIENTS
from tests.support.stripe_scenario import STEPS
from tests.support.system import Shop

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (CLIENTS / "node_modules" / "stripe").is_dir(),
        reason="the npm package is absent: run npm ci in tests/clients/node",
    ),
]


def test_the_npm_client_completes_every_step(shop: Shop) -> None:
    with CheckingProxy(shop.url) as proxy:
        done = subprocess.run(
            ["node", "scenario.mjs"],
            cwd=CLIENTS,
            env=os.environ | {"HAZINA_URL": proxy.url, "HAZINA_SECRET_KEY": shop.secret_key},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    named = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("step") or line.get("name") for line in named] == list(STEPS)
