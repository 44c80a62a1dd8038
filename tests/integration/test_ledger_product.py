"""Clients' ledgers on PostgreSQL: spaces, overdrafts, history, statements, dumps, expiry."""

from __future__ import annotations

import json

import pytest

from hazina.ledger import dump
from hazina.ledger.client import (
    AccountEvent,
    AccountFilter,
    QueryFilter,
    TransferEvent,
    stored_id,
)
from hazina.ledger.history import PAGE, History, Totals
from tests.support.ledger_on_postgres import LedgerOnPostgres, a_ledger

DEBITS_LIMITED, HISTORY, CLOSED = 2, 8, 32
PENDING, POST, CLOSING_CREDIT = 2, 4, 128
CLOSED = 32
SECOND = 10**9


def account(number: int, **values: object) -> AccountEvent:
    return AccountEvent(number, **{"ledger": 1, "code": 1, "flags": HISTORY, **values})  # type: ignore[arg-type]


def transfer(number: int, amount: int = 100, **values: object) -> TransferEvent:
    fields = {"debit_account_id": 1, "credit_account_id": 2, "ledger": 1, "code": 1, **values}
    return TransferEvent(number, amount=amount, **fields)  # type: ignore[arg-type]


async def statuses(ledger: LedgerOnPostgres, space: str, *events: TransferEvent) -> list[str]:
    return [one.status.value for one in await ledger.ledgers.create_transfers(space, events)]


async def opened(ledger: LedgerOnPostgres, space: str = "a", **second: object) -> None:
    results = await ledger.ledgers.create_accounts(space, [account(1), account(2, **second)])
    assert [result.status for result in results] == ["created", "created"]


async def test_spaces_use_the_same_ids_and_never_meet(fresh_database_url: str) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger, "a")
        await opened(ledger, "b", user_data_32=7)
        assert await statuses(ledger, "a", transfer(1, 10)) == ["created"]
        assert await statuses(ledger, "b", transfer(1, 99)) == ["created"]
        (mine,) = await ledger.ledgers.lookup_transfers("a", [1])
        assert mine.amount == 10
        assert len(await ledger.ledgers.query_transfers("b", QueryFilter())) == 1
        assert await ledger.ledgers.lookup_accounts("c", [1]) == []
        assert await statuses(ledger, "c", transfer(1)) == ["debit_account_not_found"]
        await ledger.demand_whole()


async def test_an_account_may_pass_its_limit_by_its_overdraft_and_holds_count(
    fresh_database_url: str,
) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger, flags=DEBITS_LIMITED | HISTORY, overdraft=50)
        out = {"debit_account_id": 2, "credit_account_id": 1}
        assert await statuses(
            ledger, "a", transfer(1, 30, flags=PENDING, **out), transfer(2, 21, **out),
            transfer(3, 20, **out), transfer(4, 1, **out),
        ) == ["created", "exceeds_credits", "created", "exceeds_credits"]  # fmt: skip
        again = [account(2, flags=DEBITS_LIMITED | HISTORY, overdraft=51)]
        (result,) = await ledger.ledgers.create_accounts("a", again)
        assert result.status == "exists_with_different_overdraft"


async def test_balances_of_any_moment_are_there_also_without_the_flag_history(
    fresh_database_url: str,
) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger, flags=0)
        history = History(ledger.reader)
        stored = stored_id("a", 2)
        assert await history.at(stored, None) == Totals()
        moments = []
        for number in range(1, 40):
            ledger.clock.advance_ms(1000)
            await statuses(ledger, "a", transfer(number, 1))
            (record,) = await ledger.ledgers.lookup_transfers("a", [number])
            moments.append(record.timestamp)
        for place, moment in enumerate(moments):
            assert (await history.at(stored, moment)).credits_posted == place + 1
            assert (await history.at(stored, moment - 1)).credits_posted == place
        assert await ledger.ledgers.account_balances("a", AccountFilter(2)) == []


async def test_a_statement_leads_from_its_opening_to_its_closing_balance(
    fresh_database_url: str,
) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger)
        count = PAGE + 200
        for at in range(0, count, 400):
            batch = [transfer(number, 1) for number in range(at + 1, at + 401)]
            await statuses(ledger, "a", *batch)
        history = History(ledger.reader)
        row = await history.account(stored_id("a", 2), "a")
        assert row is not None
        (tenth,) = await ledger.ledgers.lookup_transfers("a", [10])
        span = await history.span(row, tenth.timestamp, None)
        assert (span.opening.credits_posted, span.closing.credits_posted) == (9, count)
        lines = [line async for line in history.lines(span)]
        assert [line.line for line in lines] == list(range(10, count + 1))
        assert lines[0].transfer_id == "10"
        assert (lines[0].side, lines[0].counterpart_id, lines[0].kind) == ("credit", "1", "posted")
        assert lines[-1].totals == span.closing


async def test_what_runs_out_is_released_and_shown_as_expiry(fresh_database_url: str) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger)
        await statuses(ledger, "a", transfer(1, 5, flags=PENDING | CLOSING_CREDIT, timeout=10))
        assert await statuses(ledger, "a", transfer(2)) == ["credit_account_already_closed"]
        assert await ledger.advance_ns(9 * SECOND) == 0
        assert await ledger.advance_ns(SECOND) == 1
        assert await ledger.advance_ns(SECOND) == 0
        late = transfer(3, 5, flags=POST, pending_id=1)
        assert await statuses(ledger, "a", late, transfer(4)) == [
            "pending_transfer_expired",
            "created",
        ]
        history = History(ledger.reader)
        row = await history.account(stored_id("a", 2), "a")
        assert row is not None
        span = await history.span(row, None, None)
        kinds = [line.kind async for line in history.lines(span)]
        assert kinds == ["pending", "expiry", "posted"]
        found = await ledger.ledgers.account_transfers("a", AccountFilter(2))
        assert [record.id for record in found] == [1, 4]
        await ledger.demand_whole()


async def test_a_dump_makes_the_same_ledger_elsewhere(fresh_database_url: str) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger, metadata={"name": "Wanjiru"}, overdraft=9)
        await statuses(
            ledger, "a", transfer(1, 70, reference="order 1", metadata={"k": "v"}),
            transfer(2, 10, flags=PENDING), transfer(3, 4, flags=POST, pending_id=2),
            transfer(5, 6, flags=PENDING, timeout=1), transfer(6, 2, flags=PENDING),
        )  # fmt: skip
        await ledger.advance_ns(2 * SECOND)
        lines = [line async for line in dump.dump(ledger.reader, "a")]
        events = await dump.load(ledger.ledgers, "b", lines)
        assert events == 8
        assert await dump.load(ledger.ledgers, "b", lines) == 8
        for number in (1, 2):
            (left,) = await ledger.ledgers.lookup_accounts("a", [number])
            (right,) = await ledger.ledgers.lookup_accounts("b", [number])
            assert left.debits_posted == right.debits_posted
            assert left.credits_posted == right.credits_posted
            assert (left.debits_pending, left.credits_pending) == (
                right.debits_pending,
                right.credits_pending,
            )
            assert (left.timestamp, left.metadata) == (right.timestamp, right.metadata)
        (copied,) = await ledger.ledgers.lookup_transfers("b", [1])
        (first,) = await ledger.ledgers.lookup_transfers("a", [1])
        assert (copied.reference, copied.metadata) == ("order 1", {"k": "v"})
        assert copied.timestamp == first.timestamp
        await ledger.demand_whole()


async def test_a_dump_is_of_one_moment_whatever_is_booked_while_it_is_read(
    fresh_database_url: str,
) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger)
        assert await statuses(ledger, "a", transfer(1, 5)) == ["created"]
        lines: list[bytes] = []
        async for line in dump.dump(ledger.reader, "a"):
            if not lines:
                await ledger.ledgers.create_accounts("a", [account(3)])
                late = transfer(2, 7, credit_account_id=3), transfer(3, 9)
                assert await statuses(ledger, "a", *late) == ["created", "created"]
            lines.append(line)
        assert await dump.load(ledger.ledgers, "b", lines) == 3
        (copied,) = await ledger.ledgers.lookup_accounts("b", [1])
        assert copied.debits_posted == 5


async def test_a_dump_with_closed_accounts_is_loaded_again_and_taken_up_where_it_stopped(
    fresh_database_url: str,
) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger)
        await ledger.ledgers.create_accounts("a", [account(3, flags=CLOSED)])
        closing = transfer(1, 0, flags=PENDING | CLOSING_CREDIT)
        assert await statuses(ledger, "a", closing, transfer(2, 5)) == [
            "created", "credit_account_already_closed",
        ]  # fmt: skip
        lines = [line async for line in dump.dump(ledger.reader, "a")]
        assert await dump.load(ledger.ledgers, "b", lines[:1]) == 3
        for _ in range(2):
            assert await dump.load(ledger.ledgers, "b", lines) == 4
        found = await ledger.ledgers.lookup_accounts("b", [1, 2, 3])
        assert [one.flags & CLOSED for one in found] == [0, CLOSED, CLOSED]
        assert await statuses(ledger, "b", transfer(2, 5)) == ["credit_account_already_closed"]
        # One that was opened as closed, or otherwise, is not the dump's.
        for space, other in (("c", account(1, flags=CLOSED)), ("d", account(1, code=9))):
            await ledger.ledgers.create_accounts(space, [other])
            with pytest.raises(dump.DumpError, match="event 0, id 1: exists_with_different_flags"):
                await dump.load(ledger.ledgers, space, lines)
        broken = [{"id": 1, "ledger": 1, "code": 1, "flags": flags} for flags in (1, HISTORY)]
        with pytest.raises(dump.DumpError, match="event 0, id 1: linked_event_failed"):
            await dump.load(ledger.ledgers, "e", [json.dumps({"create_accounts": broken})])
        assert await ledger.ledgers.lookup_accounts("e", [1]) == []
        await ledger.demand_whole()


async def test_metadata_is_a_condition_of_filters(fresh_database_url: str) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await opened(ledger)
        await statuses(ledger, "a", transfer(1, metadata={"order": "1"}), transfer(2))
        wanted = QueryFilter(metadata={"order": "1"})
        assert [one.id for one in await ledger.ledgers.query_transfers("a", wanted)] == [1]
        narrow = AccountFilter(1, metadata={"order": "1"})
        assert [one.id for one in await ledger.ledgers.account_transfers("a", narrow)] == [1]
        again = transfer(1, metadata={"order": "2"})
        assert await statuses(ledger, "a", again) == ["exists_with_different_metadata"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nonsense", "line 2: Send one JSON object a line."),
        ('{"lookup_accounts": ["1"]}', "line 2: A dump holds create_accounts and create_transfers"),
        ('{"create_accounts": [{"id": "x"}]}', "line 2: create_accounts[0].id: send a whole"),
        (
            '{"create_transfers": [{"id": "77", "ledger": 1, "code": 1, "amount": "5", '
            '"debit_account_id": "8", "credit_account_id": "9"}]}',
            "line 2, event 0, id 77: debit_account_not_found",
        ),
    ],
)
async def test_a_line_that_is_not_of_a_dump_is_refused_by_its_number(
    fresh_database_url: str, line: str, says: str
) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        with pytest.raises(dump.DumpError) as refusal:
            await dump.load(ledger.ledgers, "a", ["\n", line])
        assert str(refusal.value).startswith(says)
