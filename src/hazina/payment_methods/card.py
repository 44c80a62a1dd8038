"""A card as it is kept: what may be shown of it and the test behaviour it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from hazina.payment_methods import test_numbers
from hazina.payment_methods.test_methods import TestMethod
from hazina.refusals import Code, Refusal
from hazina.secrets import Concealed, keyed_hash

_YEARS_MAX = 50
_CVC_LENGTHS = {"amex": 4}


@dataclass(frozen=True, slots=True)
class Card:
    """One card. There is no field for a number or a security code, and there must never be one.

    `behaviour` is the test method whose name the provider is given.
    """

    behaviour: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    funding: str
    country: str
    fingerprint: str
    three_d_secure: bool = True
    cvc_check: str | None = None

    def details(self) -> dict[str, Any]:
        """Return what a charge keeps to show of the card."""
        return {
            "brand": self.brand, "country": self.country, "exp_month": self.exp_month,
            "exp_year": self.exp_year, "fingerprint": self.fingerprint,
            "funding": self.funding, "last4": self.last4,
        }  # fmt: skip


class Fingerprints:
    """Tells that two cards are one without telling which: HMAC with the pepper, per account."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def of(self, account_id: str, method: TestMethod) -> str:
        """Return 16 letters and digits, the same for the same card of the same account."""
        secret = f"card {account_id} {test_numbers.identity(method)}"
        return keyed_hash(self._pepper, secret).hex()[:16]

    def of_number(self, account_id: str, number: str) -> str:
        """Return the same for a number as for the test method that has it."""
        return keyed_hash(self._pepper, f"card {account_id} {number}").hex()[:16]

    def of_iban(self, account_id: str, iban: str) -> str:
        """Return the same for the same bank account of the same account."""
        return keyed_hash(self._pepper, f"iban {account_id} {iban}").hex()[:16]


def card_of(method: TestMethod, fingerprint: str) -> Card:
    """Return the card behind a well-known test method."""
    return Card(
        behaviour=method.id, brand=method.brand, last4=method.last4, exp_month=method.exp_month,
        exp_year=method.exp_year, funding=method.funding, country=method.country,
        fingerprint=fingerprint, three_d_secure=method.three_d_secure,
    )  # fmt: skip


def cvc_check(behaviour: str) -> str:
    """Return what the bank of the test card that behaves like this says of its security code."""
    return "fail" if behaviour == "pm_card_cvcCheckFail" else "pass"


def card_from_number(
    given: Mapping[str, Any], account_id: str, fingerprints: Fingerprints, now: datetime
) -> Card:
    """Return the card whose number, expiry and security code a client sent, in test mode.

    Refuses `incorrect_number`, `card_declined` (a number that is no test number),
    `invalid_expiry_month`, `invalid_expiry_year` and `invalid_cvc`.
    """
    number: Concealed = given["number"]
    if not test_numbers.passes_luhn(number.value):
        raise _refusal(Code.INCORRECT_NUMBER, "Your card number is incorrect.", "number")
    method = test_numbers.find(number.value)
    if method is None:
        raise Refusal(
            Code.CARD_DECLINED,
            "Your card was declined. Your request was in test mode, but used a non test card. "
            "Use one of the public test card numbers, such as the one that ends in 4242.",
            param="card[number]",
            details={"decline_code": "test_mode_live_card"},
        )
    month, year = checked_expiry(given.get("exp_month"), given.get("exp_year"), now)
    cvc: Concealed | None = given.get("cvc")
    if cvc is not None and len(cvc.value) != _CVC_LENGTHS.get(method.brand, 3):
        raise _refusal(Code.INVALID_CVC, "Your card's security code is invalid.", "cvc")
    return replace(
        card_of(method, fingerprints.of_number(account_id, number.value)),
        last4=number.value[-4:], exp_month=month, exp_year=year,
        cvc_check=None if cvc is None else "unchecked",
    )  # fmt: skip


def checked_expiry(month: int | None, year: int | None, now: datetime) -> tuple[int, int]:
    """Return month and four-digit year of a card that has not expired.

    Refuses `invalid_expiry_month` and `invalid_expiry_year`.
    """
    if month is None or not 1 <= month <= 12:
        raise _refusal(
            Code.INVALID_EXPIRY_MONTH, "Your card's expiration month is invalid.", "exp_month"
        )
    if year is not None and year < 100:
        year += now.year - now.year % 100
    if year is None or not now.year <= year <= now.year + _YEARS_MAX:
        raise _refusal(
            Code.INVALID_EXPIRY_YEAR, "Your card's expiration year is invalid.", "exp_year"
        )
    if year == now.year and month < now.month:
        raise _refusal(
            Code.INVALID_EXPIRY_MONTH, "Your card's expiration month is invalid.", "exp_month"
        )
    return month, year


def to_json(card: Card) -> dict[str, Any]:
    """Return what is stored of a card."""
    return asdict(card)


def from_json(stored: Mapping[str, Any]) -> Card:
    """Read a stored card."""
    return Card(**stored)


def _refusal(code: Code, message: str, name: str) -> Refusal:
    return Refusal(code, message, param=f"card[{name}]")
