"""What a payment is paid with: chosen by its id, made from data, and kept by the customer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hazina.merchants.merchant import Merchant
from hazina.payment_methods import changes
from hazina.payment_methods.changes import Changes
from hazina.payment_methods.method import PaymentMethod
from hazina.payment_methods.service import Chosen, PaymentMethods, chosen, well_known
from hazina.payment_methods.test_methods import find
from hazina.payment_methods.view import billing_view, method_view
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import Intent, future_use
from hazina.refusals import Code, Refusal


@dataclass(frozen=True, slots=True)
class Paying:
    """The method that a payment uses, and what else the unit that says so must hold.

    `changes` stores a method that was made for this payment, or spends a token.
    """

    chosen: Chosen
    changes: Changes = field(default_factory=Changes)

    def details(self) -> dict[str, Any]:
        """Return what a charge keeps of a stored method; nothing of a well-known test method."""
        method = self.chosen.method
        if method is None:
            return {}
        return {
            "behaviour": self.chosen.behaviour, self.chosen.type: self.chosen.details,
            "billing_details": billing_view(method.billing_details),
        }  # fmt: skip

    def written_to(self, draft: Draft) -> None:
        """Add the changes to a unit of work."""
        draft.relies_on.extend(self.changes.relies_on)
        draft.writes.extend(self.changes.writes)


async def find_paying(
    methods: PaymentMethods, merchant: Merchant, params: dict[str, Any], intent: Intent | None
) -> Paying | None:
    """Return what the parameters, or else the intent, say to pay with; None when neither does.

    Well-known test methods cost no reading. One that the customer is to keep becomes a method of
    its own. Refuses `resource_missing`, `payment_method_unexpected_state` and bad cards.
    """
    data = params.get("payment_method_data")
    if data is not None:
        made = await methods.make(merchant, data)
        return Paying(chosen(made.method), changes.stored(made.method) + made.changes)
    given = params.get("payment_method") or (intent.payment_method if intent else None)
    if given is None:
        return None
    customer = params.get("customer", intent.customer if intent else None)
    if customer and find(given) and _future_use(params, intent):
        method = await methods.keepable(merchant, given)
        return Paying(chosen(method), changes.stored(method))
    return Paying(await methods.choose(merchant, given, customer))


async def find_source(
    methods: PaymentMethods, merchant: Merchant, source: str, customer: str | None
) -> Paying:
    """Return what an older client's source means: a token, a customer's card, a method."""
    if source.startswith("tok_") and not find(source):
        made = await methods.make_source(merchant, source)
        return Paying(chosen(made.method), changes.stored(made.method) + made.changes)
    found = await methods.choose(merchant, source, customer)
    if found.type != "card":
        raise Refusal(
            Code.PARAMETER_INVALID,
            f"Invalid value for source: a method of type {found.type} needs a PaymentIntent.",
            param="source",
        )
    return Paying(found)


def _future_use(params: dict[str, Any], intent: Intent | None) -> str | None:
    """Return what is meant to be done later with a card, by the parameters or else the intent."""
    told = (
        params.get("setup_future_usage")
        if "setup_future_usage" in params
        else (intent.details.get("setup_future_usage") if intent else None)
    )
    sent = (params.get("payment_method_options") or {}).get("card") or {}
    options = (intent.card_options if intent else {}) | sent
    details = {"setup_future_usage": told, "payment_method_options": {"card": options}}
    return future_use(details, "card")


def tried_view(
    charge: Charge, method: PaymentMethod | None, merchant: Merchant
) -> dict[str, Any] | None:
    """Render what was paid with, for the error that says why it did not work."""
    tried = method or well_known(merchant, charge.payment_method)
    return None if tried is None else method_view(tried)


def kept(draft: Draft, intent: Intent, method: PaymentMethod | None) -> None:
    """Give the method of a payment that took to its customer, where the payment asked for it."""
    if method is None or intent.customer is None or not future_use(intent.details, method.type):
        return
    try:
        _, parts = changes.attach(draft, method.set_up(), intent.customer)
    except Refusal:
        # Detached, or another customer's, while the bank was asked: the money is taken anyhow.
        return
    draft.relies_on.extend(parts.relies_on)
    draft.writes.extend(parts.writes)
