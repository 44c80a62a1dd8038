"""Waiting for a customer's bank transfer: whom to pay, shown on the intent.

No provider is asked and nothing is booked: there is no attempt until money arrives. The accounts
are of no bank. They are made from the customer's id, so that one always pays to the same account.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from hazina.merchants.merchant import Merchant
from hazina.payments.accepting import transfer_options
from hazina.payments.draft import Draft
from hazina.payments.intent import Intent, IntentStatus
from hazina.payments.view import intent_view
from hazina.values import replace

_BANK = "Hazina test bank"
_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_REFERENCE_LENGTH = 12


def awaited(draft: Draft, intent: Intent) -> Intent:
    """Return the intent that waits for its transfer, and announce it; the caller writes it."""
    waiting = replace(
        intent, status=IntentStatus.REQUIRES_ACTION, revision=intent.revision + 1,
        last_payment_error=None, unknown=None,
        next_action={
            "type": "display_bank_transfer_instructions",
            "display_bank_transfer_instructions": instructions(draft.merchant, intent),
        },
    )  # fmt: skip
    draft.event("payment_intent.requires_action", waiting, intent_view)
    return waiting


def instructions(merchant: Merchant, intent: Intent) -> dict[str, Any]:
    """Render what the customer must know to pay an intent that was checked for it."""
    assert intent.customer is not None
    transfer = transfer_options(intent)["bank_transfer"]
    kind: str = transfer["type"]
    country = (transfer.get(kind) or {}).get("country", "")
    digits = str(int(sha256(f"{kind} {country} {intent.customer}".encode()).hexdigest(), 16))
    accounts = _ACCOUNTS[kind](digits[-20:], country)
    return {
        "amount_remaining": intent.amount, "currency": intent.currency,
        "financial_addresses": [_address(merchant, *account) for account in accounts],
        "hosted_instructions_url": None,
        "reference": intent.id[-_REFERENCE_LENGTH:].upper(), "type": kind,
    }  # fmt: skip


_Account = tuple[str, list[str], str, dict[str, str]]
"""Type, networks, country and numbers of one account."""


def _address(
    merchant: Merchant, kind: str, networks: list[str], country: str, numbers: dict[str, str]
) -> dict[str, Any]:
    about = {
        "account_holder_address": _ADDRESS | {"country": merchant.country},
        "account_holder_name": merchant.business_name,
        "bank_address": _ADDRESS | {"country": country},
    }
    return {"type": kind, "supported_networks": networks, kind: about | numbers}


_IN_IBAN = {
    "BE": ("", 12), "DE": ("", 18), "ES": ("", 20), "FR": ("", 23), "IE": ("TEST", 18),
    "NL": ("TEST", 14),
}  # fmt: skip
"""How a country's account numbers begin, where with letters, and how long they are (ISO 13616)."""


def _eu(digits: str, country: str) -> list[_Account]:
    letters, length = _IN_IBAN[country]
    rest = letters + digits[-10:].rjust(length - len(letters), "0")
    check = 98 - int("".join(str(int(each, 36)) for each in f"{rest}{country}00")) % 97
    numbers = {"bic": f"TEST{country}00", "country": country, "iban": f"{country}{check:02}{rest}"}
    return [("iban", ["sepa"], country, numbers)]


def _gb(digits: str, _: str) -> list[_Account]:
    return [
        ("sort_code", ["bacs", "fps"], "GB",
         {"account_number": digits[-8:], "sort_code": "000000"}),
    ]  # fmt: skip


def _jp(digits: str, _: str) -> list[_Account]:
    numbers = {
        "account_number": digits[-7:], "account_type": "futsu", "bank_code": "0000",
        "bank_name": _BANK, "branch_code": "000", "branch_name": "Test",
    }  # fmt: skip
    return [("zengin", ["zengin"], "JP", numbers)]


def _mx(digits: str, _: str) -> list[_Account]:
    rest = f"000000{digits[-11:]}"
    weighted = (int(digit) * (3, 7, 1)[place % 3] % 10 for place, digit in enumerate(rest))
    clabe = f"{rest}{-sum(weighted) % 10}"
    return [("spei", ["spei"], "MX", {"bank_code": "000", "bank_name": _BANK, "clabe": clabe})]


def _us(digits: str, _: str) -> list[_Account]:
    numbers = {"account_number": digits[-10:], "account_type": "checking", "bank_name": _BANK}
    return [
        ("aba", ["ach", "domestic_wire_us"], "US", numbers | {"routing_number": "000000000"}),
        ("swift", ["swift"], "US", numbers | {"swift_code": "TESTUS00"}),
    ]


_ACCOUNTS: dict[str, Callable[[str, str], list[_Account]]] = {
    "eu_bank_transfer": _eu, "gb_bank_transfer": _gb, "jp_bank_transfer": _jp,
    "mx_bank_transfer": _mx, "us_bank_transfer": _us,
}  # fmt: skip
