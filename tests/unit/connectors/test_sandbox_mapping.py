"""The sandbox connector's dialect, from messages and without any I/O."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hazina.connectors.sandbox import mapping
from hazina.connectors.sandbox.simulator.behaviours import (
    BEHAVIOURS,
    DEBITS,
    REASONS,
)
from hazina.connectors.sandbox.simulator.faults import FaultRefused, read_faults
from hazina.payment_methods import test_methods
from hazina.payment_methods.test_ibans import PREFIX, all_ibans
from hazina.rails.contract import Operation, OperationRequest
from hazina.rails.outcome import Approved, Declined, NetworkDetails, NotFound, Unknown

REQUEST = OperationRequest(Operation.AUTHORIZE, "op_1", 500, "kes", payment_method="pm_card_visa")
YES = {
    "id": "sbx_1",
    "reference": "op_1",
    "operation": "authorize",
    "outcome": "approved",
    "amount": 500,
    "currency": "kes",
    "network_code": "00",
    "authorization_code": "000001",
}


def answer(status: int = 200, **changes: Any) -> Any:
    return mapping.outcome(REQUEST, status, orjson.dumps(YES | changes))


def test_every_field_of_an_approval_is_kept() -> None:
    network = NetworkDetails(network_code="00", authorization_code="000001")
    assert answer() == Approved(500, "kes", "sbx_1", network)


def test_every_field_of_a_decline_is_kept_apart() -> None:
    codes = {"reason": "lost_card", "network_code": "41", "advice_code": "03"}
    outcome = answer(outcome="declined", **codes)
    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.decline_code) == ("card_declined", "lost_card")
    assert outcome.network == NetworkDetails("41", "03", "lost_card", "000001")
    assert outcome.provider_reference == "sbx_1"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 500},
        {"status": 201},
        {"outcome": "maybe"},
        {"outcome": None},
        {"outcome": "declined", "reason": "never_heard_of"},
        {"outcome": "declined"},
        {"outcome": "action_required", "redirect_url": "javascript:alert(1)"},
        {"amount": 499},
        {"amount": 500.0 + 0.5},
        {"amount": "500"},
        {"amount": True},
        {"currency": "ngn"},
        {"reference": "op_2"},
        {"operation": "capture"},
        {"id": None},
        {"error": {"code": "internal_error"}},
        {"error": {"code": "reference_conflict"}, "status": 409},
        {"error": {"code": "invalid_request"}, "status": 500},
        {"error": "invalid_request", "status": 400},
        {"error": [], "status": 400},
    ],
)
def test_whatever_is_not_a_clear_yes_or_no_is_unknown(changes: dict[str, Any]) -> None:
    assert isinstance(answer(**changes), Unknown)


def test_a_reason_that_is_not_in_the_table_is_kept() -> None:
    outcome = answer(outcome="declined", reason="never_heard_of")
    assert isinstance(outcome, Unknown)
    assert outcome.reason_code == "never_heard_of"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"<html>", b'"yes"'])
@pytest.mark.parametrize("status", [200, 400, 404, 502])
def test_unreadable_bodies_are_unknown_also_to_an_inquiry(status: int, body: bytes) -> None:
    assert isinstance(mapping.outcome(REQUEST, status, body), Unknown)
    assert isinstance(mapping.inquiry_outcome(REQUEST, status, body), Unknown)


def test_only_a_404_with_the_right_code_is_not_found() -> None:
    found = [
        mapping.inquiry_outcome(REQUEST, status, orjson.dumps({"error": {"code": code}}))
        for status, code in ((404, "not_found"), (404, "no_such_route"), (500, "not_found"))
    ]
    assert found[0] == NotFound()
    assert isinstance(found[1], Unknown)
    assert isinstance(found[2], Unknown)


def test_a_failed_inquiry_never_declines_the_operation_it_asks_about() -> None:
    body = orjson.dumps({"error": {"code": "invalid_request"}})
    assert isinstance(mapping.inquiry_outcome(REQUEST, 400, body), Unknown)


def test_merchant_metadata_stays_here() -> None:
    request = OperationRequest(
        Operation.VOID, "op_1", 5, "kes", metadata={"order": "secret", "sandbox_fault": "slow"}
    )
    assert orjson.loads(mapping.request_body(request))["metadata"] == {"sandbox_fault": "slow"}


def test_evidence_is_short_and_holds_no_card_number() -> None:
    assert mapping.scrubbed("card 4242-4242 4242 4242!") == "card [digits]!"
    assert len(mapping.scrubbed("x" * 9_999)) == 120
    assert mapping.scrubbed("a\x00b\n") == "a b "


@pytest.mark.parametrize(
    "between", ["", " ", "\t", "\x00", ".", "  ", " - ", "_", "\u2011", "\u200b"]
)
def test_a_card_number_is_no_evidence_whatever_parts_its_digits(between: str) -> None:
    number = between.join(["4242"] * 4)
    assert mapping.scrubbed(f"card {number}, HTTP 500") == "card [digits], HTTP 500"


def test_core_and_provider_know_the_same_test_methods() -> None:
    known = {method.id.removeprefix("pm_card_") for method in test_methods.all_methods().values()}
    assert known == set(BEHAVIOURS)
    assert {name.removeprefix(PREFIX) for name in all_ibans().values()} == set(DEBITS)


def test_every_reason_of_the_provider_but_the_planted_one_is_in_the_table() -> None:
    assert set(REASONS) - set(mapping.DECLINES) == {"x_issuer_said_something_new"}


def test_test_methods_are_found_by_id_and_token() -> None:
    method = test_methods.find("tok_bypassPending")
    assert method is not None
    assert method is test_methods.find("pm_card_bypassPending")
    assert method.bypass_pending
    assert test_methods.find("pm_card_nobody") is None
    assert all(len(m.last4) == 4 for m in test_methods.all_methods().values())


def test_faults_strike_the_operation_they_name_and_the_authorization_otherwise() -> None:
    text = "slow, timeout_after_effect@capture,no_callback@refund"
    assert read_faults(text, "authorize") == ("slow",)
    assert read_faults(text, "capture") == ("timeout_after_effect",)
    for wrong in ("nonsense", "slow@nowhere", ""):
        with pytest.raises(FaultRefused):
            read_faults(wrong, "authorize")
