"""What an engine remembers of accounts, and for how long."""

from __future__ import annotations

from typing import Any

from hazina.db.unit import Lacking, Lane, Unit
from hazina.ledger.client import TransferEvent, stored_id, to_transfer
from hazina.ledger.remembered import Remembered


def _row(number: int, version: int = 1, space: str | None = "a") -> dict[str, Any]:
    balances = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
    return {
        "id": stored_id("a", number), "ledger": 1, "flags": 0, "space": space, "overdraft": 0,
        "lines": 0, "timestamp": 1, "timestamp_last": 0, "closed_by": None, "version": version,
        **dict.fromkeys(balances, 0),
    }  # fmt: skip


def _unit(*pairs: tuple[int, int]) -> Unit:
    events = (TransferEvent(n, *pair, 1, ledger=1, code=1) for n, pair in enumerate(pairs, 1))
    return Unit("a", transfers=tuple(to_transfer("a", one) for one in events), lane=Lane.BULK)


def _lacking(remembered: Remembered, *pairs: tuple[int, int]) -> set[int]:
    found = remembered.accounts_of([_unit(*pairs)])
    if isinstance(found, Lacking):
        wanted = {stored_id("a", number): number for number in range(100)}
        return {wanted[key] for (key,) in found.keys}  # type: ignore[index]
    assert found is not None
    return set()


def test_all_accounts_that_are_lacking_are_named_at_once() -> None:
    remembered = Remembered()
    remembered.recall([_row(2)])
    assert _lacking(remembered, (1, 2), (3, 1), (2, 4)) == {1, 3, 4}
    remembered.recall([_row(1), _row(3), _row(4)])
    assert _lacking(remembered, (1, 2), (3, 1), (2, 4)) == set()


def test_what_is_remembered_is_newer_than_what_was_read_meanwhile() -> None:
    remembered = Remembered()
    remembered.recall([_row(1, version=5), _row(2)])
    remembered.recall([_row(1, version=4)])
    found = remembered.accounts_of([_unit((1, 2))])
    assert isinstance(found, dict)
    assert found[stored_id("a", 1).int].version == 5


def test_accounts_of_payments_are_not_remembered() -> None:
    remembered = Remembered()
    remembered.recall([_row(1, space=None), _row(2)])
    assert _lacking(remembered, (1, 2)) == {1}


def test_what_was_not_looked_for_lately_is_forgotten_first() -> None:
    remembered = Remembered(accounts_max=8)
    remembered.recall([_row(number) for number in range(1, 6)])
    assert _lacking(remembered, (1, 2)) == set()
    remembered.recall([_row(number) for number in range(6, 9)])
    assert _lacking(remembered, (1, 2)) == set(), "they were looked for"
    assert _lacking(remembered, (3, 4)) == {3, 4}


def test_what_is_dropped_is_lacking_in_whichever_generation_it_was() -> None:
    remembered = Remembered(accounts_max=4)
    remembered.recall([_row(number) for number in (1, 2, 3, 4)])
    remembered.drop([stored_id("a", number).int for number in (1, 4)])
    assert _lacking(remembered, (1, 4), (2, 3)) >= {1, 4}
    remembered.clear()
    assert _lacking(remembered, (2, 3)) == {2, 3}
