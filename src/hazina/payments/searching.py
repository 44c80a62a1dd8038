"""What can be searched of payment intents and charges."""

from __future__ import annotations

from typing import Any

from hazina.db.table import Row
from hazina.merchants.merchant import Merchant
from hazina.payments.card_search import CARD_FIELDS
from hazina.payments.store import charge_from, intent_from
from hazina.payments.view import charge_view, intent_view
from hazina.search.engine import Narrowing, Resource
from hazina.search.fields import Field, Flag, MetadataOf, Moment, Numeric, Resting, Token

_AMOUNTS: dict[str, Field] = {
    "amount": Numeric("t.amount"),
    "currency": Token("t.currency", filled=True),
}
_CUSTOMER = Token("t.customer", exact=True)
_SHARED: dict[str, Field] = _AMOUNTS | {
    "created": Moment("t.created"),
    "customer": _CUSTOMER,
    "metadata": MetadataOf(),
}
_INDEXED: dict[str, Field] = {
    "customer": _CUSTOMER,
    "metadata": MetadataOf("metadata_terms(t.merchant_id, t.metadata)"),
}


def _intent(row: Row, merchant: Merchant) -> dict[str, Any]:
    return intent_view(intent_from(row), merchant.livemode)


def _charge(row: Row, merchant: Merchant) -> dict[str, Any]:
    return charge_view(charge_from(row), merchant.livemode)


INTENTS = Resource(
    "payment_intent",
    "pi",
    _SHARED | {"status": Resting("t.status", "t.at_rest", "succeeded")},
    _intent,
    (Narrowing("payment_intent_narrow", _INDEXED | _AMOUNTS, frozenset(_INDEXED)),),
)
CHARGES = Resource(
    "charge",
    "ch",
    _SHARED
    | CARD_FIELDS
    | {
        "billing_details.address.postal_code": Token(
            "lower(t.details -> 'billing_details' -> 'address' ->> 'postal_code')"
        ),
        "status": Token("t.status", filled=True),
        # Disputes do not exist here yet: no charge has one.
        "disputed": Flag({"true": "false", "false": "true"}, 'the values "true" and "false"'),
        "refunded": Flag(
            {
                "true": "t.amount_refunded > 0 AND t.amount_refunded = t.amount_captured",
                "false": "t.amount_refunded > 0 AND t.amount_refunded < t.amount_captured",
                None: "t.amount_refunded = 0",
            },
            '"true" (wholly refunded), "false" (partly) or null (not at all)',
        ),
    },
    _charge,
    # What a charge that did not fail amounts to, its payment intent does too.
    (
        Narrowing("charge_narrow_by_intent", _AMOUNTS),
        Narrowing("charge_narrow", _INDEXED, frozenset(_INDEXED)),
    ),
)
