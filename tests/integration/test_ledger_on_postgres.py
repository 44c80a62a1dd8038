"""The ledger through the PostgreSQL store: invariants, the hash chain, and what it gives away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import psycopg
import pytest

from hazina.cli import books
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.table import Schema
from hazina.db.unit import Committed, Refused, Unit
from hazina.ledger import shapes
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.tables import TABLES
from hazina.ledger.types import Transfer
from hazina.ledger.verify import (
    INVARIANTS,
    QUERIES,
    TrialBalanceRow,
    broken_invariants,
    trial_balance,
    verify,
)

CARD: dict[str, Any] = {
    "merchant_id": "m",
    "currency": "kes",
    "livemode": False,
    "provider": "main",
}


@asynccontextmanager
async def a_store(url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url, Schema(TABLES), LedgerEngine())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def a_reader(url: str) -> AsyncIterator[PooledReader]:
    reader = PooledReader(url, Schema(TABLES), [QUERIES, INVARIANTS])
    await reader.open()
    try:
        yield reader
    finally:
        await reader.close()


def authorized(number: int, amount: int = 1000) -> tuple[Transfer, ...]:
    return shapes.authorization(attempt_id=f"ch_{number}", amount_minor=amount, slot=1, **CARD)


def captured(number: int, amount: int = 1000) -> tuple[Transfer, ...]:
    return shapes.capture(
        attempt_id=f"ch_{number}",
        operation_id=f"op_{number}",
        amount_minor=amount,
        fee_minor=30,
        to_available=False,
        clearing_slot=1,
        slot=1,
        **CARD,
    )


def reserved(number: int, amount: int) -> tuple[Transfer, ...]:
    return shapes.refund_reservation(
        refund_id=f"re_{number}", amount_minor=amount, from_available=False, slot=1, **CARD
    )


def units(*entries: tuple[Transfer, ...]) -> list[Unit]:
    return [Unit("m", transfers=entry) for entry in entries]


async def play(url: str) -> None:
    """Authorize three, capture two (one in part), void one, refund one, refuse one."""
    async with a_store(url) as store:
        await store.execute(units(authorized(1), authorized(2), authorized(3)))
        await store.execute(units(captured(1), captured(2, 400)))
        await store.execute(
            units(
                shapes.void(attempt_id="ch_3", clearing_slot=1, **CARD),
                reserved(1, 500),
                reserved(2, 10**9),
                captured(1),
            )
        )
        done = shapes.refund_posted(refund_id="re_1", from_available=False, clearing_slot=1, **CARD)
        await store.execute(units(done))


async def test_the_books_hold_after_every_kind_of_entry(fresh_database_url: str) -> None:
    await play(fresh_database_url)
    async with a_reader(fresh_database_url) as reader:
        assert await broken_invariants(reader.query) == []
        assert await verify(reader.query) == []
        assert await trial_balance(reader.query) == [
            TrialBalanceRow("provider_clearing", "kes", False, 900, 0),
            TrialBalanceRow("merchant_pending", "kes", False, 0, 840),
            TrialBalanceRow("fee_revenue", "kes", False, 0, 60),
        ]


async def test_replays_and_failed_ids_are_known_to_a_later_process(
    fresh_database_url: str,
) -> None:
    await play(fresh_database_url)
    async with a_store(fresh_database_url) as store:
        replay, failed = await store.execute(units(captured(2, 400), reserved(2, 10**9)))
    assert isinstance(replay, Committed)
    assert set(replay.results) == {"exists"}
    assert isinstance(failed, Refused)
    assert failed.status == "id_already_failed"


TAMPERING = [
    "UPDATE transfer SET amount = amount + 1 WHERE code = 2",
    "UPDATE transfer SET reference = 'ch_9' WHERE code = 2",
    "UPDATE transfer SET created_at = created_at - interval '1 day' WHERE code = 4",
    "DELETE FROM transfer WHERE pending_id IS NOT NULL AND code = 4",
    "DELETE FROM batch WHERE sequence = 2",
    "UPDATE batch SET digest = sha256('x') WHERE sequence = 2",
    "UPDATE batch SET hash = sha256('x') WHERE sequence = 3",
    "INSERT INTO transfer SELECT gen_random_uuid(), debit_account_id, credit_account_id, amount,"
    " ledger, code, flags, NULL, 0, reference, entry, slot, sequence, 900 + position, created_at"
    " FROM transfer WHERE code = 2",
]


@pytest.mark.parametrize("statement", TAMPERING)
async def test_verify_finds_what_was_changed_behind_our_back(
    fresh_database_url: str, statement: str
) -> None:
    await play(fresh_database_url)
    tamper(fresh_database_url, statement)
    async with a_reader(fresh_database_url) as reader:
        assert await verify(reader.query) != []


BREAKAGE = [
    ("UPDATE account SET debits_posted = debits_posted + 1", "balance_is_sum_of_transfers"),
    ("UPDATE account SET debits_pending = 7 WHERE code = 1001", "pending_is_sum_of_open_transfers"),
    ("UPDATE account SET credits_posted = 0 WHERE code = 4001", "balance_is_last_history_line"),
    ("UPDATE account SET credits_posted = 0 WHERE code = 4001", "each_ledger_sums_to_zero"),
    ("DELETE FROM account_history WHERE line = 2", "history_has_no_gap"),
    ("UPDATE account_history SET credits_posted = 1 WHERE line = 2", "history_follows_transfers"),
    (
        "UPDATE account_history SET transfer_id = gen_random_uuid() WHERE line = 2",
        "every_transfer_is_in_both_histories",
    ),
    (
        "ALTER TABLE account DROP CONSTRAINT debits_must_not_exceed_credits;"
        "UPDATE account SET debits_posted = 10 ^ 9 WHERE code = 2001",
        "no_account_is_past_its_limit",
    ),
    (
        "DROP INDEX transfer_resolves_once; INSERT INTO transfer SELECT gen_random_uuid(),"
        " debit_account_id, credit_account_id, amount, ledger, code, flags, pending_id, 0,"
        " reference, entry, slot, sequence, 900 + position, now() FROM transfer"
        " WHERE pending_id IS NOT NULL",
        "pending_resolves_at_most_once",
    ),
    ("UPDATE pending SET state = 'pending' WHERE state = 'voided'", "pending_row_is_its_transfers"),
    ("UPDATE transfer SET amount = 1001 WHERE flags = 5", "resolution_fits_its_pending"),
    ("UPDATE transfer SET ledger = 404", "accounts_of_transfers_exist_in_its_ledger"),
    ("INSERT INTO seen SELECT id, '', 'x' FROM transfer", "failed_id_never_succeeded"),
    ("DELETE FROM transfer WHERE code = 2", "no_chain_is_open"),
]


@pytest.mark.parametrize(("statement", "name"), BREAKAGE)
async def test_each_invariant_sees_its_own_breakage(
    fresh_database_url: str, statement: str, name: str
) -> None:
    await play(fresh_database_url)
    tamper(fresh_database_url, statement)
    async with a_reader(fresh_database_url) as reader:
        found = {broken for broken, _ in await broken_invariants(reader.query)}
    assert f"invariant_{name}" in found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfer SET amount = 1",
        "DELETE FROM transfer",
        "TRUNCATE transfer",
        "UPDATE account_history SET line = 1",
        "DELETE FROM account_history",
        "TRUNCATE account_history",
        "DELETE FROM seen",
        "DELETE FROM account",
        "DELETE FROM pending",
    ],
)
def test_what_is_written_once_cannot_be_changed(fresh_database_url: str, statement: str) -> None:
    with (
        psycopg.connect(fresh_database_url, autocommit=True) as connection,
        pytest.raises(psycopg.errors.RestrictViolation),
    ):
        connection.execute(statement)


def test_the_database_itself_refuses_an_account_past_its_limit(fresh_database_url: str) -> None:
    with (
        psycopg.connect(fresh_database_url, autocommit=True) as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute(
            "INSERT INTO account VALUES"
            " (gen_random_uuid(), 1404, 2001, 10, 'm', 0, 100, 60, 51, 5, 10, 0, 1)"
        )


def tamper(url: str, statement: str) -> None:
    """Run a statement as somebody would who can switch the triggers off."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement.encode())


async def test_a_merchant_has_one_statement_of_all_its_accounts(
    fresh_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_store(fresh_database_url) as store:
        entries = [authorized(1), captured(1), shapes.funds_released(
            charge_id="ch_1", merchant_id="m", currency="kes", livemode=False, net_minor=970
        )]  # fmt: skip
        for entry in entries:
            await store.execute([Unit("m", transfers=entry)])
    await books.show_merchant_statement(fresh_database_url, "m", None, None, "csv")
    lines = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:2] == ["account", "line"]
    pending, available = "merchant pending kes test", "merchant available kes test"
    assert [(line[0], line[1]) for line in lines[1:]] == [
        (pending, "opening"), (pending, "1"), (pending, "2"), (pending, "3"), (pending, "4"),
        (pending, "closing"), (available, "opening"), (available, "1"), (available, "closing"),
    ]  # fmt: skip
    assert lines[-1][-4:] == ["0", "0", "0", "970"]
    await books.show_merchant_statement(fresh_database_url, "m", None, None, "json")
    out = capsys.readouterr().out
    first, second = (orjson.loads(part + "]}") for part in out.split("]}\n") if part)
    assert (len(first["lines"]), len(second["lines"])) == (4, 1)
