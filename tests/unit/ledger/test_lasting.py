"""What the engine remembers of accounts: all but what a lock reads anew in each batch."""

from __future__ import annotations

from uuid import UUID

from hazina.clock import ManualClock
from hazina.db.memory import MemoryStore
from hazina.db.table import Key, Schema
from hazina.db.unit import Unit
from hazina.ledger.client import AccountEvent, TransferEvent, to_account, to_transfer
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.tables import ACCOUNT, TABLES
from tests.support.ledger_on_postgres import USUAL


def _accounts() -> Unit:
    events = [AccountEvent(1, 1, 1), AccountEvent(2, 1, 1, flags=2)]
    return Unit("a", transfers=tuple(to_account("a", event, None) for event in events))


def _transfer(number: int, amount: int) -> Unit:
    event = TransferEvent(number, 2, 1, amount, ledger=1, code=1)
    return Unit("a", transfers=(to_transfer("a", event),))


def _lock(store: MemoryStore, keys: list[Key]) -> dict[tuple[str, Key], dict[str, object]]:
    """Return what a lock returns of accounts: what changes, the key and the version."""
    names = ("id", *ACCOUNT.changing, "version")
    return {
        ("account", key): {name: store.tables["account"][key][name] for name in names}
        for key in keys
    }


async def test_an_account_is_read_whole_once_and_its_overdraft_every_time() -> None:
    engine = LedgerEngine(ManualClock(USUAL))
    store = MemoryStore(Schema(TABLES), engine, clock=ManualClock(USUAL))
    await store.execute([_accounts()])
    unit = _transfer(1, 70)
    needs = engine.needs([unit])
    assert sorted(needs.read["account"]) == sorted(needs.lock["account"])
    await store.execute([unit])
    needs = engine.needs([unit])
    assert list(needs.read["account"]) == []
    keys = list(needs.lock["account"])
    limited: UUID = unit.transfers[0].debit_account_id
    for overdraft, status in ((0, "exceeds_credits"), (70, "created")):
        store.tables["account"][limited,]["overdraft"] = overdraft
        batch = engine.open(dict(_lock(store, keys)), slot=1, sequence=9)
        (result,) = batch.judge(_transfer(2, 70))
        assert result.status == status
