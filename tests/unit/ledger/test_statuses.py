"""Every reason for which a transfer is refused, and which of two reasons is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hazina.db.unit import Committed, Refused
from hazina.ledger.rules import TRANSIENT
from hazina.ledger.types import AMOUNT_MAX, AccountFlag, Status, Transfer, TransferFlag
from tests.support.ledger import (
    LIMITED,
    LINKED,
    PENDING,
    POST,
    VOID,
    Ledger,
    Totals,
    account,
    an_id,
    transfer,
)

EXPIRE = TransferFlag.EXPIRE
CLOSING_DEBIT = TransferFlag.CLOSING_DEBIT
HELD = transfer("p", 100, PENDING)
DONE = transfer("t", 100)
POSTED = transfer("post", 60, POST, of="p")

CASES: list[tuple[Status, Sequence[Transfer], Transfer]] = [
    (Status.LINKED_EVENT_CHAIN_OPEN, [], transfer("x", flags=LINKED)),
    (Status.EXISTS_WITH_DIFFERENT_FLAGS, [DONE], replace(DONE, flags=PENDING)),
    (Status.EXISTS_WITH_DIFFERENT_PENDING_ID, [DONE], replace(DONE, pending_id=an_id("p"))),
    (Status.EXISTS_WITH_DIFFERENT_TIMEOUT, [HELD], replace(HELD, timeout_seconds=5)),
    (
        Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID,
        [DONE],
        replace(DONE, debit_account_id=an_id("fees")),
    ),
    (
        Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID,
        [DONE],
        replace(DONE, credit_account_id=an_id("fees")),
    ),
    (Status.EXISTS_WITH_DIFFERENT_AMOUNT, [DONE], replace(DONE, amount_minor=99)),
    (Status.EXISTS_WITH_DIFFERENT_AMOUNT, [HELD, POSTED], replace(POSTED, amount_minor=None)),
    (Status.EXISTS_WITH_DIFFERENT_REFERENCE, [DONE], replace(DONE, reference="pi_2")),
    (Status.EXISTS_WITH_DIFFERENT_REFERENCE, [DONE], replace(DONE, entry="other")),
    (Status.EXISTS_WITH_DIFFERENT_LEDGER, [DONE], replace(DONE, ledger=9)),
    (Status.EXISTS_WITH_DIFFERENT_CODE, [DONE], replace(DONE, code=9)),
    (Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE, [HELD], transfer("x", None, POST | VOID, of="p")),
    (Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE, [HELD], transfer("x", None, POST | PENDING, of="p")),
    (Status.ACCOUNTS_MUST_BE_DIFFERENT, [], transfer("x", credit="bank")),
    (Status.PENDING_ID_MUST_BE_ZERO, [HELD], transfer("x", of="p")),
    (Status.PENDING_ID_MUST_NOT_BE_ZERO, [], transfer("x", None, POST)),
    (Status.PENDING_ID_MUST_BE_DIFFERENT, [], transfer("x", None, POST, of="x")),
    (Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER, [], transfer("x", timeout_seconds=1)),
    (
        Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER,
        [HELD],
        transfer("x", None, POST, of="p", timeout_seconds=1),
    ),
    (Status.AMOUNT_MUST_NOT_BE_ZERO, [], transfer("x", 0)),
    (Status.AMOUNT_MUST_NOT_BE_ZERO, [], transfer("x", -1)),
    (Status.AMOUNT_MUST_NOT_BE_ZERO, [], transfer("x", None)),
    (Status.AMOUNT_MUST_NOT_BE_ZERO, [HELD], transfer("x", -1, POST, of="p")),
    (Status.LEDGER_MUST_NOT_BE_ZERO, [], transfer("x", ledger=0)),
    (Status.CODE_MUST_NOT_BE_ZERO, [], transfer("x", code=0)),
    (Status.DEBIT_ACCOUNT_NOT_FOUND, [], transfer("x", debit="nobody")),
    (Status.CREDIT_ACCOUNT_NOT_FOUND, [], transfer("x", credit="nobody")),
    (Status.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER, [], transfer("x", credit="abroad")),
    (Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS, [], transfer("x", ledger=9)),
    (Status.PENDING_TRANSFER_NOT_FOUND, [], transfer("x", None, POST, of="nothing")),
    (Status.PENDING_TRANSFER_NOT_PENDING, [DONE], transfer("x", None, POST, of="t")),
    (
        Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID,
        [HELD],
        transfer("x", None, POST, of="p", debit="fees"),
    ),
    (
        Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID,
        [HELD],
        transfer("x", None, POST, of="p", credit="fees"),
    ),
    (
        Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER,
        [HELD],
        transfer("x", None, POST, of="p", ledger=9),
    ),
    (Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE, [HELD], transfer("x", 1, POST, of="p", code=9)),
    (Status.EXCEEDS_PENDING_TRANSFER_AMOUNT, [HELD], transfer("x", 101, POST, of="p")),
    (Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT, [HELD], transfer("x", 99, VOID, of="p")),
    (Status.PENDING_TRANSFER_ALREADY_POSTED, [HELD, POSTED], transfer("x", 1, POST, of="p")),
    (
        Status.PENDING_TRANSFER_ALREADY_VOIDED,
        [HELD, transfer("v", None, VOID, of="p")],
        transfer("x", 1, POST, of="p"),
    ),
    (Status.DEBIT_ACCOUNT_ALREADY_CLOSED, [], transfer("x", debit="closed")),
    (Status.CREDIT_ACCOUNT_ALREADY_CLOSED, [], transfer("x", credit="closed")),
    (
        Status.OVERFLOWS_DEBITS_PENDING,
        [transfer("p", AMOUNT_MAX, PENDING)],
        transfer("x", 1, PENDING, credit="fees"),
    ),
    (
        Status.OVERFLOWS_CREDITS_PENDING,
        [transfer("p", AMOUNT_MAX, PENDING)],
        transfer("x", 1, PENDING, debit="fees"),
    ),
    (Status.OVERFLOWS_DEBITS_POSTED, [transfer("t", AMOUNT_MAX)], transfer("x", 1, credit="fees")),
    (Status.OVERFLOWS_CREDITS_POSTED, [transfer("t", AMOUNT_MAX)], transfer("x", 1, debit="fees")),
    (Status.OVERFLOWS_DEBITS, [transfer("t", AMOUNT_MAX, PENDING)], transfer("x", credit="fees")),
    (Status.OVERFLOWS_CREDITS, [transfer("t", AMOUNT_MAX, PENDING)], transfer("x", debit="fees")),
    (Status.EXCEEDS_CREDITS, [], transfer("x", debit="limited")),
    (Status.EXCEEDS_DEBITS, [], transfer("x", credit="assets")),
    # Two reasons at once: the one that stands first in the order is named.
    (Status.EXISTS_WITH_DIFFERENT_AMOUNT, [DONE], replace(DONE, amount_minor=1, code=9)),
    (Status.ACCOUNTS_MUST_BE_DIFFERENT, [], transfer("x", 0, debit="nobody", credit="nobody")),
    (Status.AMOUNT_MUST_NOT_BE_ZERO, [], transfer("x", 0, debit="nobody")),
    (Status.DEBIT_ACCOUNT_NOT_FOUND, [], transfer("x", debit="nobody", credit="nobody_else")),
    (Status.DEBIT_ACCOUNT_ALREADY_CLOSED, [], transfer("x", debit="closed", credit="assets")),
    (Status.EXCEEDS_CREDITS, [], transfer("x", debit="limited", credit="assets")),
    (Status.EXCEEDS_PENDING_TRANSFER_AMOUNT, [HELD, POSTED], transfer("x", 101, POST, of="p")),
]


def a_ledger() -> Ledger:
    return Ledger(
        account("bank"),
        account("shop"),
        account("fees"),
        account("limited", LIMITED),
        account("assets", AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS),
        account("closed", AccountFlag.CLOSED),
        account("abroad", ledger=9),
    )


@pytest.mark.parametrize(("status", "before", "refused"), CASES)
async def test_a_transfer_is_refused_for_the_first_reason_and_leaves_no_trace(
    status: Status, before: Sequence[Transfer], refused: Transfer
) -> None:
    ledger = a_ledger()
    for booked in before:
        verdict = await ledger.book(booked)
        assert not isinstance(verdict, Refused), verdict
    await ledger.book(transfer("opening", debit="fees", credit="extra", opens=(account("extra"),)))
    kept = ("account", "transfer", "account_history", "pending")
    books = {name: str(ledger.store.tables[name]) for name in kept}
    verdict = await ledger.book(refused)
    assert isinstance(verdict, Refused)
    assert (verdict.status, verdict.index) == (status.value, 0)
    assert {name: str(ledger.store.tables[name]) for name in kept} == books
    expected = [status.value] if status in TRANSIENT else []
    assert [row["status"] for row in ledger.rows("seen")] == expected


async def test_a_pending_transfer_that_ran_out_can_only_be_released() -> None:
    ledger = a_ledger()
    await ledger.book(transfer("p", 100, PENDING, timeout_seconds=60))
    early = await ledger.book(transfer("x", None, EXPIRE, of="p"))
    assert isinstance(early, Refused)
    assert early.status == "pending_transfer_not_expired"
    ledger.clock.advance_ms(61_000)
    for flag in (POST, VOID):
        verdict = await ledger.book(transfer("y", None, flag, of="p"))
        assert isinstance(verdict, Refused)
        assert verdict.status == "pending_transfer_expired"
    assert isinstance(await ledger.book(transfer("z", None, EXPIRE, of="p")), Committed)
    assert ledger.totals("bank") == Totals()
    verdict = await ledger.book(transfer("y", None, POST, of="p"))
    assert isinstance(verdict, Refused)
    assert verdict.status == "pending_transfer_expired"


async def test_a_closed_account_takes_voids_and_is_opened_by_the_void_of_what_closed_it() -> None:
    ledger = a_ledger()
    await ledger.book(HELD)
    await ledger.book(transfer("close", 1, PENDING | CLOSING_DEBIT))
    for refused in (transfer("x"), transfer("y", None, POST, of="p")):
        verdict = await ledger.book(refused)
        assert isinstance(verdict, Refused)
        assert verdict.status == "debit_account_already_closed"
    assert isinstance(await ledger.book(transfer("v", None, VOID, of="p")), Committed)
    assert isinstance(await ledger.book(transfer("open", None, VOID, of="close")), Committed)
    assert isinstance(await ledger.book(transfer("z")), Committed)
