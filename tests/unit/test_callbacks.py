"""The callback door at its own pace: what cannot be applied stands in nobody's way."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from hazina.clock import SystemClock
from hazina.commands.command import Command
from hazina.commands.performing import Performed
from hazina.db.unit import Committed, Overloaded, Unit, Update
from hazina.dispatch.callbacks import Callbacks
from hazina.rails.outcome import Approved, Declined, InquiryOutcome, NotFound, Unknown

_CLOCK = SystemClock()
_APPROVED = Approved(5, "kes", "r")
_DECLINED = Declined("generic_decline", "No.")


class _Rows:
    """A reader that finds the callbacks that wait, and a command for each."""

    def __init__(self, references: list[str]) -> None:
        self._references = references

    async def query(self, name: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        if name == "inbox_due":
            return [_row(reference) for reference in self._references]
        return [_command(given["id"])]


class _Kept:
    """A writer that accepts everything and remembers it."""

    def __init__(self) -> None:
        self.changes: dict[str, Mapping[str, Any]] = {}
        self.reported: list[InquiryOutcome] = []

    async def submit(self, unit: Unit) -> Committed:
        for write in unit.writes:
            assert isinstance(write, Update)
            self.changes[str(write.key[1])] = write.changes
        return Committed(1)


def _row(reference: str) -> dict[str, Any]:
    return {
        "connector": "one", "deduplication_key": reference, "reference": reference, "body": b"",
        "headers": {}, "received": _CLOCK.now(), "tries": 0, "version": 1,
    }  # fmt: skip


def _command(reference: str) -> dict[str, Any]:
    return {
        "merchant_id": "acct_1_test", "id": reference, "provider": "test",
        "operation": "authorize",
        "state": "done" if reference == "settled" else "waiting", "request": {},
        "payment_intent": "pi_1", "charge": "ch_1", "refund": None, "fence": 1, "inquiries": 0,
        "evidence": None, "refusal": None, "history": None, "version": 1,
    }  # fmt: skip


def _callbacks(
    references: list[str], failing: Mapping[str, Exception], answer: InquiryOutcome = _APPROVED
) -> tuple[Callbacks, _Kept]:
    async def ask(command: Command) -> InquiryOutcome:
        return answer

    connector: Any = SimpleNamespace(
        read_callback=lambda headers, body, now: SimpleNamespace(outcome=_DECLINED)
    )
    kept = _Kept()

    async def report(command: Command, performed: Performed) -> None:
        kept.reported.append(performed.outcome)
        if command.id in failing:
            raise failing[command.id]

    reader: Any = _Rows(references)
    writer: Any = kept
    return (
        Callbacks(
            connectors={"one": connector}, reader=reader, writer=writer, clock=_CLOCK,
            report=report, ask=ask,
        ),
        kept,
    )  # fmt: skip


async def test_what_the_provider_answers_is_applied_and_not_what_the_callback_says() -> None:
    callbacks, kept = _callbacks(["declined"], {})

    await callbacks.process_due()

    assert kept.reported == [_APPROVED]


async def test_a_callback_that_comes_before_the_outcome_stays_until_the_provider_explains_it() -> (
    None
):
    """It may tell of what comes after that outcome: a refund that fails, after all."""
    for answer in (NotFound(), Unknown("no answer")):
        callbacks, kept = _callbacks(["early"], {}, answer)

        await callbacks.process_due()

        assert kept.reported == []
        assert kept.changes["early"]["state"] == "received"
        assert kept.changes["early"]["next_at"] == 8_000


async def test_a_callback_that_cannot_be_applied_is_parked_and_the_next_one_applied() -> None:
    callbacks, kept = _callbacks(["bad", "good"], {"bad": AssertionError("cannot be booked")})

    assert await callbacks.process_due() == 2

    assert kept.changes["good"]["state"] == "applied"
    assert kept.changes["bad"]["tries"] == 1
    assert "could not be applied" in kept.changes["bad"]["reason"]


async def test_a_callback_about_what_is_settled_waits_until_the_provider_can_be_asked() -> None:
    callbacks, kept = _callbacks(["settled"], {}, Unknown("no answer"))

    await callbacks.process_due()

    assert kept.reported == []
    assert kept.changes["settled"]["state"] == "received"
    assert kept.changes["settled"]["next_at"] == 8_000
    assert kept.changes["settled"]["reason"] == "no answer"


async def test_a_busy_writer_costs_a_callback_no_try() -> None:
    callbacks, kept = _callbacks(["waits"], {"waits": Overloaded("the oldest unit has waited")})

    try:
        await callbacks.process_due()
    except Overloaded:
        assert "tries" not in kept.changes["waits"]
    else:
        raise AssertionError("the loop must hear of it and pause")
