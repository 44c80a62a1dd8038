"""Poison at each consumer: tried at most five times, set aside with a reason, healed by a replay.

What a kind of poison is differs from consumer to consumer; each has its table here, but for the
consumer kit, whose table is in tests/integration/test_consuming.py.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from hazina.clock import SystemClock
from hazina.commands.command import Command
from hazina.commands.performing import Performed
from hazina.db.reader import Reader
from hazina.db.writer import Writer
from hazina.dispatch.callbacks import Callbacks
from hazina.dispatch.held_callbacks import HeldCallbacks
from hazina.idempotency.service import Idempotency
from hazina.ids import SystemIds
from hazina.kafka.record import Record, SendFailed
from hazina.kafka.relay import Relay, RelaySettings
from hazina.rails.contract import CallbackRefused
from hazina.rails.outcome import Approved
from hazina.webhooks.deliveries import Due
from hazina.webhooks.delivery import Attempt, Schedule
from hazina.workers.lane import LaneLimits
from hazina.workers.settings import WorkerSettings
from tests.support.event_log import event_row, readable, write_events
from tests.support.relays import parts_over
from tests.support.webhook_house import House, opened, shop, until

_TRIES_MAX = 5
# Machines that are shared with others may stand still for seconds.
_NEIGHBOURS_SECONDS = 5.0 if os.environ.get("HAZINA_FAULTS") == "whole" else 30.0

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def house(fresh_database_url: str) -> AsyncIterator[House]:
    async with opened(fresh_database_url) as made:
        yield made


SPOILED: dict[str, dict[str, object]] = {
    "a secret that is no ASCII": {"secret": "whsec_é"},
    "a secret that is no base64": {"secret": "whsec_!"},
    "an old secret that is spoiled": {"old_secret": "ü", "old_secret_until": True},
    "an address that is none": {"url": "::"},
    "an address with a line break": {"url": "http://127.0.0.1/\r\nHost: x"},
}


@pytest.mark.parametrize("kind", SPOILED)
async def test_webhooks_that_cannot_be_sent_are_put_aside(house: House, kind: str) -> None:
    changes = dict(SPOILED[kind])
    if "old_secret_until" in changes:
        changes["old_secret_until"] = SystemClock().now().replace(year=2090)
    settings = WorkerSettings(schedule=Schedule((1,) * 9, 0), lane=LaneLimits(failures=100))
    async with shop() as receiver, house.postman(settings) as deliver:
        spoiled = (await house.endpoint(receiver.url))["id"]
        before = await house.row({"id": spoiled})
        sound = {name: before[name] for name in changes}
        await house.change(spoiled, changes)
        neighbour = await house.endpoint(receiver.url)
        event = await house.event()
        await house.fan_out()

        arrived = _counted(house, neighbour, {"delivered": 1})
        await until(deliver.step, arrived, seconds=_NEIGHBOURS_SECONDS)
        await until(deliver.step, _counted(house, {"id": spoiled}, {"failed": 1}))
        assert len(await house.attempts({"id": spoiled})) <= _TRIES_MAX
        await house.change(spoiled, sound)
        await house.replays.one(house.caller, spoiled, event, None)
        await until(deliver.step, _counted(house, {"id": spoiled}, {"delivered": 1}))


class _Spoiling:
    """Sends nothing, but answers for an endpoint with what the database cannot hold."""

    def __init__(self, endpoint: str, attempt: Attempt) -> None:
        self.timeout_ms = 1_000
        self.spoiled: str | None = endpoint
        self._attempt = attempt

    async def send(self, due: Due) -> Attempt:
        return self._attempt if due.endpoint == self.spoiled else Attempt(200)


async def test_an_attempt_that_cannot_be_written_down_holds_up_no_other(house: House) -> None:
    settings = WorkerSettings(
        schedule=Schedule((1,) * 9, 0), lane=LaneLimits(failures=100), delivery_lease_ms=2_000
    )
    spoiled = await house.endpoint("https://duka.test/one")
    neighbour = await house.endpoint("https://duka.test/two")
    sender = _Spoiling(spoiled["id"], Attempt(200, answer="\x00"))
    await house.event()
    await house.fan_out()
    async with house.postman(settings, sender=sender) as deliver:
        await until(
            deliver.step, _counted(house, neighbour, {"delivered": 1}), seconds=_NEIGHBOURS_SECONDS
        )
        assert await house.counts(spoiled) == {"pending": 1}
        sender.spoiled = None
        await until(deliver.step, _counted(house, spoiled, {"delivered": 1}))
    words = [one["problem"] for one in await house.attempts(spoiled)]
    assert words[-1] is None
    assert set(words[:-1]) == {"interrupted"}


class _Library:
    """Takes records like Kafka's client; what it does with one of them is the test's."""

    def __init__(self, poisoned: str) -> None:
        self.problem: str | None = None
        self.kind = ""
        self.written: list[str] = []
        self._poisoned = poisoned
        self._held: list[Record] = []

    async def make_topics(self, names: Sequence[str], partitions: int) -> None:
        pass

    async def send(self, records: Sequence[Record]) -> None:
        refused = self._refused(records)
        if refused and self.kind == "the library raises":
            raise TypeError("a header of another type")
        if refused and self.kind == "no bytes":
            raise UnicodeEncodeError("utf-8", "", 0, 1, "surrogates not allowed")
        if refused and self.kind == "too large for the library":
            raise SendFailed("too large", refused)
        self._held = list(records)

    async def flush(self, within_ms: int) -> bool:
        refused = self._refused(self._held)
        if refused and self.kind in ("too large for the broker", "invalid to the broker"):
            # A broker refuses whole batches of records.
            raise SendFailed(self.kind, {(r.merchant_id, r.event_id): "no" for r in self._held})
        self.written += [record.event_id for record in self._held]
        self._held = []
        return True

    def forget(self) -> None:
        self._held = []

    async def close(self) -> None:
        pass

    def _refused(self, records: Sequence[Record]) -> dict[tuple[str, str], str]:
        found = [one for one in records if one.event_id == self._poisoned and self.kind]
        return {(one.merchant_id, one.event_id): "no" for one in found}


@pytest.mark.parametrize(
    "kind",
    ["the library raises", "no bytes", "too large for the library", "too large for the broker",
     "invalid to the broker"],
)  # fmt: skip
async def test_events_that_kafka_does_not_take_are_set_aside(
    fresh_database_url: str, kind: str
) -> None:
    rows = [event_row(n, f"ch_{n}", 1) for n in range(1, 201)]
    write_events(fresh_database_url, rows)
    await readable(fresh_database_url)
    library = _Library(poisoned=str(rows[99][1]))
    library.kind = kind
    async with parts_over(fresh_database_url) as (reader, writer):
        relay = Relay(
            reader=reader, writer=writer, clock=SystemClock(), ids=SystemIds(), sender=library,
            settings=RelaySettings(f"t{uuid4().hex[:8]}"),
        )  # fmt: skip
        async with asyncio.timeout(_NEIGHBOURS_SECONDS):
            while len(set(library.written)) < 199:
                await relay.step()
        (aside,) = await relay.quarantined(10)
        assert aside["event_id"] == rows[99][1]
        with pytest.raises(SendFailed):
            await relay.replay(10)

        library.kind = ""
        assert await relay.replay(10) == 1
        assert await relay.quarantined(10) == []
        await relay.close()
    assert set(library.written) == {row[1] for row in rows}


_COMMAND = """
INSERT INTO command (merchant_id, id, provider, operation, state, request, payment_intent, charge,
    fence, inquiries, lease_until, created)
VALUES ('acct_1_test', %s, 'one', 'authorize', 'waiting', '{}', 'pi_1', 'ch_1', 1, 0, now(), now())
"""


class _Door:
    """A callback door at which the callback `poison` is of some kind."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self.kind = ""
        self.applied: list[str] = []
        connector: Any = SimpleNamespace(read_callback=self._read)
        self.callbacks = Callbacks(
            connectors={"one": connector}, reader=reader, writer=writer, clock=SystemClock(),
            report=self._report, ask=self._ask, lease_ms=1_000, patience_ms=100,
        )  # fmt: skip

    def _read(self, headers: Any, body: bytes, now: int) -> Any:
        if body == b"poison" and self.kind == "unreadable":
            raise CallbackRefused("the signature's key is gone")
        return SimpleNamespace(deduplication_key=body.decode(), reference=body.decode())

    async def _ask(self, command: Command) -> Approved:
        if command.id == "poison":
            if self.kind == "hangs":
                await asyncio.Event().wait()
            if self.kind == "breaks":
                raise RuntimeError("the connector has a bug")
        return Approved(5, "kes", "r")

    async def _report(self, command: Command, _: Performed) -> None:
        if command.id == "poison" and self.kind == "unbookable":
            raise AssertionError("it cannot be booked")
        self.applied.append(command.id)


@pytest.mark.parametrize("kind", ["unknown", "unreadable", "breaks", "unbookable", "hangs"])
async def test_callbacks_that_cannot_be_applied_are_quarantined(
    fresh_database_url: str, kind: str
) -> None:
    def run(statement: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(fresh_database_url, row_factory=dict_row, autocommit=True) as one:
            cursor = one.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    # Logs are kept, not rendered: tracebacks with the values of all variables take seconds.
    async with AsyncExitStack() as stack:
        stack.enter_context(capture_logs())
        reader, writer = await stack.enter_async_context(parts_over(fresh_database_url))
        door = _Door(reader, writer)
        held = HeldCallbacks(reader, Idempotency(reader, writer, SystemClock(), ""), "")
        assert await door.callbacks.receive("one", {}, b"poison")
        door.kind = kind
        for tries in range(1, _TRIES_MAX + 1):
            neighbours = [f"cmd_{tries}_{n}" for n in range(10)]
            for reference in neighbours:
                run(_COMMAND, reference)
                assert await door.callbacks.receive("one", {}, reference.encode())
            if kind != "unknown" and tries == 1:
                run(_COMMAND, "poison")
            async with asyncio.timeout(_NEIGHBOURS_SECONDS):
                while not set(neighbours) <= set(door.applied):
                    await door.callbacks.process_due()
            async with asyncio.timeout(30):
                while not run(
                    "SELECT 1 FROM inbox WHERE reference = 'poison' AND tries = %s", tries
                ):
                    await door.callbacks.process_due()
                    await asyncio.sleep(0.02)
            run(
                "UPDATE inbox SET next_at = now() - interval '1 s', version = version + 1"
                " WHERE next_at IS NOT NULL"
            )
        (row,) = run("SELECT * FROM inbox WHERE reference = 'poison'")
        assert (row["state"], row["tries"]) == ("quarantined", _TRIES_MAX)
        assert row["reason"]

        door.kind = ""
        if kind == "unknown":
            run(_COMMAND, "poison")
        await held.try_again(None)
        async with asyncio.timeout(30):
            while "poison" not in door.applied:
                await door.callbacks.process_due()
                await asyncio.sleep(0.02)


def _counted(
    house: House, endpoint: dict[str, Any], counts: dict[str, int]
) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return await house.counts(endpoint) == counts

    return reached
