"""Each line of a script has one line of answer, whatever stands in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hazina.clock import ManualClock
from hazina.db.memory import MemoryReader, MemoryStore
from hazina.db.table import Schema
from hazina.db.unit import Quarantined, Unit, Verdict
from hazina.ledger.scratch import Scratch
from hazina.ledger.script import Script
from hazina.ledger.service import Ledgers
from hazina.ledger.tables import TABLES

MOVE = '{"id": "1", "debit_account_id": "1", "credit_account_id": "2", "ledger": 1, "code": 1, %s}'
ACCOUNT = {"create_accounts": [{"id": "1", "ledger": 1, "code": 1}]}


async def answers(script: Script, *lines: str) -> list[Any]:
    return [json.loads(await script.answer(line)) for line in lines]


def on_scratch() -> Script:
    scratch = Scratch()
    return Script(scratch.ledgers, "a", scratch.advance_ns)


@pytest.mark.parametrize(
    "line",
    [
        '{"create_accounts": [{"id": "2", "metadata": {"a": "\\ud800"}}]}',
        '{"create_accounts": [{"id": "2", "metadata": {"\\udfff": "a"}}]}',
        '{"create_transfers": [%s]}' % (MOVE % '"reference": "\\ud800"'),
        '{"create_transfers": [%s]}' % (MOVE % '"reference": "\udcff\udcfe"'),
        "\udcff\udcfe",
        '{"create_accounts": [], "create_accounts": []}',
        '{"create_accounts": [{"id": 2, "id": 9, "ledger": 1, "code": 1}]}',
        "[" * 100_000,
        '{"advance_clock_ns": 18446744073709551615}',
        '{"advance_clock_ns": 9223372036854775807}',
    ],
)
async def test_a_line_that_cannot_be_kept_is_refused_and_the_next_is_carried_out(
    line: str,
) -> None:
    script = on_scratch()
    refused, made = await answers(script, line, json.dumps(ACCOUNT))
    assert refused["error"]["code"] == "parameter_invalid"
    assert [one["status"] for one in made] == ["created"]
    assert script.failures == 1


async def test_the_clock_stops_before_timestamps_run_out_also_in_several_steps() -> None:
    half = json.dumps({"advance_clock_ns": 2**62})
    moved, refused, made = await answers(on_scratch(), half, half, json.dumps(ACCOUNT))
    assert moved == {"advanced_clock_ns": 2**62, "expired": 0}
    assert "2262" in refused["error"]["message"]
    assert [one["status"] for one in made] == ["created"]


class Refuses:
    """A writer whose database takes nothing."""

    async def submit(self, unit: Unit) -> Verdict:
        raise Quarantined


async def test_what_the_database_refuses_is_answered_with_an_error() -> None:
    reader = MemoryReader(MemoryStore(Schema(TABLES)))
    ledgers = Ledgers(reader, Refuses(), ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
    (refused,) = await answers(Script(ledgers, "a"), json.dumps(ACCOUNT))
    assert refused["error"]["code"] == "parameter_invalid"
    assert "nothing of it was booked" in refused["error"]["message"]
