"""The doctor and the timeline look at a system and miss nothing; they only read."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from hazina.bootstrap.looking import open_to_look
from hazina.clock import SystemClock, unix
from hazina.doctor import service as doctor
from hazina.doctor.service import Level
from hazina.ids import first_id_of
from hazina.timeline.page import page
from hazina.timeline.service import FILES, as_json, find
from tests.support.flows import Shop, open_shop
from tests.support.looking import fetch_within
from tests.support.postgres import TestRun
from tests.support.simulator import Simulator
from tests.support.timelines import timeline_of

_ROOT = Path(__file__).parents[2]
_RUNBOOKS = _ROOT / "docs" / "operating" / "doctor.md"
_INBOX = (
    "INSERT INTO inbox (connector, deduplication_key, reference, body, headers, state, tries, "
    "next_at, received) VALUES ('sandbox', 'k', 'r', '{{}}', '{{}}', '{state}', 1, "
    "now() - interval '5 min', now())"
)
_OLD = first_id_of("evt", unix(SystemClock().now()) - 3_600)
_TROUBLE = {
    "commands_overdue": "UPDATE command SET state = 'waiting', next_at = now() - interval '2 min'",
    "outcomes_unknown": "UPDATE command SET state = 'waiting', created = now() - interval '2 days'",
    "callbacks_overdue": _INBOX.format(state="received"),
    "callbacks_quarantined": _INBOX.format(state="quarantined"),
    "funds_overdue":
        "UPDATE charge SET available_on = now() - interval '1 hour' WHERE funds = 'pending'",
    "expiries_overdue":
        "UPDATE charge SET capture_before = now() - interval '1 hour' WHERE hold IS NOT NULL",
    "history_months": "ALTER TABLE account_history DETACH PARTITION account_history_later",
    "clocks_stuck":
        "INSERT INTO test_clock (merchant_id, id, frozen_time, target_frozen_time, status, "
        "whole_merchant, deletes_after, revision, created) VALUES ('a', 'clock_1', now(), "
        "now() + interval '1 day', 'internal_failure', false, now(), 1, now())",
    "events_quarantined":
        "INSERT INTO relay_quarantine (merchant_id, event_id, reason, created) "
        "VALUES ('a', 'evt_1', 'too large', now())",
    "lag_webhooks":
        "INSERT INTO webhook_cursor (name, xid, position) VALUES ('x', 0, 0); "
        "ALTER TABLE event DISABLE TRIGGER ALL; "
        f"UPDATE event SET id = '{_OLD}' WHERE position = (SELECT min(position) FROM event)",
    "I2 charge_counts_its_refunds": "UPDATE charge SET amount_refunded = 1 WHERE captured",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Told:
    """A database with the story of one payment, and what health said."""

    url: str
    payment: str
    refund: str
    health: dict[str, Any]


async def _tell(url: str) -> _Told:
    """Capture in part with an unknown outcome, refund; leave another authorization held."""
    with Simulator() as simulator:
        async with open_shop(url, simulator) as shop:
            held = await _hold(shop)
            await shop.capture(held, amount_to_capture=6_000)
            await shop.settle()
            refund = await shop.refund(held, amount=1_000)
            await shop.hold()
            return _Told(url, held["id"], refund["id"], await shop.core.health())


async def _hold(shop: Shop) -> Any:
    fault = {"sandbox_fault": "error_after@capture"}
    return await shop.pay(capture_method="manual", metadata=fault)


@pytest.fixture(scope="module")
def told(test_run: TestRun) -> Iterator[_Told]:
    with test_run.database() as url, ThreadPoolExecutor(1) as aside:
        yield aside.submit(asyncio.run, _tell(url)).result()


def _sections() -> set[str]:
    titles = re.findall(r"^## (.*)$", _RUNBOOKS.read_text(), re.MULTILINE)
    return {title.lower().replace(" ", "-") for title in titles}


async def test_a_system_that_is_well_is_found_well(told: _Told) -> None:
    async with open_to_look(told.url, doctor.FILES) as reader:
        findings = await doctor.examine(reader.query, health=told.health)

    assert [f for f in findings if f.level is not Level.FINE and f.name != "writers"] == []
    assert {finding.runbook for finding in findings} <= _sections()


async def test_what_is_wrong_is_named_with_a_runbook(told: _Told) -> None:
    missed = []
    with psycopg.connect(told.url, row_factory=dict_row) as connection:
        fetch = fetch_within(connection, doctor.FILES)
        for name, trouble in _TROUBLE.items():
            with connection.transaction(force_rollback=True):
                for statement in trouble.split("; "):
                    connection.execute(statement.encode())
                findings = await doctor.examine(fetch, heavy=False)
            bad = {finding.name for finding in findings if finding.level is not Level.FINE}
            level = Level.BROKEN if name.startswith("I") else Level.LATE
            if name not in bad or doctor.worst(findings) is not level:
                missed.append((name, bad))
    assert missed == []


async def test_events_of_a_test_clock_in_the_past_are_as_young_as_they_are(told: _Told) -> None:
    with (
        psycopg.connect(told.url, row_factory=dict_row) as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("INSERT INTO webhook_cursor (name, xid, position) VALUES ('x', 0, 0)")
        connection.execute("ALTER TABLE event DISABLE TRIGGER ALL")
        connection.execute("UPDATE event SET created = now() - interval '9 years'")
        findings = await doctor.examine(fetch_within(connection, doctor.FILES), heavy=False)
    (lag,) = [finding for finding in findings if finding.name == "lag_webhooks"]
    behind = re.search(r"([1-9]\d*) events and (\d+) s behind", lag.sentence)
    assert behind is not None, lag.sentence
    assert int(behind[2]) < 3_600


async def test_an_open_breaker_and_an_api_that_is_not_ready_are_named(told: _Told) -> None:
    guard = {"breaker": "open", "in_flight": 0, "saturated": False}
    health = {"ready": False, "checks": {"database": "LinkLost"}, "providers": {"test": guard}}
    async with open_to_look(told.url, doctor.FILES) as reader:
        findings = await doctor.examine(reader.query, heavy=False, health=health)

    named = {finding.name: finding for finding in findings if finding.level is Level.LATE}
    assert named.keys() - {"writers"} == {"api", "provider_test"}
    assert "open" in named["provider_test"].sentence


def _hazina(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hazina", *arguments],
        env=os.environ | {"HAZINA_DATABASE_URL": url}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_the_commands_say_it_in_words_in_json_and_by_exit_code(told: _Told, tmp_path: Path) -> None:
    doctored = _hazina("doctor", "--json", url=told.url)
    shown = json.loads(doctored.stdout)
    assert (doctored.returncode, shown["level"]) in ((0, "fine"), (2, "late"))
    assert _hazina("doctor", "--quick", url=told.url).stdout.count("✓") > 30

    story = json.loads(_hazina("payments", "timeline", told.payment, "--json", url=told.url).stdout)
    assert story["id"] == told.payment
    words = _hazina("payments", "timeline", told.refund, url=told.url)
    assert words.returncode == 0
    assert "command to capture" in words.stdout
    file = tmp_path / "page.html"
    _hazina("payments", "timeline", told.payment, "--html", str(file), url=told.url)
    assert file.read_text().startswith("<!doctype html>")
    unknown = _hazina("payments", "timeline", "pi_none", url=told.url)
    assert unknown.returncode == 1
    assert "There is no payment" in unknown.stderr


async def test_a_timeline_tells_everything_in_order(told: _Told) -> None:
    async with open_to_look(told.url, FILES) as reader:
        found = await find(reader.query, told.payment)
        assert await find(reader.query, told.payment, "acct_of_another") is None
        assert await find(reader.query, "pi_none") is None
    assert found is not None
    story = as_json(found)["moments"]

    assert [moment["at"] for moment in story] == sorted(moment["at"] for moment in story)
    texts = [moment["text"] for moment in story]
    wanted = [
        "attempt of 10000 usd", "command to authorize",
        "ledger entry authorization: 10000 usd held", "charge.succeeded", "command to capture",
        "payment_intent.processing",
        "ledger entry capture: 6000 usd posted", "payment_intent.succeeded", "refund of 1000 usd",
        "command to refund", "ledger entry refund_reservation: 1000 usd held",
        "ledger entry refund_posted", "charge.refunded",
    ]  # fmt: skip
    places = [next(i for i, text in enumerate(texts) if want in text) for want in wanted[:6]]
    assert places == sorted(places), texts
    assert [want for want in wanted if not any(want in text for text in texts)] == []
    commands = {m["text"].split()[2]: m for m in story if m["text"].startswith("command to")}
    assert commands["authorize"]["door"] == "reply"
    assert commands["capture"]["door"] == "inquiry"
    assert commands["capture"]["details"]["inquiries"] > 0
    assert "error_after" not in json.dumps(story), "the merchant's metadata is nobody else's"


def test_a_page_shows_a_story_and_runs_nothing(told: _Told) -> None:
    with ThreadPoolExecutor(1) as aside:
        shown = page(aside.submit(asyncio.run, timeline_of(told.url, told.payment)).result())
    assert shown.count("<li ") > 15
    assert "<script" not in shown
    assert "http" not in shown.replace("</html>", "")
