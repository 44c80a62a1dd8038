"""The six outcomes of asking a provider for something."""

from __future__ import annotations

from hazina.values import value


@value
class NetworkDetails:
    """What the card network and the issuer said, kept apart from our decline code."""

    network_code: str | None = None
    """ISO 8583 field 39, as the issuer sent it."""
    advice_code: str | None = None
    """The network's retry advice."""
    reason_code: str | None = None
    """The provider's own code, verbatim."""
    authorization_code: str | None = None


@value
class Approved:
    """The provider did it, for this amount and currency, as echoed by the provider."""

    amount_minor: int
    currency: str
    provider_reference: str
    network: NetworkDetails = NetworkDetails()


@value
class Declined:
    """The provider or the issuer said no; nothing happened."""

    decline_code: str
    message: str
    network: NetworkDetails = NetworkDetails()
    provider_reference: str | None = None
    code: str = "card_declined"
    """The public error code: card_declined, expired_card, incorrect_cvc, processing_error ..."""


@value
class Pending:
    """The provider has it and will say later."""

    provider_reference: str | None = None


@value
class ActionRequired:
    """The customer must act first (3-D Secure): send them to this address."""

    redirect_url: str
    provider_reference: str | None = None


@value
class NotSent:
    """Proved never to have reached the provider (refused connection, open breaker)."""

    reason: str
    too_late: bool = False
    """Whether it was we who came to it too late to send it safely; the provider may be fine."""


@value
class Unknown:
    """Nobody can say yet whether it happened. `reason` keeps the evidence, scrubbed."""

    reason: str
    reason_code: str | None = None


@value
class NotFound:
    """An inquiry's answer only: the provider knows no such reference.

    It proves that nothing happened only where the connector declares it definitive, and only
    after the connector's window.
    """


Outcome = Approved | Declined | Pending | ActionRequired | NotSent | Unknown
InquiryOutcome = Outcome | NotFound


def evidence(outcome: Outcome | NotFound) -> str:
    """Return what is known, in a few words, to be kept and shown."""
    match outcome:
        case Unknown():
            return (
                f"{outcome.reason} ({outcome.reason_code})"
                if outcome.reason_code
                else (outcome.reason)
            )
        case NotSent():
            return outcome.reason
        case NotFound():
            return "the provider does not know the reference"
        case Pending():
            return "the provider has not decided yet"
        case _:
            return type(outcome).__name__
