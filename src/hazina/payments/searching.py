"""What can be searched of payment intents and charges."""

from __future__ import annotations

from typing import Any

from hazina.db.table import Row
from hazina.merchants.merchant import Merchant
from hazina.payments.store import charge_from, intent_from
from hazina.payments.view import charge_view, intent_view
from hazina.search.engine import Resource
from hazina.search.fields import Field, Flag, MetadataOf, Moment, Numeric, Token

_METADATA = MetadataOf("metadata_terms(t.merchant_id, t.metadata)")
_SHARED: dict[str, Field] = {
    "amount": Numeric("t.amount"),
    "created": Moment("t.created"),
    "currency": Token("t.currency", filled=True),
    "customer": Token("t.customer", exact=True),
    "metadata": _METADATA,
    "status": Token("t.status", filled=True),
}


def _intent(row: Row, merchant: Merchant) -> dict[str, Any]:
    return intent_view(intent_from(row), merchant.livemode)


def _charge(row: Row, merchant: Merchant) -> dict[str, Any]:
    return charge_view(charge_from(row), merchant.livemode)


INTENTS = Resource("payment_intent", "pi", _SHARED, _intent)
CHARGES = Resource(
    "charge",
    "ch",
    _SHARED
    | {
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
)
