"""The sandbox connector's part of the conformance suite."""

from __future__ import annotations

import hashlib
import hmac

from hazina.connectors.sandbox.settings import SandboxSettings
from tests.support.simulator import CALLBACK_SECRET, Simulator

APPROVES = "pm_card_visa"
CHALLENGES = "pm_card_authenticationRequired"
CHALLENGES_THEN_DECLINES = "pm_card_threeDSecureRequiredChargeDeclined"
REFUND_PENDING = "pm_card_pendingRefund"
REFUND_FAILS_LATER = "pm_card_refundFail"
DECLINES = {
    # method: (code, decline code, network code, advice code)
    "pm_card_chargeDeclined": ("card_declined", "generic_decline", "05", "02"),
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline", "05", "02"),
    "tok_chargeDeclined": ("card_declined", "generic_decline", "05", "02"),
    "pm_card_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds", "51", "02"),
    "pm_card_chargeDeclinedLostCard": ("card_declined", "lost_card", "41", "03"),
    "pm_card_chargeDeclinedStolenCard": ("card_declined", "stolen_card", "43", "03"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", "expired_card", "54", "01"),
    "pm_card_chargeDeclinedIncorrectCvc": ("incorrect_cvc", "incorrect_cvc", "82", "01"),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", "processing_error", "96", "02"),
    "pm_card_chargeDeclinedFraudulent": ("card_declined", "fraudulent", "59", "03"),
}


def start(callback_url: str) -> Simulator:
    """Return the provider, not yet running."""
    return Simulator(callback_url=callback_url)


def settings(url: str) -> SandboxSettings:
    """Return settings that do not make a test wait."""
    return SandboxSettings(
        url=url, callback_secret=CALLBACK_SECRET, call_timeout_ms=700, not_found_window_ms=2_000
    )


def fault(word: str, operation: str, delay_ms: int = 0) -> dict[str, str]:
    """Return the metadata that asks for this fault."""
    metadata = {"sandbox_fault": f"{word}@{operation}"}
    return {**metadata, "sandbox_delay_ms": str(delay_ms)} if delay_ms else metadata


def signed(body: bytes, at_unix: int, secret: str = CALLBACK_SECRET) -> dict[str, str]:
    """Return the headers of a callback, signed as the provider's manual says."""
    digest = hmac.new(secret.encode(), f"{at_unix}.".encode() + body, hashlib.sha256)
    return {"Sandbox-Signature": f"t={at_unix},v1={digest.hexdigest()}"}


SECRETS = (CALLBACK_SECRET,)
