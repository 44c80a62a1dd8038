"""The project obeys its rules, and each rule catches what it forbids."""

from __future__ import annotations

import subprocess

import pytest

from tests.architecture import rules
from tests.architecture.floors import core_knows_no_world, ground_is_standard_library
from tests.architecture.floors import imports_go_down as floors
from tests.architecture.rules import RULES, Rule
from tests.architecture.source import ROOT, Source, all_sources

_SOURCES = all_sources()

_CORE = "src/hazina/payments/planted.py"
_LONG_FUNCTION = "def long():\n" + "    x = 1\n" * 70

_PLANTED: list[tuple[Rule, str, str]] = [
    (floors, "src/hazina/ledger/planted.py", "from hazina.payments import service"),
    (floors, "src/hazina/payments/planted.py", "from hazina.payouts.service import send"),
    (floors, "src/hazina/payments/planted.py", "import hazina.payouts"),
    (floors, "src/hazina/payments/planted.py", "from ..payouts import service"),
    (floors, "src/hazina/payments/planted.py", "from hazina import api"),
    (floors, "src/hazina/connectors/one/client.py", "from hazina.connectors.two import client"),
    (floors, "src/hazina/newcomer/planted.py", "x = 1"),
    (core_knows_no_world, _CORE, "import aiohttp"),
    (core_knows_no_world, _CORE, "from starlette.requests import Request"),
    (core_knows_no_world, _CORE, "from urllib.request import urlopen"),
    (ground_is_standard_library, "src/hazina/money/planted.py", "import pydantic"),
    (rules.files_stay_short, _CORE, "x = 1\n" * 601),
    (rules.functions_stay_short, _CORE, _LONG_FUNCTION),
    (rules.functions_stay_short, _CORE, "async " + _LONG_FUNCTION),
    (rules.files_open_with_a_sentence, _CORE, "x = 1"),
    (rules.names_say_something, "src/hazina/payments/utils.py", ""),
    (rules.names_say_something, "src/hazina/common/amounts.py", ""),
    (rules.names_say_something, "src/hazina/payments/payment_utils.py", ""),
    (rules.money_has_no_floats, _CORE, "rate = 0.5"),
    (rules.money_has_no_floats, _CORE, "x = float(amount)"),
    (rules.money_has_no_floats, _CORE, "def f(x: float) -> None: ..."),
    (rules.money_has_no_floats, _CORE, "half = amount / 2"),
    (rules.money_has_no_floats, _CORE, "amount /= 2"),
    (rules.money_has_no_floats, _CORE, "x = round(share, 2)"),
    (rules.money_has_no_floats, "src/hazina/catalog/planted.py", "x = 0.5"),
    (rules.money_has_no_floats, "src/hazina/api/planted.py", "x = float(amount)"),
    (rules.money_has_no_floats, "src/hazina/cli/planted.py", "x = charge.amount_refunded / 100"),
    (rules.money_has_no_floats, "src/hazina/workers/planted.py", "x = 0.029 * fee"),
    (rules.time_and_chance_come_from_outside, _CORE, "import time"),
    (rules.time_and_chance_come_from_outside, _CORE, "from random import Random"),
    (rules.time_and_chance_come_from_outside, "src/hazina/secrets.py", "import secrets"),
    (rules.time_and_chance_come_from_outside, _CORE, "from datetime import datetime as d\nd.now()"),
    (rules.time_and_chance_come_from_outside, _CORE, "import datetime as dt\ndt.date.today()"),
    (rules.time_and_chance_come_from_outside, _CORE, "from uuid import uuid4"),
    (rules.time_and_chance_come_from_outside, _CORE, "key = os.urandom(32)"),
    (rules.time_and_chance_come_from_outside, _CORE, "asyncio.sleep(1)"),
    (rules.only_db_knows_the_driver, _CORE, "from psycopg import errors"),
    (rules.only_db_knows_the_driver, _CORE, "import pg8000"),
    (rules.providers_stay_in_their_folders, _CORE, "if name == 'cybersource': pass"),
    (rules.providers_stay_in_their_folders, _CORE, "# only for M-Pesa"),
    (rules.providers_stay_in_their_folders, _CORE, "x = 'Visa Direct'"),
    (rules.providers_stay_in_their_folders, "src/hazina/api/planted.py", "class SandboxPage: ..."),
    (rules.providers_stay_in_their_folders, "src/hazina/payments/queries.sql", "-- visa_direct"),
    (rules.errors_are_not_swallowed, _CORE, "try: f()\nexcept: raise"),
    (rules.errors_are_not_swallowed, _CORE, "try: f()\nexcept Exception: pass"),
    (rules.errors_are_not_swallowed, _CORE, "with suppress(Exception): f()"),
    (rules.transaction_is_qualified, _CORE, "transaction = load()"),
    (rules.transaction_is_qualified, _CORE, "class TransactionStore: ..."),
    (rules.transaction_is_qualified, _CORE, "def f(transaction_id: str) -> None: ..."),
    (rules.tests_patch_nothing, "tests/unit/planted.py", "from unittest.mock import patch"),
    (rules.tests_patch_nothing, "tests/unit/planted.py", "monkeypatch.setattr(ids, 'new', f)"),
    (rules.no_registry_hosts, "requirements/dev.txt", "--index-url https://pypi" + ".org/simple"),
]

_ALLOWED: list[tuple[Rule, str, str]] = [
    (floors, "src/hazina/payments/planted.py", "from hazina.payments.intent import Intent"),
    (floors, "src/hazina/payments/planted.py", "from hazina.ledger import shapes"),
    (floors, "src/hazina/connectors/one/client.py", "from hazina.connectors.one import mapping"),
    (core_knows_no_world, "src/hazina/dispatch/planted.py", "import aiohttp"),
    (rules.files_stay_short, "docs/reference/planted.md", "line\n" * 601),
    (rules.functions_stay_short, _CORE, "def long():\n" + "    x = 1\n" * 69),
    (rules.money_has_no_floats, _CORE, "path = folder / 'queries.sql'"),
    (rules.money_has_no_floats, _CORE, "half = amount // 2"),
    (rules.money_has_no_floats, "src/hazina/api/planted.py", "x = 0.5"),
    (rules.money_has_no_floats, "src/hazina/cli/planted.py", "x = pause_ms / 1000"),
    (rules.time_and_chance_come_from_outside, _CORE, "now = clock.now()"),
    (rules.time_and_chance_come_from_outside, _CORE, "from hazina import secrets"),
    (rules.time_and_chance_come_from_outside, _CORE, "asyncio.sleep(0)"),
    (rules.time_and_chance_come_from_outside, "src/hazina/clock.py", "import time"),
    (rules.only_db_knows_the_driver, "src/hazina/db/writer.py", "import psycopg"),
    (rules.providers_stay_in_their_folders, "src/hazina/connectors/sandbox/a.py", "sandbox = 1"),
    (rules.providers_stay_in_their_folders, "src/hazina/bootstrap/a.py", "sandbox = 1"),
    (rules.errors_are_not_swallowed, _CORE, "try: f()\nexcept KeyError: pass"),
    (rules.errors_are_not_swallowed, _CORE, "try: f()\nexcept Exception: log.exception('f')"),
    (rules.transaction_is_qualified, _CORE, "balance_transaction = load()"),
    (rules.transaction_is_qualified, _CORE, "with connection.transaction(): ..."),
]


def _name(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_the_project_obeys(rule: Rule) -> None:
    complaints = [complaint for source in _SOURCES for complaint in rule(source)]

    assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.parametrize(("rule", "path", "text"), _PLANTED, ids=_name)
def test_a_planted_violation_is_caught(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), _ALLOWED, ids=_name)
def test_what_is_allowed_passes(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Source(path, text)))


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in _PLANTED} == set(RULES)


def test_the_rules_see_the_product() -> None:
    """An empty list of files would obey everything."""
    assert {"src/hazina/clock.py", "src/hazina/ids.py"} <= {source.path for source in _SOURCES}


def test_what_runs_leaves_behind_is_not_tracked() -> None:
    command = ["git", "ls-files", "var", ".venv", "*.pyc", "*node_modules*"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert tracked.stdout == ""
