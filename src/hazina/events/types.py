"""Every event type that we record, with the object in its `data` and when it happens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event type: the `object` that it carries, and the moment in words."""

    carries: str
    when: str


RECORDED: dict[str, Recorded] = {
    "account.updated": Recorded(
        "account", "A connected account was changed or rejected; its platform hears of it too."
    ),
    "balance.available": Recorded(
        "balance", "Money became available; told once for all that did so together."
    ),
    "charge.captured": Recorded("charge", "Money that was authorized before has been taken."),
    "charge.expired": Recorded("charge", "It was authorized, not captured, and its time is over."),
    "charge.failed": Recorded("charge", "An attempt ended without money: declined, or failed."),
    "charge.pending": Recorded("charge", "A bank was asked for a debit and takes its time."),
    "charge.refund.updated": Recorded("refund", "As refund.updated, for older clients."),
    "charge.refunded": Recorded("charge", "A refund of the charge succeeded, wholly or in part."),
    "charge.succeeded": Recorded(
        "charge", "The money was authorized, and taken unless capture waits."
    ),
    "charge.updated": Recorded(
        "charge",
        "Its words or its authorized amount changed, or a refund that had succeeded failed.",
    ),
    "checkout.session.completed": Recorded(
        "checkout.session", "Its payment was authorized, and taken unless capture waits."
    ),
    "checkout.session.expired": Recorded(
        "checkout.session", "It ended without a payment; none can be made any more."
    ),
    "customer.created": Recorded("customer", "A customer was made."),
    "customer.deleted": Recorded("customer", "A customer was deleted; the object is the last one."),
    "customer.source.created": Recorded("card", "A customer was given a card, as a source."),
    "customer.source.deleted": Recorded("card", "A source was taken from its customer."),
    "customer.source.updated": Recorded("card", "What is said about a source was changed."),
    "customer.updated": Recorded("customer", "A customer was changed."),
    "hazina.webhook_endpoint.disabled": Recorded(
        "webhook_endpoint", "We disabled an endpoint: it failed for days, or answered 410."
    ),
    "hazina.webhook_endpoint.test": Recorded(
        "webhook_endpoint", "Somebody asked for it, to test an endpoint; it goes to that one alone."
    ),
    "payment_intent.amount_capturable_updated": Recorded(
        "payment_intent", "Money is authorized and waits for its capture."
    ),
    "payment_intent.canceled": Recorded("payment_intent", "It was canceled; nothing is held."),
    "payment_intent.created": Recorded("payment_intent", "It was made."),
    "payment_intent.payment_failed": Recorded(
        "payment_intent", "An attempt failed; another payment method can be tried."
    ),
    "payment_intent.processing": Recorded(
        "payment_intent", "The outcome is not known yet; the provider will be asked."
    ),
    "payment_intent.requires_action": Recorded(
        "payment_intent",
        "The customer must authenticate, or pay by bank transfer, as `next_action` says.",
    ),
    "payment_intent.succeeded": Recorded("payment_intent", "The money has been taken."),
    "payment_method.attached": Recorded("payment_method", "A customer was given it."),
    "payment_method.detached": Recorded(
        "payment_method", "It was taken from its customer; it cannot be used again."
    ),
    "payment_method.updated": Recorded(
        "payment_method", "Billing details, metadata or the card's expiry were changed."
    ),
    "payment_link.created": Recorded("payment_link", "A link was made."),
    "payment_link.updated": Recorded("payment_link", "A link was changed."),
    "price.created": Recorded("price", "A price was made, also inline for a single sale."),
    "price.updated": Recorded("price", "What is said about a price was changed."),
    "product.created": Recorded("product", "A product was made, also inline for a single sale."),
    "product.deleted": Recorded("product", "A product was deleted; the object is the last one."),
    "product.updated": Recorded("product", "A product was changed."),
    "refund.created": Recorded("refund", "A refund was accepted, and may already have succeeded."),
    "refund.failed": Recorded("refund", "The money came back; the merchant has it again."),
    "refund.updated": Recorded("refund", "The refund's status or metadata changed."),
    "setup_intent.canceled": Recorded("setup_intent", "It was canceled."),
    "setup_intent.created": Recorded("setup_intent", "It was made."),
    "setup_intent.requires_action": Recorded(
        "setup_intent", "The customer must authenticate, where `next_action` says."
    ),
    "setup_intent.setup_failed": Recorded(
        "setup_intent", "An attempt failed; another payment method can be tried."
    ),
    "setup_intent.succeeded": Recorded(
        "setup_intent", "The bank agreed to later payments; the customer keeps the method."
    ),
    "test_helpers.test_clock.advancing": Recorded(
        "test_helpers.test_clock", "It was told to advance; what becomes due is being done."
    ),
    "test_helpers.test_clock.created": Recorded("test_helpers.test_clock", "It was made."),
    "test_helpers.test_clock.deleted": Recorded(
        "test_helpers.test_clock", "It was deleted, by a request or 30 days after it was made."
    ),
    "test_helpers.test_clock.internal_failure": Recorded(
        "test_helpers.test_clock", "What became due could not be done, five times over."
    ),
    "test_helpers.test_clock.ready": Recorded(
        "test_helpers.test_clock", "It has advanced, and everything that became due is done."
    ),
}
"""A test compares the names with those that the code records."""
