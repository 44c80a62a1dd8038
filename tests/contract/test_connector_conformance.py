"""Every connector found is asked for every operation, and for every fault of the vocabulary."""

from __future__ import annotations

import asyncio
import importlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hazina import connectors
from hazina.clock import SystemClock, unix
from hazina.dispatch.transport import HttpTransport
from hazina.ids import SystemIds
from hazina.rails.contract import CallbackRefused, Connector, Operation, OperationRequest
from hazina.rails.outcome import (
    ActionRequired,
    Approved,
    Declined,
    InquiryOutcome,
    NotFound,
    NotSent,
    Outcome,
    Pending,
    Unknown,
)
from tests.support.callback_receiver import CallbackReceiver, Received
from tests.support.cardholder_browser import answer_challenge
from tests.support.simulator import Simulator

AUTHORIZE, INCREMENT, CAPTURE, VOID, REFUND, VERIFY = Operation
IDS = SystemIds()

# What each fault does to an operation that would be approved: the outcome's type, and whether
# the provider's books hold the effect afterwards.
FAULTS: dict[str, tuple[type[Outcome], bool]] = {
    "slow": (Approved, True),
    "timeout_before_effect": (Unknown, False),
    "timeout_after_effect": (Unknown, True),
    "error_before": (Unknown, False),
    "error_after": (Unknown, True),
    "reset_mid_body": (Unknown, True),
    "truncated_body": (Unknown, True),
    "ok_with_error_inside": (Unknown, True),
    "not_found_then_success": (Unknown, True),
    "answer_after_deadline": (Unknown, True),
    "wrong_amount_echoed": (Unknown, True),
    "duplicate_callback": (Approved, True),
    "callback_before_reply": (Approved, True),
    "contradictory_callback": (Approved, True),
    "no_callback": (Approved, True),
    "pending": (Pending, True),
    "decline": (Declined, False),
    "4xx": (Declined, False),
    "unknown_reason": (Unknown, False),
}
DELAYS_MS = {"slow": 50, "answer_after_deadline": 1_500}


@dataclass
class Account:
    """One connector beside its running provider."""

    kit: Any
    connector: Connector
    provider: Simulator
    callbacks: CallbackReceiver
    method: str = field(init=False)

    def __post_init__(self) -> None:
        self.method = self.kit.APPROVES

    def authorization(self, method: str | None = None, **changes: Any) -> OperationRequest:
        request = OperationRequest(
            AUTHORIZE, IDS.new("op"), 5_000, "kes", payment_method=method or self.method
        )
        return replace(request, **changes)

    async def prepared(self, operation: Operation, method: str | None = None) -> OperationRequest:
        """Return a request for this operation whose authorization and capture were approved."""
        first = self.authorization(method, capture=operation is REFUND)
        if operation is AUTHORIZE:
            return first
        if operation is VERIFY:
            return replace(first, operation=VERIFY, amount_minor=0)
        assert isinstance(await self.connector.perform(first), Approved)
        return OperationRequest(operation, IDS.new("op"), 5_000, "kes", first.reference)

    def effects(self, reference: str) -> list[dict[str, Any]]:
        """Return what the provider did under a reference, refused things left out."""
        return [
            effect
            for effect in self.provider.books(reference)
            if effect["reference"] == reference and effect["state"] not in ("declined", "failed")
        ]

    def callbacks_about(self, reference: str, count: int = 1) -> list[Received]:
        return self.callbacks.wait_for(
            lambda callback: json.loads(callback.body)["reference"] == reference, count
        )

    def read(self, callback: Received) -> Any:
        now = unix(SystemClock().now())
        return self.connector.read_callback(callback.headers, callback.body, now)


@pytest.fixture(scope="module", params=sorted(connectors.find()))
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any, Any, CallbackReceiver]]:
    kind = connectors.find()[request.param].CONNECTOR
    kit = importlib.import_module(f"tests.contract.kits.{request.param}")
    with CallbackReceiver() as callbacks, kit.start(callbacks.url) as provider:
        yield kind, kit, provider, callbacks


@pytest.fixture
async def account(
    running: tuple[Any, Any, Any, CallbackReceiver],
) -> AsyncIterator[Account]:
    kind, kit, provider, callbacks = running
    transport = HttpTransport()
    connector = kind.build(kit.settings(provider.url), transport)
    yield Account(kit, connector, provider, callbacks)
    await connector.close()
    await transport.close()
    provider.control({})


async def settled(account: Account, request: OperationRequest) -> InquiryOutcome:
    """Inquire until the provider's answer is final."""
    for _ in range(60):
        found = await account.connector.inquire(request)
        if not isinstance(found, Pending | NotFound):
            return found
        await asyncio.sleep(0.1)
    return found


def test_name_is_the_folders_name_and_capabilities_hold_together(account: Account) -> None:
    capabilities = account.connector.capabilities
    assert account.connector.name in connectors.find()
    assert capabilities.operations <= frozenset(Operation)
    assert capabilities.calls_in_flight_max > 0
    assert capabilities.call_timeout_ms > 0
    assert len(capabilities.inquiry_schedule_ms) > 3
    assert list(capabilities.inquiry_schedule_ms) == sorted(capabilities.inquiry_schedule_ms)


@pytest.mark.parametrize("operation", Operation)
async def test_each_operation_is_approved_for_exactly_what_was_asked(
    account: Account, operation: Operation
) -> None:
    request = await account.prepared(operation)
    outcome = await account.connector.perform(request)
    assert isinstance(outcome, Approved)
    assert (outcome.amount_minor, outcome.currency) == (request.amount_minor, "kes")
    assert outcome.network.network_code == "00"
    assert outcome.provider_reference
    assert len(account.effects(request.reference)) == 1
    assert await account.connector.inquire(request) == outcome


@pytest.mark.parametrize("operation", Operation)
async def test_same_reference_has_one_effect_and_one_answer(
    account: Account, operation: Operation
) -> None:
    request = await account.prepared(operation)
    answers = await asyncio.gather(*[account.connector.perform(request) for _ in range(10)])
    assert len(set(answers)) == 1
    assert len(account.effects(request.reference)) == 1


async def test_same_reference_with_another_amount_is_unknown_and_has_no_effect(
    account: Account,
) -> None:
    request = account.authorization()
    await account.connector.perform(request)
    outcome = await account.connector.perform(replace(request, amount_minor=9_999))
    assert isinstance(outcome, Unknown)
    assert [effect["amount"] for effect in account.effects(request.reference)] == [5_000]


async def test_each_decline_keeps_its_four_codes_apart(account: Account) -> None:
    for method, (code, decline_code, network_code, advice_code) in account.kit.DECLINES.items():
        request = account.authorization(method)
        outcome = await account.connector.perform(request)
        assert isinstance(outcome, Declined), method
        assert (outcome.code, outcome.decline_code) == (code, decline_code), method
        assert outcome.network.network_code == network_code, method
        assert outcome.network.advice_code == advice_code, method
        assert outcome.network.reason_code, method
        assert account.effects(request.reference) == []
        assert await account.connector.inquire(request) == outcome


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_yields_its_outcome_and_the_inquiry_tells_the_truth(
    account: Account, fault: str, operation: Operation
) -> None:
    expected, has_effect = FAULTS[fault]
    request = await account.prepared(operation)
    metadata = account.kit.fault(fault, operation.value, DELAYS_MS.get(fault, 0))
    request = replace(request, metadata=metadata)
    outcome = await account.connector.perform(request)
    assert type(outcome) is expected, outcome
    assert len(account.effects(request.reference)) == has_effect
    found = await settled(account, request) if has_effect else None
    if has_effect:
        assert isinstance(found, Approved), found
        assert found.amount_minor == request.amount_minor
    else:
        found = await account.connector.inquire(request)
        assert isinstance(found, NotFound | Declined | Unknown), found


@pytest.mark.parametrize("fault", ["timeout_before_effect", "error_before"])
async def test_same_reference_sent_again_after_not_found_has_its_effect_once(
    account: Account, fault: str
) -> None:
    request = await account.prepared(CAPTURE)
    request = replace(request, metadata=account.kit.fault(fault, "capture"))
    assert isinstance(await account.connector.perform(request), Unknown)
    assert isinstance(await account.connector.inquire(request), NotFound)
    assert isinstance(await account.connector.perform(request), Approved)
    assert len(account.effects(request.reference)) == 1


async def test_global_faults_strike_as_often_as_they_were_asked_to(account: Account) -> None:
    account.provider.control({"authorize": {"fault": "error_after", "count": 2}})
    outcomes = [await account.connector.perform(account.authorization()) for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown, Approved]


async def test_refused_connection_is_not_sent_and_its_inquiry_is_unknown(account: Account) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        settings = account.kit.settings(f"http://127.0.0.1:{port}")
        kind = connectors.find()[account.connector.name].CONNECTOR
        transport = HttpTransport()
        unreachable = kind.build(settings, transport)
        request = account.authorization()
        assert isinstance(await unreachable.perform(request), NotSent)
        assert isinstance(await unreachable.inquire(request), Unknown)
        await transport.close()


async def test_inquiry_about_a_reference_never_sent_is_not_found(account: Account) -> None:
    assert await account.connector.inquire(account.authorization()) == NotFound()


async def test_killed_provider_still_knows_everything_it_answered(account: Account) -> None:
    request = await account.prepared(CAPTURE)
    before = await account.connector.perform(request)
    # In threads, so that this side notices its lost connections meanwhile.
    await asyncio.to_thread(account.provider.kill)
    await asyncio.to_thread(account.provider.start)
    assert await account.connector.inquire(request) == before
    again = OperationRequest(CAPTURE, IDS.new("op"), 1, "kes", request.subject_reference)
    assert isinstance(await account.connector.perform(again), Declined)


async def test_bounds_hold_at_the_provider_too(account: Account) -> None:
    first = account.authorization()
    await account.connector.perform(first)

    async def ask(operation: Operation, amount_minor: int) -> Outcome:
        reference = IDS.new("op")
        return await account.connector.perform(
            OperationRequest(operation, reference, amount_minor, "kes", first.reference)
        )

    assert isinstance(await ask(REFUND, 1), Declined)
    assert isinstance(await ask(CAPTURE, 5_001), Declined)
    assert isinstance(await ask(CAPTURE, 3_000), Approved)
    assert isinstance(await ask(VOID, 5_000), Declined)
    assert isinstance(await ask(REFUND, 3_001), Declined)
    assert isinstance(await ask(REFUND, 2_000), Approved)
    assert isinstance(await ask(REFUND, 1_001), Declined)


async def test_captures_in_parts_end_with_the_final_one(account: Account) -> None:
    assert account.connector.capabilities.captures_max > 1
    first = account.authorization(several_captures=True)
    await account.connector.perform(first)

    async def ask(operation: Operation, amount_minor: int, final: bool = True) -> Outcome:
        reference = IDS.new("op")
        request = OperationRequest(operation, reference, amount_minor, "kes", first.reference)
        return await account.connector.perform(replace(request, final=final))

    assert isinstance(await ask(CAPTURE, 2_000, final=False), Approved)
    assert isinstance(await ask(INCREMENT, 1), Declined)
    assert isinstance(await ask(CAPTURE, 1_000), Approved)
    assert isinstance(await ask(CAPTURE, 1_000), Declined)
    assert isinstance(await ask(VOID, 2_000), Declined)
    assert isinstance(await ask(REFUND, 3_000), Approved)


async def test_voiding_the_rest_keeps_what_was_captured(account: Account) -> None:
    first = account.authorization(several_captures=True)
    await account.connector.perform(first)

    async def ask(operation: Operation, amount_minor: int, final: bool = True) -> Outcome:
        reference = IDS.new("op")
        request = OperationRequest(operation, reference, amount_minor, "kes", first.reference)
        return await account.connector.perform(replace(request, final=final))

    assert isinstance(await ask(CAPTURE, 2_000, final=False), Approved)
    assert isinstance(await ask(VOID, 3_000), Approved)
    assert isinstance(await ask(CAPTURE, 1), Declined)
    assert isinstance(await ask(REFUND, 2_000), Approved)


async def test_an_increment_is_added_to_what_can_be_captured(account: Account) -> None:
    increment = replace(await account.prepared(INCREMENT), amount_minor=1_000)
    assert isinstance(await account.connector.perform(increment), Approved)
    capture = OperationRequest(CAPTURE, IDS.new("op"), 6_000, "kes", increment.subject_reference)
    assert isinstance(await account.connector.perform(capture), Approved)


async def test_an_absent_customer_is_not_challenged(account: Account) -> None:
    request = account.authorization(account.kit.CHALLENGES, customer_absent=True)
    outcome = await account.connector.perform(request)
    assert isinstance(outcome, Declined)
    assert outcome.code == "authentication_required"


async def test_captured_after_void_is_declined(account: Account) -> None:
    void = await account.prepared(VOID)
    assert isinstance(await account.connector.perform(void), Approved)
    for operation in (CAPTURE, VOID):
        late = OperationRequest(operation, IDS.new("op"), 1, "kes", void.subject_reference)
        assert isinstance(await account.connector.perform(late), Declined)


async def _challenged(account: Account, method: str, choice: Any) -> tuple[Any, str]:
    request = account.authorization(method, capture=True, return_url="http://127.0.0.1:9/back?x=1")
    outcome = await account.connector.perform(request)
    assert isinstance(outcome, ActionRequired)
    assert account.effects(request.reference)[0]["captured"] == 0
    back = "http://127.0.0.1:9/back"
    ended = await asyncio.to_thread(answer_challenge, outcome.redirect_url, choice, back)
    told = account.read(account.callbacks_about(request.reference)[0])
    assert told.reference == request.reference
    assert told.outcome == await account.connector.inquire(request)
    return told.outcome, ended


async def test_completed_authentication_approves_and_sends_the_customer_back(
    account: Account,
) -> None:
    outcome, ended = await _challenged(account, account.kit.CHALLENGES, "complete")
    assert isinstance(outcome, Approved)
    assert ended == "http://127.0.0.1:9/back?x=1"


async def test_failed_authentication_declines(account: Account) -> None:
    outcome, _ = await _challenged(account, account.kit.CHALLENGES, "fail")
    assert isinstance(outcome, Declined)
    assert outcome.code == "payment_intent_authentication_failure"


async def test_issuer_may_decline_after_the_authentication(account: Account) -> None:
    outcome, _ = await _challenged(account, account.kit.CHALLENGES_THEN_DECLINES, "complete")
    assert isinstance(outcome, Declined)
    assert outcome.decline_code == "generic_decline"


async def test_pending_refund_is_told_by_a_callback(account: Account) -> None:
    request = await account.prepared(REFUND, account.kit.REFUND_PENDING)
    assert isinstance(await account.connector.perform(request), Pending)
    told = account.read(account.callbacks_about(request.reference)[0])
    assert isinstance(told.outcome, Approved)


async def test_refund_that_fails_later_is_told_by_a_callback(account: Account) -> None:
    request = await account.prepared(REFUND, account.kit.REFUND_FAILS_LATER)
    assert isinstance(await account.connector.perform(request), Approved)
    told = account.read(account.callbacks_about(request.reference)[0])
    assert isinstance(told.outcome, Declined)
    assert account.effects(request.reference) == []


async def test_callback_faults_are_told_as_the_vocabulary_says(account: Account) -> None:
    repeated = account.authorization(metadata=account.kit.fault("duplicate_callback", "authorize"))
    await account.connector.perform(repeated)
    twice = [account.read(c) for c in account.callbacks_about(repeated.reference, 2)]
    assert twice[0] == twice[1]

    first = account.authorization(metadata=account.kit.fault("callback_before_reply", "authorize"))
    outcome = await account.connector.perform(first)
    there = [c for c in account.callbacks.received if first.reference.encode() in c.body]
    assert [account.read(c).outcome for c in there] == [outcome]

    liar = account.authorization(metadata=account.kit.fault("contradictory_callback", "authorize"))
    assert isinstance(await account.connector.perform(liar), Approved)
    told = account.read(account.callbacks_about(liar.reference)[0])
    assert isinstance(told.outcome, Declined)


async def test_forged_altered_and_old_callbacks_are_refused(account: Account) -> None:
    request = account.authorization(metadata=account.kit.fault("duplicate_callback", "authorize"))
    await account.connector.perform(request)
    true = account.callbacks_about(request.reference)[0]
    now = unix(SystemClock().now())
    read = account.connector.read_callback
    assert read(account.kit.signed(true.body, now), true.body, now).reference == request.reference
    refused: list[tuple[dict[str, str], bytes, int]] = [
        ({}, true.body, now),
        (account.kit.signed(true.body, now, "another secret"), true.body, now),
        (true.headers, true.body.replace(b"5000", b"9000"), now),
        (true.headers, true.body, now + 3_600),
        (true.headers, true.body, now - 3_600),
        (account.kit.signed(b"not json", now), b"not json", now),
        (account.kit.signed(b"[]", now), b"[]", now),
        (account.kit.signed(b"{}", now), b"{}", now),
    ]
    for headers, body, at in refused:
        with pytest.raises(CallbackRefused):
            read(headers, body, at)


async def test_nothing_kept_or_shown_holds_a_secret_or_card_number(account: Account) -> None:
    number = "4242 4242 4242 4242"
    shown = [repr(account.kit.settings(account.provider.url))]
    for fault in FAULTS:
        metadata = account.kit.fault(fault, "authorize", 50) | {"note": number}
        request = account.authorization(metadata=metadata)
        shown.append(repr(await account.connector.perform(request)))
    odd = account.authorization(number)
    shown.append(repr(await account.connector.perform(odd)))
    for text in shown:
        assert number not in text
        for secret in account.kit.SECRETS:
            assert secret not in text
