"""What can be searched of customers."""

from __future__ import annotations

from typing import Any

from hazina.customers.customer import from_row
from hazina.customers.view import view
from hazina.db.table import Row
from hazina.merchants.merchant import Merchant
from hazina.search.engine import Narrowing, Resource
from hazina.search.fields import Field, MetadataOf, Moment, Words

_TERMS = "customer_terms(t.merchant_id, t.email, t.details, t.metadata)"


def _customer(row: Row, merchant: Merchant) -> dict[str, Any]:
    return view(from_row(row, merchant.livemode))


def _fields(terms: str | None) -> dict[str, Field]:
    return {
        "email": Words("t.email", "email", terms),
        "metadata": MetadataOf(terms),
        "name": Words("(t.details ->> 'name')", "name", terms),
        "phone": Words("(t.details ->> 'phone')", "phone", terms),
    }


CUSTOMERS = Resource(
    "customer",
    "cus",
    _fields(None) | {"created": Moment("t.created")},
    _customer,
    (Narrowing("customer_narrow", _fields(_TERMS), frozenset({"metadata"})),),
)
