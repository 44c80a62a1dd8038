"""What may be charged in which currency."""

from __future__ import annotations

import pytest

from hazina.money.currency import check_charge, check_last_digit
from hazina.refusals import Code, Refusal


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", Code.AMOUNT_TOO_SMALL),
        (0, "kes", Code.AMOUNT_TOO_SMALL),
        (100_000_000, "jpy", Code.AMOUNT_TOO_LARGE),
        (1_001, "kwd", Code.PARAMETER_INVALID_INTEGER),
        (9_999_995, "tnd", Code.PARAMETER_INVALID_INTEGER),
        (1_000, "usdollar", Code.CURRENCY_INVALID),
        (1_000, "USD", Code.CURRENCY_INVALID),
    ],
)
def test_what_cannot_be_charged(amount: int, currency: str, code: Code) -> None:
    with pytest.raises(Refusal) as refused:
        check_charge(amount, currency)

    assert refused.value.code is code


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(50, "usd"), (1, "kes"), (99_999_999, "kes"), (51, "jpy"), (1_010, "kwd"), (10, "bhd")],
)
def test_what_can(amount: int, currency: str) -> None:
    check_charge(amount, currency)


def test_the_refusal_of_a_third_decimal_names_what_can_be_sent() -> None:
    with pytest.raises(Refusal) as refused:
        check_last_digit(5_124, "kwd", "amount_to_capture")

    assert "Send 5120 or 5130 instead of 5124." in refused.value.message
    assert refused.value.param == "amount_to_capture"
