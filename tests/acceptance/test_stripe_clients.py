"""Every payment flow through the official clients of other languages, unmodified."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.checking_proxy import CheckingProxy
from tests.support.stripe_scenario import STEPS
from tests.support.system import Shop, System

_CLIENTS = Path(__file__).parents[1] / "clients"


@dataclass(frozen=True, slots=True)
class Client:
    """One language's scenario: folder, tool, how it runs, and what an installation makes."""

    language: str
    tool: str
    command: tuple[str, ...]
    installed: str

    @property
    def folder(self) -> Path:
        """Return where the scenario is."""
        return _CLIENTS / self.language

    @property
    def skip_reason(self) -> str | None:
        """Return why the client cannot run here, or None when it can."""
        if shutil.which(self.tool) is None:
            return f"{self.tool} is absent: install it and run make clients"
        if not (self.folder / self.installed).exists():
            return f"the official client for {self.language} is absent: run make clients"
        return None


_ALL = (
    Client("node", "node", ("node", "scenario.mjs"), "node_modules/stripe"),
    Client("go", "go", ("build/scenario",), "build/scenario"),
    Client(
        "java", "java", ("java", "-cp", "target/classes:target/lib/*", "Scenario"), "target/lib"
    ),
)


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(
            one,
            id=one.language,
            marks=pytest.mark.skipif(one.skip_reason is not None, reason=one.skip_reason or ""),
        )
        for one in _ALL
    ],
)
def test_the_client_completes_every_step(system: System, shop: Shop, client: Client) -> None:
    with CheckingProxy(shop.url) as proxy:
        done = subprocess.run(
            client.command,
            cwd=client.folder,
            env=os.environ | {"HAZINA_URL": proxy.url, "HAZINA_SECRET_KEY": shop.secret_key},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    named = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["step"] for line in named if line["ok"]] == list(STEPS)
    assert system.broken_invariants() == []
