"""Parameters that several routes share: addresses, shipping, pages of lists."""

from __future__ import annotations

import re

from hazina.api.params.kinds import (
    Boolean,
    Choice,
    Created,
    Fields,
    Integer,
    Items,
    Metadata,
    Param,
    Text,
)

ID = Text(length_max=255)
AMOUNT = Integer(minimum=1)
EMAIL = Text(
    length_max=512,
    pattern=re.compile(r"[^@\s]+@[^@\s]+"),
    expected="send an e-mail address",
)
URL = Text(
    length_max=2048,
    pattern=re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://\S+"),
    expected="send an absolute URL",
)
METADATA = Param(Metadata(), unsettable=True, about="Empty values remove keys; empty clears all.")
DESCRIPTION = Param(Text(), unsettable=True)
SHORT = Param(Text(), unsettable=True)

ADDRESS = Fields(
    dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), SHORT)
)
SHIPPING = Fields(
    {
        "address": Param(ADDRESS, required=True),
        "name": Param(Text(), required=True),
        "carrier": SHORT,
        "phone": SHORT,
        "tracking_number": SHORT,
    }
)

STATEMENT = Text(
    length_max=22,
    pattern=re.compile(r"[^<>\\'\"*]*[A-Za-z][^<>\\'\"*]*"),
    expected="use at least one letter and none of < > \\ ' \" *",
)

LIST_PARAMS = {
    "limit": Param(
        Integer(minimum=1, maximum=100), about="How many, from 1 to 100; 10 by default."
    ),
    "starting_after": Param(ID, about="The id after which the page starts."),
    "ending_before": Param(ID, about="The id before which the page ends."),
}
CREATED = {"created": Param(Created(), about="A Unix time, or bounds: created[gte]=...")}

NO_CONNECT = "accounts are separate merchants here, so make the request with that merchant's key"
NO_BILLING = "invoices, taxes and subscriptions are not part of this API, so leave it out"

__all__ = [
    "ADDRESS", "AMOUNT", "CREATED", "DESCRIPTION", "EMAIL", "ID", "LIST_PARAMS", "METADATA",
    "NO_BILLING", "NO_CONNECT", "SHIPPING", "SHORT", "STATEMENT", "URL", "Boolean", "Choice",
    "Created", "Fields", "Integer", "Items", "Metadata", "Param", "Text",
]  # fmt: skip
