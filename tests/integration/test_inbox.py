"""The inbox on PostgreSQL: callbacks that nobody knows yet, poison among them, and two workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from hazina.clock import SystemClock
from hazina.commands.command import Command
from hazina.commands.performing import Performed
from hazina.db.reader import Reader
from hazina.db.writer import Writer
from hazina.dispatch.callbacks import Callbacks
from hazina.rails.contract import CallbackRefused
from hazina.rails.outcome import Approved
from tests.support.relays import parts_over

_COMMAND = """
INSERT INTO command (merchant_id, id, provider, operation, state, request, payment_intent, charge,
    fence, inquiries, lease_until, created)
VALUES ('acct_1_test', %s, 'one', 'authorize', 'waiting', '{}', 'pi_1', 'ch_1', 1, 0, now(), now())
"""


class _Door:
    """A callback door whose provider and bookkeeping are the test's."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self.asked: list[str] = []
        self.applied: list[str] = []
        self.answers: dict[str, Callable[[], Awaitable[None]]] = {}
        self.unreadable: set[bytes] = set()
        self.unbookable: set[str] = set()
        connector: Any = SimpleNamespace(read_callback=self._read)
        self.callbacks = Callbacks(
            connectors={"one": connector}, reader=reader, writer=writer, clock=SystemClock(),
            report=self._report, ask=self._ask, patience_ms=60_000,
        )  # fmt: skip

    async def take(self, *references: str) -> None:
        """Receive a callback about each."""
        for reference in references:
            assert await self.callbacks.receive("one", {}, reference.encode())

    def _read(self, headers: Any, body: bytes, now: int) -> Any:
        if body in self.unreadable:
            raise CallbackRefused("the signature's key is gone")
        return SimpleNamespace(deduplication_key=body.decode(), reference=body.decode())

    async def _ask(self, command: Command) -> Approved:
        self.asked.append(command.id)
        if command.id in self.answers:
            await self.answers[command.id]()
        return Approved(5, "kes", "r")

    async def _report(self, command: Command, _: Performed) -> None:
        if command.id in self.unbookable:
            raise AssertionError("it cannot be booked")
        self.applied.append(command.id)


def _run(url: str, statement: str, *values: object) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


async def test_a_callback_before_its_command_is_applied_as_soon_as_the_command_is_there(
    fresh_database_url: str,
) -> None:
    async with parts_over(fresh_database_url) as (reader, writer):
        door = _Door(reader, writer)
        await door.take("cmd_1")
        await door.callbacks.process_due()
        assert await door.callbacks.process_due() == 0, "it is parked for seconds"

        _run(fresh_database_url, _COMMAND, "cmd_1")
        await door.callbacks.process_due()

    assert door.applied == ["cmd_1"]
    (row,) = _run(fresh_database_url, "SELECT state, tries FROM inbox")
    assert row == {"state": "applied", "tries": 1}


async def test_poison_is_quarantined_with_its_reason_and_delays_no_neighbour(
    fresh_database_url: str,
) -> None:
    async def broken() -> None:
        raise RuntimeError("the connector has a bug")

    sound = [f"cmd_{n}" for n in range(20)]
    poison = ["unknown", "unreadable", "unbookable", "breaks"]
    for reference in [*sound, *poison[1:]]:
        _run(fresh_database_url, _COMMAND, reference)
    async with parts_over(fresh_database_url) as (reader, writer):
        door = _Door(reader, writer)
        door.answers["breaks"] = broken
        await door.take(*poison, *sound)
        door.unreadable.add(b"unreadable")
        door.unbookable.add("unbookable")

        await door.callbacks.process_due()
        assert sorted(door.applied) == sorted(sound)
        for _ in range(4):
            _run(
                fresh_database_url,
                "UPDATE inbox SET next_at = now() - interval '1 s', version = version + 1"
                " WHERE next_at IS NOT NULL",
            )
            await door.callbacks.process_due()
    rows = _run(fresh_database_url, "SELECT * FROM inbox WHERE state <> 'applied'")
    assert {(row["reference"], row["state"], row["tries"]) for row in rows} == {
        (reference, "quarantined", 5) for reference in poison
    }
    reasons = {row["reference"]: row["reason"] for row in rows}
    assert reasons["unknown"] == "no command has this reference"
    assert reasons["unreadable"] == "the signature's key is gone"


async def test_a_provider_that_is_slow_about_one_holds_up_no_other(fresh_database_url: str) -> None:
    done = asyncio.Event()

    async def slow() -> None:
        await done.wait()

    for reference in ("slow", "quick"):
        _run(fresh_database_url, _COMMAND, reference)
    async with parts_over(fresh_database_url) as (reader, writer):
        door = _Door(reader, writer)
        door.answers["slow"] = slow
        await door.take("slow", "quick")
        step = asyncio.create_task(door.callbacks.process_due())
        async with asyncio.timeout(30):
            while door.applied != ["quick"]:
                await asyncio.sleep(0.01)
        done.set()
        await step
    assert door.applied == ["quick", "slow"]


@pytest.mark.timeout(60)
async def test_two_workers_ask_about_each_callback_once(fresh_database_url: str) -> None:
    references = [f"cmd_{n}" for n in range(40)]
    for reference in references:
        _run(fresh_database_url, _COMMAND, reference)
    async with (
        parts_over(fresh_database_url) as (reader, writer),
        parts_over(fresh_database_url) as (other_reader, other_writer),
    ):
        one, other = _Door(reader, writer), _Door(other_reader, other_writer)
        await one.take(*references)

        await asyncio.gather(one.callbacks.process_due(), other.callbacks.process_due())

    assert sorted(one.asked + other.asked) == sorted(references)
