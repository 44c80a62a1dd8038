"""The card that a visitor typed: read, checked and handed on; never kept, logged or shown again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from hazina.merchants.merchant import Caller
from hazina.payment_methods.service import PaymentMethods
from hazina.payment_methods.test_numbers import passes_luhn
from hazina.refusals import Code, Refusal
from hazina.secrets import Concealed

_DIGITS = re.compile(r"[0-9]{12,19}")
_EXPIRY = re.compile(r"([0-9]{1,2})\s*[/\-. ]?\s*((?:20)?[0-9]{2})")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ATTEMPT = re.compile(r"[a-z0-9_]{8,64}")
_LENGTH_MAX = 250


@dataclass(frozen=True, slots=True)
class Card:
    """A card in memory for the length of one request; its text form shows nothing of it."""

    number: str = field(repr=False)
    exp_month: int = field(repr=False)
    exp_year: int = field(repr=False)
    cvc: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a visitor sent, read. `errors` maps a field to a sentence; with any, `card` is None."""

    email: str | None
    name: str
    attempt: str
    card: Card | None
    errors: Mapping[str, str]


async def kept(
    methods: PaymentMethods, caller: Caller, card: Card, name: str, email: str | None
) -> str:
    """Hand the card to payment methods and return the id of the one that was made.

    Refuses what they refuse, with the parameter that `FIELD_OF_PARAM` gives a field for.
    """
    params: dict[str, Any] = {
        "type": "card",
        "card": {
            "number": Concealed(card.number), "exp_month": card.exp_month,
            "exp_year": card.exp_year, "cvc": Concealed(card.cvc),
        },
        "billing_details": {"name": name, **({"email": email} if email else {})},
    }  # fmt: skip
    answer = await methods.create(caller, params, None)
    body: dict[str, Any] = orjson.loads(answer.body)
    if answer.code is not None:
        error = body["error"]
        raise Refusal(Code(answer.code), error["message"], param=error.get("param"))
    return str(body["id"])


def read(fields: Mapping[str, str], *, ask_email: bool, now: datetime) -> Entry:
    """Read the form. Every sentence says what to do, and repeats nothing that was typed."""
    errors: dict[str, str] = {}
    email = fields.get("email", "").strip() if ask_email else None
    if ask_email and (not _EMAIL.fullmatch(email or "") or len(email or "") > _LENGTH_MAX):
        errors["email"] = "Enter your e-mail address, such as amina@example.com."
    number = re.sub(r"[\s\-]", "", fields.get("number", ""))
    if not number:
        errors["number"] = "Enter the number on the front of your card."
    elif not _DIGITS.fullmatch(number) or not passes_luhn(number):
        errors["number"] = "Check the card number: it is incomplete or has a wrong digit."
    month, year = _expiry(fields.get("expiry", ""))
    if month is None or year is None:
        errors["expiry"] = "Enter the expiry date as month and year, such as 12 / 34."
    elif (year, month) < (now.year, now.month):
        errors["expiry"] = "This card has expired. Use another card."
    cvc = fields.get("cvc", "").strip()
    if not re.fullmatch(r"[0-9]{3,4}", cvc):
        errors["cvc"] = "Enter the security code: 3 digits on the back, or 4 on the front."
    name = fields.get("name", "").strip()
    if not 2 <= len(name) <= _LENGTH_MAX or _DIGITS.search(re.sub(r"[\s\-]", "", name)):
        errors["name"] = "Enter the name as it stands on the card."
    attempt = fields.get("attempt", "")
    if not _ATTEMPT.fullmatch(attempt):
        errors["form"] = "This form was out of date. Please enter the card again."
    if errors or month is None or year is None:
        return Entry(email, name, attempt, None, errors)
    return Entry(email, name, attempt, Card(number, month, year, cvc), errors)


def _expiry(text: str) -> tuple[int | None, int | None]:
    found = _EXPIRY.fullmatch(text.strip())
    if found is None or not 1 <= int(found[1]) <= 12:
        return None, None
    year = int(found[2])
    return int(found[1]), year if year > 99 else 2000 + year


FIELD_OF_PARAM = {
    "card[number]": "number", "card[exp_month]": "expiry", "card[exp_year]": "expiry",
    "card[cvc]": "cvc",
}  # fmt: skip
"""Which field of the form a refusal about a card belongs to."""
