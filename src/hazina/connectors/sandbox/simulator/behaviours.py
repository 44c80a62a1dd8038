"""What the provider does for each test payment method: its own table, keyed by name."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How payments with one test method go."""

    decline: str | None = None
    """The provider's reason; None approves."""
    challenge: bool = False
    """Whether the cardholder must authenticate first."""
    refund: str = "approved"
    """approved, pending (succeeds later) or fails_later (approved first, fails afterwards)."""
    verifies: bool = False
    """Whether the bank agrees to later payments, all of which it then declines."""
    settles_after_ms: int = 0
    """How long a bank takes for a debit; 0 is an answer at once."""

    def when_set_up(self) -> Behaviour:
        """Return how a verification goes, for no money."""
        return replace(self, decline=None) if self.verifies else self


@dataclass(frozen=True, slots=True)
class Reason:
    """What the issuer's side says with a decline: ISO 8583 field 39 and the network's advice."""

    network_code: str | None
    advice_code: str | None = None


REASONS: dict[str, Reason] = {
    "generic_decline": Reason("05", "02"),
    "do_not_honor": Reason("05", "02"),
    "insufficient_funds": Reason("51", "02"),
    "lost_card": Reason("41", "03"),
    "stolen_card": Reason("43", "03"),
    "expired_card": Reason("54", "01"),
    "incorrect_cvc": Reason("82", "01"),
    "incorrect_number": Reason("14", "01"),
    "processing_error": Reason("96", "02"),
    "velocity_exceeded": Reason("65", "02"),
    "suspected_fraud": Reason("59", "03"),
    "authentication_failed": Reason(None),
    "authentication_required": Reason("1A", "02"),
    # Of debits: what SEPA banks return (ISO 20022 external status reasons).
    "debit_refused": Reason("MS03"),
    "debit_not_covered": Reason("AM04"),
    "debit_above_limit": Reason("AM02"),
    "debits_above_weekly_limit": Reason("AM14"),
    "refund_failed": Reason("54"),
    "capture_exceeds_authorization": Reason(None),
    "refund_exceeds_capture": Reason(None),
    "authorization_voided": Reason(None),
    "authorization_not_approved": Reason(None),
    "already_captured": Reason(None),
    "no_such_authorization": Reason(None),
    "currency_mismatch": Reason(None),
    "x_issuer_said_something_new": Reason("ZZ"),
}

_APPROVES = Behaviour()
_BRANDS = (
    "visa visa_debit visa_prepaid visa_cartesBancaires mastercard mastercard_debit "
    "mastercard_prepaid mastercard_cartesBancaires amex discover diners jcb unionpay "
    "amex_threeDSecureNotSupported"
)
_COUNTRIES = (
    "us ar br ca cl co cr ec mx pa py pe uy ae at be bg by hr cy cz dk ee fi fr de gi gr hu ie it "
    "lv li lt lu mt nl no pl pt ro sa si sk es se ch gb gb_debit au cn hk in jp my nz sg tw "
    "th_credit th_debit"
)
_APPROVED_WITH_A_STORY_AFTERWARDS = (
    "createDispute createDisputeProductNotReceived createDisputeInquiry createMultipleDisputes "
    "createIssuerFraudRecord bypassPending bypassPendingInternational riskLevelElevated "
    "cvcCheckFail avsFail avsZipFail avsLine1Fail avsUnchecked threeDSecureOptional "
    "authenticationRequiredSetupForOffSession"
)
_DECLINES = {
    "chargeDeclined": "generic_decline",
    "chargeDeclinedInsufficientFunds": "insufficient_funds",
    "chargeDeclinedLostCard": "lost_card",
    "chargeDeclinedStolenCard": "stolen_card",
    "chargeDeclinedExpiredCard": "expired_card",
    "chargeDeclinedIncorrectCvc": "incorrect_cvc",
    "chargeDeclinedProcessingError": "processing_error",
    "chargeDeclinedFraudulent": "suspected_fraud",
    "chargeDeclinedVelocityLimitExceeded": "velocity_exceeded",
}

BEHAVIOURS: dict[str, Behaviour] = {
    **dict.fromkeys(
        f"{_BRANDS} {_COUNTRIES} {_APPROVED_WITH_A_STORY_AFTERWARDS}".split(), _APPROVES
    ),
    **{name: Behaviour(decline=reason) for name, reason in _DECLINES.items()},
    **{f"visa_{name}": Behaviour(decline=reason) for name, reason in _DECLINES.items()},
    "chargeCustomerFail": Behaviour(decline="generic_decline", verifies=True),
    "radarBlock": Behaviour(decline="suspected_fraud"),
    "riskLevelHighest": Behaviour(decline="suspected_fraud"),
    "threeDSecureOptionalProcessingError": Behaviour(decline="processing_error"),
    "authenticationRequired": Behaviour(challenge=True),
    "authenticationRequiredOnSetup": Behaviour(challenge=True),
    "threeDSecureRequired": Behaviour(challenge=True),
    "threeDSecure2Required": Behaviour(challenge=True),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Behaviour(
        decline="insufficient_funds", challenge=True, verifies=True
    ),
    "threeDSecureRequiredChargeDeclined": Behaviour(decline="generic_decline", challenge=True),
    "threeDSecureRequiredProcessingError": Behaviour(decline="processing_error", challenge=True),
    "pendingRefund": Behaviour(refund="pending"),
    "refundFail": Behaviour(refund="fails_later"),
}


_SOON_MS, _LATER_MS = 1_000, 180_000
DEBITS: dict[str, Behaviour] = {
    "success": Behaviour(settles_after_ms=_SOON_MS),
    "successDelayed": Behaviour(settles_after_ms=_LATER_MS),
    "failed": Behaviour(decline="debit_refused", settles_after_ms=_SOON_MS),
    "failedDelayed": Behaviour(decline="debit_refused", settles_after_ms=_LATER_MS),
    "disputed": Behaviour(settles_after_ms=_SOON_MS),
    "exceedsWeeklyVolumeLimit": Behaviour(
        decline="debits_above_weekly_limit", settles_after_ms=_SOON_MS
    ),
    "exceedsWeeklyTransactionLimit": Behaviour(
        decline="debit_above_limit", settles_after_ms=_SOON_MS
    ),
    "insufficientFunds": Behaviour(decline="debit_not_covered", settles_after_ms=_SOON_MS),
}
"""Debits of bank accounts, by what their IBAN stands for."""


def behaviour_of(method: str) -> Behaviour | None:
    """Return how `pm_card_visa` or `tok_visa` behaves; None for a method it does not know."""
    for prefix in ("pm_card_", "tok_"):
        if method.startswith(prefix):
            return BEHAVIOURS.get(method[len(prefix) :])
    if method.startswith("pm_sepa_debit_"):
        return DEBITS.get(method.removeprefix("pm_sepa_debit_"))
    return None
