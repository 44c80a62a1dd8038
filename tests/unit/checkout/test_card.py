"""Reading the card form: every mistake has its sentence, and none repeats what was typed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hazina.checkout_page.card import Card, read

NOW = datetime(2026, 11, 21, tzinfo=UTC)
GOOD = {
    "email": "amina@example.com", "number": "4242 4242 4242 4242", "expiry": "12 / 34",
    "cvc": "123", "name": "Amina Wanjiru", "attempt": "try_0123456789",
}  # fmt: skip


@pytest.mark.parametrize("expiry", ["12 / 34", "12/34", "1234", "12-2034", "12 34"])
def test_a_whole_form_is_read_however_it_is_spaced(expiry: str) -> None:
    entry = read(GOOD | {"expiry": expiry}, ask_email=True, now=NOW)
    assert entry.errors == {}
    assert entry.card == Card("4242424242424242", 12, 2034, "123")
    assert "4242" not in repr(entry)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "wanjiru"), ("email", ""), ("number", ""), ("number", "4242424242424241"),
        ("number", "4242"), ("number", "４２４２424242424242"), ("expiry", "13/34"),
        ("expiry", "10/26"), ("expiry", "soon"), ("cvc", "12"), ("cvc", "12a"), ("name", ""),
        ("name", "4242 4242 4242 4242"), ("attempt", "<x>"), ("attempt", ""),
    ],
)  # fmt: skip
def test_each_mistake_is_told_at_its_field_without_repeating_it(field: str, value: str) -> None:
    entry = read(GOOD | {field: value}, ask_email=True, now=NOW)
    assert list(entry.errors) == ["form" if field == "attempt" else field]
    assert entry.card is None
    if len(value) > 3:
        assert value not in "".join(entry.errors.values())


def test_an_address_that_is_known_is_not_asked_for() -> None:
    entry = read({k: v for k, v in GOOD.items() if k != "email"}, ask_email=False, now=NOW)
    assert (entry.errors, entry.email) == ({}, None)
