"""The operator's commands for webhook endpoints."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hazina.bootstrap.app import open_core
from hazina.bootstrap.settings import Settings
from hazina.cli.commands import app
from hazina.merchants.merchant import Caller

_PEPPER = "pepper of the tests, long enough"


async def _made(database_url: str) -> tuple[str, str]:
    core = await open_core(Settings(database_url=database_url, pepper=_PEPPER))
    merchant = await core.merchants.create()
    params = {"url": "http://127.0.0.1:9/hook", "enabled_events": ["*"]}
    await core.webhooks.create(Caller(merchant, False, ""), params, None)
    (row,) = await core.reader.where("webhook_endpoint", merchant_id=merchant.merchant_id)
    await core.close()
    return merchant.account_id, row["id"]


@pytest.fixture
def hazina(tmp_path: Path, fresh_database_url: str) -> Callable[..., str]:
    environment = {
        "HAZINA_DATABASE_URL": fresh_database_url, "HAZINA_PEPPER": _PEPPER,
        "HAZINA_VAR": str(tmp_path / "var"), "COLUMNS": "250",
    }  # fmt: skip

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments, env=environment)
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.output

    return run


def test_an_operator_tests_pauses_rotates_and_replays(
    hazina: Callable[..., str], fresh_database_url: str
) -> None:
    account, endpoint = asyncio.run(_made(fresh_database_url))
    of = ("--account", account)
    event = re.findall(r"evt_\w+", hazina("webhooks", "test", endpoint, *of))[0]
    assert re.search(rf"{event}.*pending", hazina("webhooks", "deliveries", endpoint, *of))
    assert "'paused': True" in hazina("webhooks", "pause", endpoint, *of)
    assert re.search(rf"{endpoint}.*paused.* 1 ", hazina("webhooks", "list", *of))
    hazina("webhooks", "resume", endpoint, *of)
    assert "whsec_" in hazina("webhooks", "rotate", endpoint, "--overlap", "60", *of)
    assert "disabled" in hazina("webhooks", "disable", endpoint, *of)
    assert re.search(r"status +enabled", hazina("webhooks", "enable", endpoint, *of))
    assert event in hazina("webhooks", "replay", endpoint, "--event", event, *of)
    since = ("--since", "2026-01-01T00:00:00")
    assert re.search(r"status +running", hazina("webhooks", "replay", endpoint, *since, *of))
    assert re.search(r"what +failed", hazina("webhooks", "replay", endpoint, "--failed", *of))
    assert "event" in hazina("webhooks", "attempts", endpoint, *of)
