"""Kinds of card and IBAN parameters: read into values that neither print nor go into a digest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hazina.api.params.kinds import Fields, Kind
from hazina.refusals import Code, Refusal
from hazina.secrets import Concealed

_SPACES = re.compile(r"[ -]")
_NUMBER = re.compile(r"[0-9]{12,19}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_CVC = re.compile(r"[0-9]{3,4}")


def _digits(value: Any) -> str:
    return str(value) if type(value) in (str, int) else ""


@dataclass(frozen=True, slots=True)
class CardNumber:
    """12 to 19 digits, with spaces or hyphens. Prints as its last four digits."""

    def read(self, value: Any, name: str) -> Concealed:
        digits = _SPACES.sub("", _digits(value)[:40])
        if not _NUMBER.fullmatch(digits):
            raise Refusal(Code.INCORRECT_NUMBER, "Your card number is incorrect.", param=name)
        return Concealed(digits, f"card ending in {digits[-4:]}")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9 -]{12,40}$"}


@dataclass(frozen=True, slots=True)
class Cvc:
    """Three or four digits. Prints as nothing."""

    def read(self, value: Any, name: str) -> Concealed:
        digits = _digits(value)[:8]
        if not _CVC.fullmatch(digits):
            message = "Your card's security code is invalid."
            raise Refusal(Code.INVALID_CVC, message, param=name)
        return Concealed(digits)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]{3,4}$"}


@dataclass(frozen=True, slots=True)
class Iban:
    """Two letters, two check digits, and up to thirty characters. Prints as its last four."""

    def read(self, value: Any, name: str) -> Concealed:
        iban = _SPACES.sub("", value[:60]).upper() if type(value) is str else ""
        if not _IBAN.fullmatch(iban):
            message = "The IBAN you provided is invalid: send its country, digits and letters."
            raise Refusal(Code.INVALID_BANK_ACCOUNT_IBAN, message, param=name)
        return Concealed(iban, f"IBAN ending in {iban[-4:]}")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[A-Za-z]{2}[0-9]{2}[A-Za-z0-9 -]{11,40}$"}


@dataclass(frozen=True, slots=True)
class Part:
    """A month or a year of an expiry: digits, judged later, when today is known."""

    code: Code
    what: str

    def read(self, value: Any, name: str) -> int:
        digits = _digits(value)[:8]
        if not (digits.isascii() and digits.isdigit()):
            message = f"Your card's expiration {self.what} is invalid."
            raise Refusal(self.code, message, param=name)
        return int(digits)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 0}


MONTH = Part(Code.INVALID_EXPIRY_MONTH, "month")
YEAR = Part(Code.INVALID_EXPIRY_YEAR, "year")


@dataclass(frozen=True, slots=True)
class IdOrCard:
    """A token's id, or a card in its place."""

    identifier: Kind
    card: Fields

    def read(self, value: Any, name: str) -> Any:
        kind = self.card if isinstance(value, dict) else self.identifier
        return kind.read(value, name)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": 255}


def digested(value: Any) -> Any:
    """Return what stands for a concealed value in the digest of a request."""
    if isinstance(value, Concealed):
        return value.shown
    raise TypeError
