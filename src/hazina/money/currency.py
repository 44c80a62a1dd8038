"""Currencies: ISO 4217 exponents, the smallest and largest amounts that may be charged."""

from __future__ import annotations

from functools import cache

from iso4217 import Currency as _Iso

from hazina.refusals import Code, Refusal

AMOUNT_MINOR_MAX = 99_999_999
"""Eight digits, as Stripe documents for a card payment."""

_MINIMUM_MINOR = {
    "usd": 50, "eur": 50, "gbp": 30, "aud": 50, "cad": 50, "chf": 50, "jpy": 50, "dkk": 250,
    "nok": 300, "sek": 300, "nzd": 50, "sgd": 50, "hkd": 400, "mxn": 1000, "brl": 50, "pln": 200,
    "inr": 50, "huf": 17500, "czk": 1500, "ron": 200, "aed": 200, "myr": 200, "thb": 1000,
}  # fmt: skip
"""Smallest charge in minor units, from docs.stripe.com/currencies; others take 1."""


@cache
def exponent(currency: str) -> int:
    """Return the number of decimal digits of a lower-case currency code (ISO 4217).

    Refuses `currency_invalid` for a code that is not a currency.
    """
    try:
        found = _Iso(currency.upper()).exponent
    except ValueError:
        found = None
    if found is None or currency != currency.lower():
        raise Refusal(
            Code.CURRENCY_INVALID,
            "Invalid currency: use a three-letter lower-case ISO 4217 code such as kes or usd.",
            param="currency",
        )
    return int(found)


@cache
def number(currency: str) -> int:
    """Return the ISO 4217 number of a lower-case currency code: 404 for kes.

    Refuses `currency_invalid`.
    """
    exponent(currency)
    return int(_Iso(currency.upper()).number)


@cache
def by_number(iso_number: int) -> str:
    """Return the lower-case code of the currency that has this ISO 4217 number."""
    return next(str(known.code).lower() for known in _Iso if known.number == iso_number)


def check_charge(amount_minor: int, currency: str) -> None:
    """Refuse an amount that cannot be charged in this currency.

    Refuses `currency_invalid`, `amount_too_small`, `amount_too_large`, and what `check_last_digit`
    refuses.
    """
    check_last_digit(amount_minor, currency, "amount")
    smallest = _MINIMUM_MINOR.get(currency, 1)
    if amount_minor < smallest:
        raise Refusal(
            Code.AMOUNT_TOO_SMALL,
            f"Amount must be at least {smallest} in the minor unit of {currency}.",
            param="amount",
        )
    if amount_minor > AMOUNT_MINOR_MAX:
        raise Refusal(
            Code.AMOUNT_TOO_LARGE,
            f"Amount must be no more than {AMOUNT_MINOR_MAX} in the minor unit of {currency}.",
            param="amount",
        )


def check_last_digit(amount_minor: int, currency: str, param: str) -> None:
    """Refuse `parameter_invalid_integer` for a third decimal that cards do not carry.

    In currencies of three decimals (KWD) the last digit must be 0: docs.stripe.com/currencies.
    """
    if exponent(currency) == 3 and amount_minor % 10:
        low = amount_minor - amount_minor % 10
        raise Refusal(
            Code.PARAMETER_INVALID_INTEGER,
            f"Amounts in {currency} must end in 0, since cards carry two of its three decimals. "
            f"Send {low} or {low + 10} instead of {amount_minor}.",
            param=param,
        )


def formatted(amount_minor: int, currency: str) -> str:
    """Return an amount for people: `1,250.00 KES`."""
    digits = exponent(currency)
    whole, part = divmod(abs(amount_minor), 10**digits)
    sign = "-" if amount_minor < 0 else ""
    decimals = f".{part:0{digits}d}" if digits else ""
    return f"{sign}{whole:,}{decimals} {currency.upper()}"
