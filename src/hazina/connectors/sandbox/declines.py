"""The sandbox provider's reasons beside our words. As of 2026-01; a reason not here is unknown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """What the caller is told for one of the provider's reasons."""

    code: str
    decline_code: str
    message: str


_DECLINED = "Your card was declined."
_PROCESSING = "An error occurred while processing your card. Try again in a little bit."

DECLINES: dict[str, Decline] = {
    "generic_decline": Decline("card_declined", "generic_decline", _DECLINED),
    "do_not_honor": Decline("card_declined", "do_not_honor", _DECLINED),
    "insufficient_funds": Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds."
    ),
    "lost_card": Decline("card_declined", "lost_card", _DECLINED),
    "stolen_card": Decline("card_declined", "stolen_card", _DECLINED),
    "expired_card": Decline("expired_card", "expired_card", "Your card has expired."),
    "incorrect_cvc": Decline(
        "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."
    ),
    "incorrect_number": Decline(
        "incorrect_number", "incorrect_number", "Your card number is incorrect."
    ),
    "processing_error": Decline("processing_error", "processing_error", _PROCESSING),
    "velocity_exceeded": Decline(
        "card_declined",
        "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its "
        "amount limit.",
    ),
    "suspected_fraud": Decline("card_declined", "fraudulent", _DECLINED),
    "authentication_failed": Decline(
        "payment_intent_authentication_failure",
        "authentication_failed",
        "The customer did not complete the authentication. Provide a payment method and confirm "
        "again.",
    ),
    "authentication_required": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
    "debit_refused": Decline(
        "payment_method_provider_decline",
        "generic_decline",
        "The customer's bank refused the debit.",
    ),
    "debit_not_covered": Decline(
        "insufficient_funds",
        "insufficient_funds",
        "The customer's account has insufficient funds to cover this payment.",
    ),
    "debit_above_limit": Decline(
        "charge_exceeds_transaction_limit",
        "charge_exceeds_transaction_limit",
        "The payment exceeds the limit of a single debit of this account.",
    ),
    "debits_above_weekly_limit": Decline(
        "charge_exceeds_source_limit",
        "charge_exceeds_source_limit",
        "The payment exceeds what may be debited from this account in a week.",
    ),
    "refund_failed": Decline(
        "processing_error",
        "expired_or_canceled_card",
        "The card's bank could not take the refund.",
    ),
    # The provider's own bounds. They mean that nothing was done.
    "capture_exceeds_authorization": Decline(
        "processing_error", "processing_error", "The provider refused to capture this amount."
    ),
    "refund_exceeds_capture": Decline(
        "processing_error", "processing_error", "The provider refused to refund this amount."
    ),
    "authorization_voided": Decline(
        "processing_error", "processing_error", "The authorization was voided at the provider."
    ),
    "authorization_not_approved": Decline(
        "processing_error", "processing_error", "The provider holds no approved authorization."
    ),
    "already_captured": Decline(
        "processing_error", "processing_error", "The authorization was captured at the provider."
    ),
    "no_such_authorization": Decline(
        "processing_error", "processing_error", "The provider knows no such authorization."
    ),
    "currency_mismatch": Decline(
        "processing_error", "processing_error", "The provider refused this currency."
    ),
}

REFUSED_BEFORE_EFFECT: dict[str, Decline] = {
    "invalid_request": Decline("processing_error", "processing_error", _PROCESSING),
}
"""Error codes of a 4xx answer that the provider documents as: nothing was done."""
