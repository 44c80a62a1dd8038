"""What is booked after an imported event of the same batch is later than it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hazina.clock import ManualClock
from hazina.db.memory import MemoryStore
from hazina.db.table import Schema
from hazina.db.unit import Committed, Unit
from hazina.ledger.client import AccountEvent, TransferEvent, to_account, to_transfer
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.stamps import nanoseconds
from hazina.ledger.tables import TABLES
from hazina.ledger.types import AccountFlag, ImportFloor, TransferFlag

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_JUST_NOW = nanoseconds(_NOW) - 1
_FLOOR = ImportFloor(0, frozenset())


def _account(number: int, flags: int = 0, timestamp: int = 0) -> Unit:
    event = AccountEvent(number, 1, 1, flags=flags, timestamp=timestamp)
    return Unit("a", transfers=(to_account("a", event, _FLOOR if timestamp else None),))


def _transfer(number: int, flags: int = 0, timestamp: int = 0) -> Unit:
    event = TransferEvent(number, 1, 2, 5, ledger=1, code=1, flags=flags, timestamp=timestamp)
    return Unit("a", transfers=(to_transfer("a", event, floor=_FLOOR if timestamp else None),))


async def _booked(*batches: list[Unit]) -> dict[str, list[dict[str, Any]]]:
    clock = ManualClock(_NOW)
    store = MemoryStore(Schema(TABLES), LedgerEngine(clock), clock=clock)
    for batch in batches:
        for verdict in await store.execute(batch):
            assert isinstance(verdict, Committed)
            assert [result.status for result in verdict.results] == ["created"]
    return {name: list(rows.values()) for name, rows in store.tables.items()}


async def test_lines_after_an_imported_transfer_are_later_than_it() -> None:
    tables = await _booked(
        [_account(1), _account(2)],
        [_transfer(1, int(TransferFlag.IMPORTED), _JUST_NOW), _transfer(2), _transfer(3)],
        [_transfer(4)],
    )
    lines = [line for line in tables["account_history"] if line["credits_posted"]]
    assert [line["line"] for line in lines] == [1, 2, 3, 4]
    assert lines[0]["timestamp"] == _JUST_NOW
    assert all(one["timestamp"] < next_["timestamp"] for one, next_ in pairwise(lines))


async def test_a_transfer_is_later_than_an_account_imported_just_before() -> None:
    tables = await _booked(
        [_account(1)],
        [_account(2, int(AccountFlag.IMPORTED), _JUST_NOW), _transfer(1)],
    )
    (transfer,) = tables["transfer"]
    assert transfer["timestamp"] > _JUST_NOW
