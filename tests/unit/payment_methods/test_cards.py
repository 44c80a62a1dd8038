"""Cards from test numbers: what they stand for, what is kept of them, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from hazina.connectors.sandbox.simulator.behaviours import behaviour_of
from hazina.payment_methods.card import (
    Card,
    Fingerprints,
    card_from_number,
    card_of,
    checked_expiry,
    to_json,
)
from hazina.payment_methods.test_methods import all_methods
from hazina.payment_methods.test_numbers import all_numbers, find, passes_luhn
from hazina.refusals import Code, Refusal
from hazina.secrets import Concealed

NOW = datetime(2026, 5, 17, tzinfo=UTC)
PRINTS = Fingerprints(b"pepper")


@pytest.mark.parametrize("number", all_numbers())
def test_each_test_number_makes_a_card_that_the_provider_knows(number: str) -> None:
    given = {"number": Concealed(number), "exp_month": 5, "exp_year": 26}
    card = card_from_number(given, "acct_1", PRINTS, NOW)

    assert passes_luhn(number)
    assert behaviour_of(card.behaviour) is not None
    assert card.last4 == number[-4:]
    assert (card.exp_month, card.exp_year) == (5, 2026)
    assert number not in str(to_json(card))


def test_a_card_has_no_place_for_a_number_or_a_security_code() -> None:
    assert {field.name for field in fields(Card)}.isdisjoint({"number", "cvc", "pan"})


def test_a_concealed_value_does_not_print() -> None:
    shown = f"{Concealed('4242424242424242')!r} {Concealed('123', 'shown')}"
    assert shown == "(concealed) shown"


def test_a_fingerprint_tells_cards_apart_within_an_account_and_nothing_across() -> None:
    visa, other = find("4242424242424242"), find("5555555555554444")
    assert visa is not None
    assert other is not None
    one = PRINTS.of("acct_1", visa)
    assert one == PRINTS.of_number("acct_1", "4242424242424242")
    assert one not in {
        PRINTS.of("acct_2", visa), PRINTS.of("acct_1", other),
        Fingerprints(b"another").of("acct_1", visa),
    }  # fmt: skip


def test_every_well_known_method_is_a_card() -> None:
    for method in all_methods().values():
        assert card_of(method, "print").behaviour == method.id


@pytest.mark.parametrize(
    ("month", "year", "code"),
    [
        (0, 2030, Code.INVALID_EXPIRY_MONTH),
        (13, 2030, Code.INVALID_EXPIRY_MONTH),
        (None, 2030, Code.INVALID_EXPIRY_MONTH),
        (4, 2026, Code.INVALID_EXPIRY_MONTH),
        (12, 2025, Code.INVALID_EXPIRY_YEAR),
        (12, 25, Code.INVALID_EXPIRY_YEAR),
        (12, 2077, Code.INVALID_EXPIRY_YEAR),
        (12, None, Code.INVALID_EXPIRY_YEAR),
        (5, 2026, None),
        (12, 2076, None),
    ],
)
def test_an_expiry_is_refused_by_what_is_wrong_with_it(
    month: int | None, year: int | None, code: Code | None
) -> None:
    if code is None:
        assert checked_expiry(month, year, NOW) == (month, year)
        return
    with pytest.raises(Refusal) as refused:
        checked_expiry(month, year, NOW)
    assert refused.value.code is code
