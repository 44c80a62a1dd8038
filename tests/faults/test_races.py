"""Two processes want the same payment at once: one wins, the other is told so, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.support import crash, promises
from tests.support.books import check_books, check_requests, rows, settle
from tests.support.crash import read
from tests.support.races import ROUNDS, race
from tests.support.simulator import Simulator

pytestmark = pytest.mark.timeout(900)

_AMOUNT = 5_000
_BUSY = {"operation_in_progress", "payment_intent_unexpected_state"}
_ASKED_AGAIN = {"idempotency_key_in_use", "operation_in_progress", "lock_timeout", "overloaded"}
_CALLERS = 25
_KINDS = ("confirm", "capture", "cancel", "refund")


@dataclass(slots=True)
class Table:
    """What a race is run on: the settings of both processes and an intent for every round."""

    database_url: str
    chosen: Settings
    caller: Caller
    intents: list[str]
    folder: Path

    def charges(self) -> dict[str, dict[str, Any]]:
        """Return the succeeded charge of each intent."""
        found = rows(self.database_url, "SELECT * FROM charge WHERE status = 'succeeded'")
        assert len(found) == len({row["payment_intent"] for row in found})
        return {row["payment_intent"]: row for row in found}


@asynccontextmanager
async def _table(
    database_url: str, folder: Path, kinds: tuple[str, ...], **changes: Any
) -> AsyncIterator[Table]:
    """Prepare the intents; afterwards settle what is open and compare all books."""
    with Simulator() as simulator:
        chosen = crash.settings(database_url, simulator.url)
        # Contention must not look like a provider that does not answer.
        usual = {"deadline_ms": 2_000, "call_timeout_ms": 2_000, "command_lease_ms": 5_000,
                 "key_lease_ms": 5_000, "inquiry_lease_ms": 3_500,
                 "not_found_window_ms": 6_000, "transit_max_ms": 2_400,
                 "reader_connections": 2}  # fmt: skip
        chosen = chosen.model_copy(update=usual)
        core = await open_core(chosen)
        caller = Caller(await core.merchants.create(overdraft_minor=10**9), False, "req_1")
        intents = [
            await _prepare(core, caller, kinds[number % len(kinds)], number)
            for number in range(ROUNDS)
        ]
        await core.close()
        chosen = chosen.model_copy(update=changes)
        yield Table(database_url, chosen, caller, intents, folder)
        core = await open_core(chosen)
        await settle(core)
        await core.close()
        check_books(database_url, simulator.books())
        check_requests(simulator.requests())


async def _prepare(core: Core, caller: Caller, kind: str, number: int) -> str:
    params = {
        "amount": _AMOUNT, "currency": "usd", "payment_method": "pm_card_visa",
        "capture_method": "manual" if kind in ("capture", "cancel") else "automatic",
        "confirm": kind != "confirm",
    }  # fmt: skip
    answer = await core.payments.create_intent(caller, params, None)
    assert answer.code is None, answer.body
    intent = str(orjson.loads(answer.body)["id"])
    if number // 2 % 2:
        # The provider takes a while: whoever comes second meets the first one's open operation,
        # in the other rounds perhaps what it has become.
        slow = ",".join(f"slow@{operation}" for operation in sorted(set(crash.SIMULATED.values())))
        metadata = {"sandbox_fault": slow, "sandbox_delay_ms": "500"}
        answer = await core.payments.update_intent(caller, intent, {"metadata": metadata}, None)
        assert answer.code is None, answer.body
    return intent


def _one_won(answers: list[Answer], refusals: set[str]) -> None:
    codes = [answer.code for answer in answers]
    assert codes.count(None) == 1, answers
    assert {code for code in codes if code is not None} <= refusals, answers
    for answer in answers:
        if answer.code is not None:
            assert orjson.loads(answer.body)["error"]["message"], answer


async def test_two_refunds_never_exceed_the_capture_together(
    fresh_database_url: str, tmp_path: Path
) -> None:
    async with _table(fresh_database_url, tmp_path, ("refund",)) as table:

        async def side(core: Core, number: int) -> list[Answer]:
            params: dict[str, Any] = {"payment_intent": table.intents[number]}
            if number % 2:
                params["amount"] = 3_000
            return [await read(core.payments.create_refund(table.caller, params, None))]

        answers = race(table.chosen, side, side, tmp_path)
        for number, round_answers in enumerate(answers):
            refused = "refund_exceeds_charge" if number % 2 else "charge_already_refunded"
            _one_won(round_answers, {refused})
    for number, intent in enumerate(table.intents):
        wanted = 3_000 if number % 2 else _AMOUNT
        assert table.charges()[intent]["amount_refunded"] == wanted
    promises.note("race: two refunds", f"{ROUNDS} rounds")


async def test_a_capture_and_a_cancel_at_once_leave_one_of_the_two(
    fresh_database_url: str, tmp_path: Path
) -> None:
    async with _table(fresh_database_url, tmp_path, ("capture",)) as table:

        async def captures(core: Core, number: int) -> list[Answer]:
            intent = table.intents[number]
            return [await read(core.payments.capture_intent(table.caller, intent, {}, None))]

        async def cancels(core: Core, number: int) -> list[Answer]:
            intent = table.intents[number]
            return [await read(core.payments.cancel_intent(table.caller, intent, {}, None))]

        answers = race(table.chosen, captures, cancels, tmp_path)
        for round_answers in answers:
            _one_won(round_answers, _BUSY)
    charges = table.charges()
    for intent, (captured, _) in zip(table.intents, answers, strict=True):
        wanted = _AMOUNT if captured.code is None else 0
        assert charges[intent]["amount_captured"] == wanted
    promises.note("race: a capture and a cancellation", f"{ROUNDS} rounds")


async def test_two_captures_at_once_take_the_money_once(
    fresh_database_url: str, tmp_path: Path
) -> None:
    async with _table(fresh_database_url, tmp_path, ("capture",)) as table:

        async def side(core: Core, number: int) -> list[Answer]:
            params = {"amount_to_capture": 3_000} if number % 2 else {}
            intent = table.intents[number]
            return [await read(core.payments.capture_intent(table.caller, intent, params, None))]

        for round_answers in race(table.chosen, side, side, tmp_path):
            _one_won(round_answers, _BUSY)
    charges = table.charges()
    for number, intent in enumerate(table.intents):
        assert charges[intent]["amount_captured"] == (3_000 if number % 2 else _AMOUNT)
    promises.note("race: two captures", f"{ROUNDS} rounds")


async def test_an_intent_confirmed_twice_at_once_is_charged_once(
    fresh_database_url: str, tmp_path: Path
) -> None:
    async with _table(fresh_database_url, tmp_path, ("confirm",)) as table:

        async def side(core: Core, number: int) -> list[Answer]:
            intent = table.intents[number]
            return [await read(core.payments.confirm_intent(table.caller, intent, {}, None))]

        for round_answers in race(table.chosen, side, side, tmp_path):
            _one_won(round_answers, _BUSY)
    assert table.charges().keys() == set(table.intents)
    assert len(rows(fresh_database_url, "SELECT id FROM charge")) == ROUNDS
    promises.note("race: two confirmations", f"{ROUNDS} rounds")


async def test_fifty_callers_with_one_key_refund_once_and_read_the_same_bytes(
    fresh_database_url: str, tmp_path: Path
) -> None:
    async with _table(fresh_database_url, tmp_path, ("refund",)) as table:

        async def one(core: Core, number: int) -> Answer:
            params: dict[str, Any] = {"payment_intent": table.intents[number]}
            if number % 2:
                # Two of these fit into the capture: only the key keeps the second away.
                params["amount"] = 1_000
            merchant_id = table.caller.merchant.merchant_id
            request = IdempotencyRequest(merchant_id, "refund", f"key-{number}", b"d")
            for _ in range(100):
                answer = await read(core.payments.create_refund(table.caller, params, request))
                if answer.code not in _ASKED_AGAIN:
                    return answer
                await core.clock.sleep_ms(50 + core.ids.jitter(50))
            raise AssertionError("the key was never answered")

        async def side(core: Core, number: int) -> list[Answer]:
            return list(await asyncio.gather(*(one(core, number) for _ in range(_CALLERS))))

        for round_answers in race(table.chosen, side, side, tmp_path):
            assert len(round_answers) == 2 * _CALLERS
            assert {answer.code for answer in round_answers} == {None}, round_answers
            assert len({answer.body for answer in round_answers}) == 1, round_answers
    refunds = rows(fresh_database_url, "SELECT payment_intent FROM refund")
    assert sorted(row["payment_intent"] for row in refunds) == sorted(table.intents)
    promises.note("race: fifty callers with one key", f"{ROUNDS} rounds")


async def test_a_reply_and_an_inquiry_at_once_book_an_outcome_once(
    fresh_database_url: str, tmp_path: Path
) -> None:
    # The request gives up long before the provider answers; the late reply and the first inquiry
    # then arrive together. In every second round the provider has done nothing until it answers.
    changes = {"deadline_ms": 150, "inquiry_schedule_ms": (100,)}
    async with _table(fresh_database_url, tmp_path, _KINDS, **changes) as table:

        async def asks(core: Core, number: int) -> list[Answer]:
            kind, intent = _KINDS[number % len(_KINDS)], table.intents[number]
            fault = "slow" if number // len(_KINDS) % 2 else "answer_after_deadline"
            delay_ms = 250 + core.ids.jitter(150)
            metadata = {
                "sandbox_fault": f"{fault}@{crash.SIMULATED[kind]}",
                "sandbox_delay_ms": str(delay_ms),
            }
            payments, caller = core.payments, table.caller
            await payments.update_intent(caller, intent, {"metadata": metadata}, None)
            answer = await read(crash.perform(core, caller, kind, fault, intent, f"key-{number}"))
            await core.clock.sleep_ms(delay_ms + 200)
            return [answer]

        async def inquires(core: Core, number: int) -> list[Answer]:
            for _ in range(60):
                await core.dispatch.run_due()
                await core.clock.sleep_ms(10)
            return []

        for (answer,) in race(table.chosen, asks, inquires, tmp_path):
            assert answer.code is None, answer
    commands = rows(fresh_database_url, "SELECT * FROM command WHERE inquiries > 0")
    assert commands, "no inquiry ever raced a reply"
    promises.note("race: a reply and an inquiry", f"{ROUNDS} rounds")


async def test_what_its_sender_still_holds_is_not_asked_about(
    fresh_database_url: str, tmp_path: Path
) -> None:
    # The provider takes its time, within the deadline: the lease keeps every janitor away.
    async with _table(fresh_database_url, tmp_path, _KINDS) as table:

        async def asks(core: Core, number: int) -> list[Answer]:
            kind, intent = _KINDS[number % len(_KINDS)], table.intents[number]
            metadata = {"sandbox_fault": f"slow@{crash.SIMULATED[kind]}", "sandbox_delay_ms": "800"}
            payments, caller = core.payments, table.caller
            await payments.update_intent(caller, intent, {"metadata": metadata}, None)
            return [await read(crash.perform(core, caller, kind, "slow", intent, f"key-{number}"))]

        async def inquires(core: Core, number: int) -> list[Answer]:
            for _ in range(100):
                await core.dispatch.run_due()
                await core.clock.sleep_ms(10)
            return []

        for (answer,) in race(table.chosen, asks, inquires, tmp_path, min(ROUNDS, 40)):
            assert answer.code is None, answer
            assert orjson.loads(answer.body)["status"] not in ("processing", "pending"), answer
        asked = rows(fresh_database_url, "SELECT id FROM command WHERE inquiries > 0")
        assert asked == [], "a command was asked about while its sender held it"
    promises.note("race: an inquiry and the sender", f"{min(ROUNDS, 40)} rounds")
