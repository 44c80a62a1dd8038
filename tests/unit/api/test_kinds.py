"""Parameters are read into types, and refused in Stripe's words."""

from __future__ import annotations

from typing import Any

import pytest

from hazina.api import forms
from hazina.api.params import charges, others, payment_intents
from hazina.refusals import Code, Refusal

CREATE = payment_intents.CREATE


def refusal(fields: Any, params: dict[str, Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        fields.read(params)
    return caught.value


def test_what_the_command_line_client_sends_is_accepted() -> None:
    body = (
        b"amount=2000&currency=usd&payment_method_types[]=card&payment_method=pm_card_visa"
        b"&confirm=true&capture_method=manual&confirmation_method=manual"
        b"&return_url=https://stripe.com&description=x&shipping[name]=Jenny+Rosen"
        b"&shipping[address][line1]=510+Townsend+St&shipping[address][country]=US"
    )
    read = CREATE.read(forms.decode_form(body))
    assert (read["amount"], read["confirm"]) == (2000, True)
    assert read["shipping"]["address"] == {"line1": "510 Townsend St", "country": "US"}
    assert payment_intents.CANCEL.read({"cancellation_reason": "requested_by_customer"})


@pytest.mark.parametrize(
    "amount",
    ["-1", "0", "1.5", "1e3", " 5", "٥", "abc", str(2**63), "9" * 60, 2**63, -5, True, [], {},
     forms.Fractional("5.0")],
)  # fmt: skip
def test_amounts_that_are_no_positive_integer_are_refused(amount: Any) -> None:
    found = refusal(CREATE, {"amount": amount, "currency": "kes"})
    assert (found.code, found.param) == (Code.PARAMETER_INVALID_INTEGER, "amount")


def test_an_unknown_parameter_is_named() -> None:
    found = refusal(CREATE, {"amount": 1, "currency": "kes", "foo": "1"})
    assert (found.code, found.param) == (Code.PARAMETER_UNKNOWN, "foo")
    assert found.message == "Received unknown parameter: foo"


def test_a_parameter_that_only_stripe_has_is_refused_with_what_to_use() -> None:
    found = refusal(CREATE, {"amount": 1, "currency": "kes", "confirmation_token": "x"})
    assert found.code is Code.NOT_SUPPORTED
    assert "payment_method" in found.message


def test_a_missing_parameter_and_one_that_cannot_be_emptied_are_refused() -> None:
    assert refusal(CREATE, {"currency": "kes"}).code is Code.PARAMETER_MISSING
    assert refusal(CREATE, {"amount": ""}).code is Code.PARAMETER_INVALID_EMPTY
    assert refusal(CREATE, {"amount": None}).code is Code.PARAMETER_INVALID_EMPTY


def test_an_empty_value_unsets_what_can_be_unset() -> None:
    read = payment_intents.UPDATE.read({"description": "", "metadata": {"a": "", "b": "1"}})
    assert read == {"description": None, "metadata": {"a": "", "b": "1"}}
    assert payment_intents.UPDATE.read({"metadata": ""}) == {"metadata": None}


@pytest.mark.parametrize(
    "metadata",
    [{"k" * 41: "1"}, {"a": "v" * 501}, {str(n): "1" for n in range(51)}, {"a": {"b": "1"}}, "x"],
)
def test_metadata_beyond_its_limits_is_refused(metadata: Any) -> None:
    assert refusal(charges.REFUND_UPDATE, {"metadata": metadata}).code is Code.PARAMETER_INVALID


def test_strings_over_the_limit_and_numbers_as_text_are_refused() -> None:
    for text in ("x" * 5001, 5, ["a"], {"a": "b"}):
        found = refusal(others.CUSTOMER_CREATE, {"description": text})
        assert (found.code, found.param) == (Code.PARAMETER_INVALID, "description")


def test_created_is_read_as_bounds() -> None:
    assert others.EVENT_LIST.read({"created": {"gte": "5"}, "limit": "3"}) == {
        "created": {"gte": 5}, "limit": 3,
    }  # fmt: skip
    assert others.EVENT_LIST.read({"created": "7"})["created"] == {"gte": 7, "lte": 7}
    assert refusal(others.EVENT_LIST, {"created": {"foo": "1"}}).code is Code.PARAMETER_UNKNOWN
    assert refusal(others.EVENT_LIST, {"limit": "101"}).param == "limit"


def test_numbered_items_are_a_list() -> None:
    read = others.WEBHOOK_UPDATE.read(forms.decode_form(b"enabled_events[1]=b&enabled_events[0]=a"))
    assert read["enabled_events"] == ["a", "b"]
