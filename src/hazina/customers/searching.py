"""What can be searched of customers."""

from __future__ import annotations

from typing import Any

from hazina.customers.customer import from_row
from hazina.customers.view import view
from hazina.db.table import Row
from hazina.merchants.merchant import Merchant
from hazina.search.engine import Resource
from hazina.search.fields import MetadataOf, Moment, Words

_TERMS = "customer_terms(t.merchant_id, t.email, t.details, t.metadata)"


def _customer(row: Row, merchant: Merchant) -> dict[str, Any]:
    return view(from_row(row, merchant.livemode))


CUSTOMERS = Resource(
    "customer",
    "cus",
    {
        "created": Moment("t.created"),
        "email": Words("t.email", "email", _TERMS),
        "metadata": MetadataOf(_TERMS),
        "name": Words("(t.details ->> 'name')", "name", _TERMS),
        "phone": Words("(t.details ->> 'phone')", "phone", _TERMS),
    },
    _customer,
)
