"""The test cards that a customer cannot keep: their bank says no as soon as it is asked."""

from __future__ import annotations

from hazina.refusals import Code, Refusal

_DECLINED = "Your card was declined."
_ANSWERS: dict[str, tuple[Code, str | None, str]] = {
    "chargeDeclined": (Code.CARD_DECLINED, "generic_decline", _DECLINED),
    "chargeDeclinedInsufficientFunds": (
        Code.CARD_DECLINED, "insufficient_funds", "Your card has insufficient funds.",
    ),
    "chargeDeclinedLostCard": (Code.CARD_DECLINED, "lost_card", _DECLINED),
    "chargeDeclinedStolenCard": (Code.CARD_DECLINED, "stolen_card", _DECLINED),
    "chargeDeclinedVelocityLimitExceeded": (
        Code.CARD_DECLINED, "card_velocity_exceeded", _DECLINED,
    ),
    "chargeDeclinedExpiredCard": (Code.EXPIRED_CARD, None, "Your card has expired."),
    "chargeDeclinedIncorrectCvc": (
        Code.INCORRECT_CVC, None, "Your card's security code is incorrect.",
    ),
    "chargeDeclinedProcessingError": (
        Code.PROCESSING_ERROR, None,
        "An error occurred while processing your card. Try again in a little bit.",
    ),
}  # fmt: skip


def check_keepable(behaviour: str) -> None:
    """Refuse as the bank would to give a customer the test card that behaves like this.

    Refuses `card_declined`, `expired_card`, `incorrect_cvc` and `processing_error`.
    """
    answer = _ANSWERS.get(behaviour.removeprefix("pm_card_").removeprefix("visa_"))
    if answer is None:
        return
    code, decline_code, message = answer
    raise Refusal(
        code, message, details={} if decline_code is None else {"decline_code": decline_code}
    )
