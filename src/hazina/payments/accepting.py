"""What an intent accepts to be paid with: the types it names, and what each of them demands."""

from __future__ import annotations

from typing import Any

from hazina.payment_methods.service import Chosen
from hazina.payments.intent import Intent
from hazina.refusals import Code, Refusal

CARD, SEPA_DEBIT, CUSTOMER_BALANCE = "card", "sepa_debit", "customer_balance"
DEFAULT_TYPES = (CARD,)
_NAMES = {SEPA_DEBIT: "SEPA debits", CUSTOMER_BALANCE: "bank transfers"}


def types_of(details: dict[str, Any]) -> list[str]:
    """Return the types of payment method that an intent accepts: cards, unless it names others."""
    return list(details.get("payment_method_types") or DEFAULT_TYPES)


def check_accepted(intent: Intent, chosen: Chosen) -> None:
    """Refuse a payment method of a type that the intent does not accept.

    Refuses `payment_intent_incompatible_payment_method`.
    """
    types = types_of(intent.details)
    if chosen.type not in types:
        raise Refusal(
            Code.PAYMENT_INTENT_INCOMPATIBLE_PAYMENT_METHOD,
            f"The PaymentMethod provided ({chosen.type}) is not allowed for this PaymentIntent. "
            "Provide a PaymentMethod of one of the following types, or name its type in "
            f"payment_method_types: {', '.join(types)}.",
            param="payment_method",
        )


def check_demands(intent: Intent, chosen: Chosen, params: dict[str, Any]) -> None:
    """Refuse to confirm an intent that lacks what its payment method's type demands.

    Refuses `parameter_missing`, `parameter_invalid` and `currency_invalid`.
    """
    check_accepted(intent, chosen)
    if chosen.type != SEPA_DEBIT and "mandate_data" in params:
        raise _invalid("mandate_data", f"a mandate is for {_NAMES[SEPA_DEBIT]} only: leave it out")
    if chosen.type == CARD:
        return
    if intent.captured_by_hand:
        what = f"{_NAMES[chosen.type]} cannot be captured later: send capture_method=automatic"
        raise _invalid("capture_method", what)
    if chosen.type == SEPA_DEBIT:
        _check_debit(intent, params)
    else:
        _check_transfer(intent)


def _check_debit(intent: Intent, params: dict[str, Any]) -> None:
    _check_currency(intent.currency, "eur", SEPA_DEBIT)
    mandate = params.get("mandate_data") or intent.details.get("mandate_data")
    if mandate is None:
        raise _missing(
            "mandate_data",
            "The customer must have accepted a mandate: say how and when with "
            "mandate_data[customer_acceptance].",
        )
    acceptance = mandate["customer_acceptance"]
    if acceptance["type"] == "online" and not acceptance.get("online"):
        raise _missing(
            "mandate_data[customer_acceptance][online]",
            "Send the customer's ip_address and user_agent.",
        )


CURRENCIES = {
    "eu_bank_transfer": "eur", "gb_bank_transfer": "gbp", "jp_bank_transfer": "jpy",
    "mx_bank_transfer": "mxn", "us_bank_transfer": "usd",
}  # fmt: skip
"""The currency of each kind of bank transfer."""


def _check_transfer(intent: Intent) -> None:
    if intent.customer is None:
        raise _missing("customer", "A bank transfer needs a customer to whom it is credited.")
    if intent.details.get("setup_future_usage"):
        raise _invalid("setup_future_usage", "bank transfers cannot be repeated: leave it out")
    options = transfer_options(intent)
    at = f"payment_method_options[{CUSTOMER_BALANCE}]"
    if options.get("funding_type") is None:
        raise _missing(f"{at}[funding_type]", "Send bank_transfer.")
    transfer = options.get("bank_transfer") or {}
    kind = transfer.get("type")
    if kind is None:
        raise _missing(f"{at}[bank_transfer][type]", f"Send one of {', '.join(CURRENCIES)}.")
    _check_currency(intent.currency, CURRENCIES[kind], kind)


def check_transfer_options(intent: Intent) -> None:
    """Refuse a euro transfer that names no country, whenever it is described."""
    kind = "eu_bank_transfer"
    transfer = transfer_options(intent).get("bank_transfer") or {}
    if transfer.get("type") == kind and not transfer.get(kind):
        at = f"payment_method_options[{CUSTOMER_BALANCE}][bank_transfer][{kind}][country]"
        raise _missing(at, "Name the bank account's country.")


def transfer_options(intent: Intent) -> dict[str, Any]:
    """Return what `payment_method_options[customer_balance]` says."""
    options: dict[str, Any] = intent.details.get("payment_method_options") or {}
    return options.get(CUSTOMER_BALANCE) or {}


def _check_currency(currency: str, only: str, what: str) -> None:
    if currency != only:
        raise Refusal(
            Code.CURRENCY_INVALID,
            f"The currency provided ({currency}) cannot be paid by {what}, which takes {only}.",
            param="currency",
        )


def _missing(param: str, hint: str) -> Refusal:
    return Refusal(Code.PARAMETER_MISSING, f"Missing required param: {param}. {hint}", param=param)


def _invalid(param: str, why: str) -> Refusal:
    return Refusal(Code.PARAMETER_INVALID, f"Invalid value for {param}: {why}.", param=param)
