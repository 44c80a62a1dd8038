"""Cases written by hand from docs.tigerbeetle.com, as a script sends them and reads the answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hazina.ledger.scratch import Scratch
from hazina.ledger.script import Script

MAX = 2**128 - 1
DEBITS_LIMITED, CREDITS_LIMITED = "debits_must_not_exceed_credits", "credits_must_not_exceed_debits"
POST, VOID, PENDING = "post_pending_transfer", "void_pending_transfer", "pending"
Request = dict[str, Any]


def opens(*accounts: Request) -> Request:
    return {"create_accounts": list(accounts)}


def books(*transfers: Request) -> Request:
    return {"create_transfers": list(transfers)}


def passes(duration_ns: int) -> Request:
    return {"advance_clock_ns": duration_ns}


def account(number: int, *flags: str, **fields: int) -> Request:
    return {"id": str(number), "ledger": 1, "code": 1, "flags": list(flags), **fields}


def move(number: int, debit: int, credit: int, amount: int, *flags: str, **fields: int) -> Request:
    return {"id": str(number), "debit_account_id": str(debit), "credit_account_id": str(credit),
            "amount": str(amount), "ledger": 1, "code": 1, "flags": list(flags),
            **fields}  # fmt: skip


def resolve(number: int, pending: int, amount: int, *flags: str, **fields: int) -> Request:
    return {"id": str(number), "pending_id": str(pending), "amount": str(amount),
            "flags": list(flags), **fields}  # fmt: skip


async def answers(*requests: Request) -> list[Any]:
    """Send a script to a scratch ledger."""
    scratch = Scratch()
    script = Script(scratch.ledgers, "a", scratch.advance_ns)
    return [json.loads(await script.answer(json.dumps(request))) for request in requests]


FIVE = opens(
    account(1), account(2), account(3, DEBITS_LIMITED), account(4, CREDITS_LIMITED),
    account(5, "history"),
)  # fmt: skip
MADE = "created"
BETWEEN = {"id": 1, "debit_account_id": 1, "credit_account_id": 2}

CASES: dict[str, list[tuple[Request, list[str] | None]]] = {
    "a chain that is open at the end fails, what came before it stays": [
        (FIVE, None),
        (books(move(1, 1, 2, 5), move(2, 1, 2, 5, "linked"), move(3, 1, 2, 5, "linked")),
         [MADE, "linked_event_failed", "linked_event_chain_open"]),
        (books(move(2, 1, 2, 5)), [MADE]),
    ],
    "a lone linked event is an open chain": [
        (FIVE, None), (books(move(1, 1, 2, 5, "linked")), ["linked_event_chain_open"]),
    ],
    "chains fail one by one": [
        (FIVE, None),
        (books(move(1, 1, 2, 5, "linked"), move(2, 1, 1, 5), move(3, 1, 2, 1, "linked"),
               move(4, 1, 2, 1)),
         ["linked_event_failed", "accounts_must_be_different", MADE, MADE]),
    ],
    "effects are seen inside a chain and undone with it; only its failure is remembered": [
        (FIVE, None),
        (books(move(1, 1, 3, 10, "linked"), move(2, 3, 2, 10, "linked"), move(3, 3, 2, 1)),
         ["linked_event_failed", "linked_event_failed", "exceeds_credits"]),
        (books(move(2, 3, 2, 10), move(3, 3, 2, 1), move(4, 1, 3, 10), move(5, 3, 2, 10)),
         ["exceeds_credits", "id_already_failed", MADE, MADE]),
    ],
    "an event that exists breaks a chain": [
        (FIVE, None),
        (books(move(1, 1, 2, 5)), [MADE]),
        (books(move(2, 1, 2, 5, "linked"), move(1, 1, 2, 5), move(3, 1, 2, 5)),
         ["linked_event_failed", "exists", MADE]),
    ],
    "a post that leaves out accounts has those of the pending transfer that was booked": [
        (FIVE, None),
        (books(move(1, 1, 2, 5, PENDING, code=0), move(1, 4, 5, 5, PENDING),
               resolve(2, 1, 5, POST), resolve(2, 1, MAX, POST)),
         ["code_must_not_be_zero", MADE, MADE, "exists"]),
        (books(move(3, 1, 2, 5, PENDING, "linked"), move(4, 1, 1, 5), move(3, 4, 5, 5, PENDING),
               resolve(6, 3, 0, VOID)),
         ["linked_event_failed", "accounts_must_be_different", MADE, MADE]),
        (books(resolve(7, 0, 5, POST, PENDING), move(7, 4, 5, 5, PENDING),
               resolve(8, 7, 5, POST, debit_account_id=1),
               resolve(8, 7, 5, POST, debit_account_id=4, credit_account_id=4),
               resolve(8, 7, 5, POST, credit_account_id=5),
               resolve(8, 7, 5, POST, debit_account_id=1), resolve(8, 7, 5, POST)),
         ["flags_are_mutually_exclusive", MADE, "pending_transfer_has_different_debit_account_id",
          "pending_transfer_has_different_credit_account_id", MADE,
          "exists_with_different_debit_account_id", "exists"]),
    ],
    "balancing moves what is there, and a retry may name more": [
        (FIVE, None),
        (books(move(1, 1, 3, 10), move(2, 3, 2, 4, PENDING), move(3, 3, 2, MAX, "balancing_debit"),
               move(4, 3, 2, 5, "balancing_debit"), move(3, 3, 2, 6, "balancing_debit"),
               move(3, 3, 2, 5, "balancing_debit")),
         [MADE, MADE, MADE, MADE, "exists", "exists_with_different_amount"]),
    ],
    "a closed account takes voids alone, and the void of what closed it opens it": [
        (FIVE, None),
        (books(move(1, 1, 2, 0, "closing_debit")), ["closing_transfer_must_be_pending"]),
        (books(move(1, 1, 2, 0, "closing_debit", PENDING), move(2, 1, 2, 1), move(3, 2, 1, 1),
               move(4, 2, 5, 1)),
         [MADE, "debit_account_already_closed", "credit_account_already_closed", MADE]),
        (books(resolve(9, 1, MAX, POST), resolve(5, 1, 0, VOID), move(6, 1, 2, 1),
               move(2, 1, 2, 1)),
         ["debit_account_already_closed", MADE, MADE, "id_already_failed"]),
    ],
    "an account that is closed shows it when it is sent again": [
        (opens(account(1, "closed"), account(2), account(1)),
         [MADE, MADE, "exists_with_different_flags"]),
        (books(move(1, 1, 2, 1)), ["debit_account_already_closed"]),
        (books(move(2, 2, 1, 1)), ["credit_account_already_closed"]),
    ],
    "an account that a transfer closed has the flag until it is opened": [
        (FIVE, None),
        (books(move(1, 1, 2, 3, "closing_credit", PENDING, "closing_debit")), [MADE]),
        (opens(account(1), account(1, "closed"), account(2, "closed")),
         ["exists_with_different_flags", "exists", "exists"]),
        (books(resolve(2, 1, 3, VOID)), [MADE]),
        (opens(account(1)), ["exists"]),
    ],
    "a void names nothing or the whole": [
        (FIVE, None),
        (books(move(1, 1, 2, 7, PENDING), resolve(2, 1, 6, VOID), resolve(3, 1, 8, VOID),
               resolve(7, 1, MAX, VOID), resolve(4, 1, 7, VOID), resolve(5, 1, 7, VOID),
               resolve(4, 1, 0, VOID), resolve(6, 1, MAX, POST)),
         [MADE, "pending_transfer_has_different_amount", "exceeds_pending_transfer_amount",
          "exceeds_pending_transfer_amount", MADE, "pending_transfer_already_voided", "exists",
          "pending_transfer_already_voided"]),
    ],
    "a post of nothing resolves": [
        (FIVE, None),
        (books(move(1, 1, 2, 7, PENDING), resolve(2, 1, 0, POST), resolve(2, 1, MAX, POST),
               resolve(2, 1, 0, POST), resolve(3, 1, 1, POST)),
         [MADE, MADE, "exists_with_different_amount", "exists",
          "pending_transfer_already_posted"]),
    ],
    "a post of the whole is the same whatever more it names": [
        (FIVE, None),
        (books(move(1, 1, 2, 7, PENDING), resolve(2, 1, 7, POST), resolve(2, 1, MAX, POST),
               resolve(2, 1, 8, POST), resolve(2, 1, 6, POST)),
         [MADE, MADE, "exists", "exists", "exists_with_different_amount"]),
    ],
    "a pending transfer is there a nanosecond before its time is over": [
        (FIVE, None), (books(move(1, 1, 2, 7, PENDING, timeout=2)), [MADE]),
        (passes(1_999_999_999), None), (books(resolve(2, 1, MAX, POST)), [MADE]),
    ],
    "a pending transfer is not there when its time is over": [
        (FIVE, None), (books(move(1, 1, 2, 7, PENDING, timeout=2)), [MADE]),
        (passes(2_000_000_000), None),
        (books(resolve(2, 1, MAX, POST), resolve(3, 1, 0, VOID), move(4, 1, 2, 1, timeout=1)),
         ["pending_transfer_expired", "pending_transfer_expired",
          "timeout_reserved_for_pending_transfer"]),
    ],
    "imported events have times of their own that only grow": [
        (opens(account(1, "imported", timestamp=5), account(2, "imported", timestamp=6),
               account(3, "imported", timestamp=6), account(4), account(5, "imported", timestamp=0),
               account(6, "imported", timestamp=2**63),
               account(7, "imported", timestamp=2**63 - 1)),
         [MADE, MADE, "imported_event_timestamp_must_not_regress", "imported_event_expected",
          "imported_event_timestamp_out_of_range", "imported_event_timestamp_out_of_range",
          "imported_event_timestamp_must_not_advance"]),
        (books(move(1, 1, 2, 1, "imported", timestamp=6), move(2, 1, 2, 1, "imported", timestamp=7),
               move(3, 1, 2, 1, "imported", timestamp=7),
               move(4, 1, 2, 1, "imported", PENDING, timeout=1, timestamp=9),
               move(5, 1, 2, 1, "imported", PENDING, timestamp=9),
               move(2, 1, 2, 1, "imported", timestamp=99)),
         ["imported_event_timestamp_must_not_regress", MADE,
          "imported_event_timestamp_must_not_regress", "imported_event_timeout_must_be_zero", MADE,
          "exists"]),
        (books(resolve(6, 5, MAX, POST, "imported", timestamp=8),
               resolve(6, 5, MAX, POST, "imported", timestamp=10)),
         ["imported_event_timestamp_must_not_regress", MADE]),
        (opens(account(9), account(10, "imported", timestamp=100)),
         [MADE, "imported_event_not_expected"]),
    ],
    "imported transfers are later than their accounts": [
        (opens(account(1, "imported", timestamp=5), account(2, "imported", timestamp=60)), None),
        (books(move(1, 1, 2, 1, "imported", timestamp=4), move(2, 2, 1, 1, "imported", timestamp=7),
               move(3, 1, 2, 1, "imported", timestamp=7)),
         ["imported_event_timestamp_must_postdate_debit_account",
          "imported_event_timestamp_must_postdate_debit_account",
          "imported_event_timestamp_must_postdate_credit_account"]),
    ],
    "posted balances have 128 bits": [
        (FIVE, None),
        (books(move(1, 1, 2, MAX), move(2, 1, 2, 1), move(3, 1, 5, 1, PENDING), move(4, 5, 2, 1),
               move(6, 1, 2, 0)),
         [MADE, "overflows_debits_posted", "overflows_debits_posted", "overflows_credits_posted",
          MADE]),
    ],
    "pending balances have 128 bits, and so have the sums of both": [
        (FIVE, None),
        (books(move(1, 1, 2, MAX, PENDING), move(2, 1, 5, 1, PENDING), move(3, 5, 2, 1, PENDING),
               move(4, 1, 5, 1), move(5, 5, 2, 1)),
         [MADE, "overflows_debits_pending", "overflows_credits_pending", "overflows_debits",
          "overflows_credits"]),
    ],
    "ids of zero and of all ones are nobody's": [
        (opens(account(0), account(MAX), account(MAX - 1), account(MAX - 1), account(1), {}),
         ["id_must_not_be_zero", "id_must_not_be_int_max", MADE, "exists", MADE,
          "id_must_not_be_zero"]),
        (books(move(0, 1, MAX - 1, 1), move(MAX, 1, MAX - 1, 1), move(MAX - 1, 1, MAX - 1, 1),
               move(1, 0, 1, 1), move(1, MAX, 1, 1), move(1, 1, 0, 1), move(1, 1, MAX, 1),
               move(1, 1, 7, 1), move(1, 1, MAX - 1, 1)),
         ["id_must_not_be_zero", "id_must_not_be_int_max", MADE,
          "debit_account_id_must_not_be_zero", "debit_account_id_must_not_be_int_max",
          "credit_account_id_must_not_be_zero", "credit_account_id_must_not_be_int_max",
          "credit_account_not_found", "id_already_failed"]),
        (books(resolve(2, 0, 1, POST), resolve(2, MAX, 1, POST), resolve(2, 2, 1, POST),
               resolve(2, 77, 1, POST), resolve(2, MAX - 1, 1, POST),
               resolve(3, MAX - 1, 1, POST)),
         ["pending_id_must_not_be_zero", "pending_id_must_not_be_int_max",
          "pending_id_must_be_different", "pending_transfer_not_found", "id_already_failed",
          "pending_transfer_not_pending"]),
    ],
    "of several mistakes the first in the reference is named": [
        (FIVE, None),
        (books({"id": 1}, {"id": 1, "debit_account_id": 1},
               {"id": 1, "debit_account_id": 1, "credit_account_id": 1},
               {**BETWEEN, "pending_id": 5, "timeout": 3}, {**BETWEEN, "timeout": 3},
               {**BETWEEN, "flags": ["closing_debit"]}, BETWEEN, {**BETWEEN, "ledger": 9},
               {**BETWEEN, "ledger": 9, "code": 1},
               {"id": 1, "timestamp": 1, "flags": ["nonsense"]}, {"id": 0, "flags": ["nonsense"]}),
         ["debit_account_id_must_not_be_zero", "credit_account_id_must_not_be_zero",
          "accounts_must_be_different", "pending_id_must_be_zero",
          "timeout_reserved_for_pending_transfer", "closing_transfer_must_be_pending",
          "ledger_must_not_be_zero", "code_must_not_be_zero",
          "transfer_must_have_the_same_ledger_as_accounts", "timestamp_must_be_zero",
          "reserved_flag"]),
        (books(resolve(1, 9, 1, POST, VOID), resolve(1, 0, 1, POST, PENDING),
               resolve(1, 0, 1, VOID, "balancing_debit"), resolve(1, 9, 1, VOID, timeout=1)),
         ["flags_are_mutually_exclusive", "flags_are_mutually_exclusive",
          "flags_are_mutually_exclusive", "timeout_reserved_for_pending_transfer"]),
        (opens(account(1, "history"), account(6, DEBITS_LIMITED, CREDITS_LIMITED),
               account(6, debits_pending=1, credits_posted=1), account(6, ledger=0, code=0),
               account(6, code=0), account(6, "nonsense", reserved=1), account(6, timestamp=3),
               account(6, user_data_128=7), account(6, user_data_128=8, code=2),
               account(6, user_data_128=7, ledger=2, code=2), account(6, user_data_128=7, code=2)),
         ["exists_with_different_flags", "flags_are_mutually_exclusive",
          "debits_pending_must_be_zero", "ledger_must_not_be_zero", "code_must_not_be_zero",
          "reserved_field", "timestamp_must_be_zero", MADE, "exists_with_different_user_data_128",
          "exists_with_different_ledger", "exists_with_different_code"]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_a_case_of_the_reference(name: str) -> None:
    case = CASES[name]
    for (request, expected), answer in zip(
        case, await answers(*(request for request, _ in case)), strict=True
    ):
        if expected is not None:
            assert [one["status"] for one in answer] == expected, request


async def test_balancing_amounts_are_those_that_were_moved() -> None:
    *_, found, after = await answers(
        FIVE,
        books(move(1, 1, 3, 10), move(2, 3, 2, 4, PENDING), move(3, 3, 2, MAX, "balancing_debit"),
              move(4, 3, 2, 5, "balancing_debit"), move(5, 4, 1, 9),
              move(6, 2, 4, 100, "balancing_credit", PENDING)),
        {"lookup_transfers": ["3", "4", "6"]},
        {"lookup_accounts": ["4"]},
    )  # fmt: skip
    assert [one["amount"] for one in found] == ["6", "0", "9"]
    assert (after[0]["credits_pending"], after[0]["debits_posted"]) == ("9", "9")


async def test_a_post_takes_over_what_it_leaves_out() -> None:
    *_, (found,) = await answers(
        FIVE,
        books(move(1, 1, 2, 7, PENDING, user_data_64=2**64 - 1),
              resolve(2, 1, MAX, POST, user_data_32=9)),
        {"lookup_transfers": [2]},
    )  # fmt: skip
    fields = ("user_data_64", "user_data_32", "debit_account_id", "credit_account_id", "ledger")
    assert [found[name] for name in fields] == [2**64 - 1, 9, "1", "2", 1]
    assert (found["amount"], found["pending_id"], found["flags"]) == ("7", "1", [POST])


async def test_filters_answer_in_order_and_broken_ones_with_nothing() -> None:
    _, _, *found = await answers(
        FIVE,
        books(move(1, 1, 5, 7), move(2, 5, 1, 2, PENDING), move(3, 2, 5, 1)),
        {"get_account_balances": {"account_id": 5, "limit": 2, "flags": ["credits", "reversed"]}},
        {"get_account_transfers": {"account_id": 5, "limit": 9, "flags": ["debits"]}},
        {"get_account_balances": {"account_id": 1, "limit": 2, "flags": ["debits"]}},
        {"get_account_transfers": {"account_id": 5, "limit": 0, "flags": ["debits"]}},
        {"get_account_transfers": {"account_id": 5, "limit": 1, "flags": []}},
        {"query_transfers": {"limit": 2, "flags": ["reversed"]}},
        {"query_accounts": {"code": 1, "limit": 2}},
    )
    balances, debits, without_history, no_limit, no_side, newest, accounts = found
    assert [one["credits_posted"] for one in balances] == ["8", "7"]
    assert [one["id"] for one in debits] == ["2"]
    assert (without_history, no_limit, no_side) == ([], [], [])
    assert [one["id"] for one in newest] == ["3", "2"]
    assert [one["id"] for one in accounts] == ["1", "2"]
