"""Parameters of clients' ledgers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hazina.api.params.kinds import Boolean, Choice, Fields, Integer, Items, Param, Text
from hazina.api.params.parts import METADATA
from hazina.ledger.wire import ACCOUNT_FLAGS, TRANSFER_FLAGS
from hazina.refusals import Code, Refusal

BULK_MAX = 1_000
_DIGITS = re.compile(r"[0-9]{1,39}")


@dataclass(frozen=True, slots=True)
class Wide:
    """A whole number of up to 128 bits, sent as decimal digits."""

    minimum: int = 0
    maximum: int = 2**128 - 1

    def read(self, value: Any, name: str) -> int:
        """Return the number."""
        if type(value) is str and _DIGITS.fullmatch(value):
            value = int(value)
        if type(value) is not int or not self.minimum <= value <= self.maximum:
            raise Refusal(
                Code.PARAMETER_INVALID_INTEGER,
                f"Invalid integer: send digits of a number from {self.minimum} to {self.maximum}. "
                f"({name})",
                param=name,
            )
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        return {"type": "string", "pattern": "^[0-9]{1,39}$"}


_ID = Wide(minimum=1, maximum=2**128 - 2)
_U16, _U32, _U63, _U64 = (Integer(maximum=2**bits - 1) for bits in (16, 32, 63, 64))
_LIMIT = Integer(minimum=1, maximum=1000)
_MOMENT = Param(_U63, about="Nanoseconds since 1970, inclusive.")
_PAGE = Param(
    Integer(minimum=1, maximum=2**63 - 1),
    about="`next_page` of the previous answer, with the same conditions.",
)
_DATA = {
    "user_data_128": Param(Wide()),
    "user_data_64": Param(_U64),
    "user_data_32": Param(_U32),
    "metadata": METADATA,
}
_ACCOUNT = {
    "id": Param(_ID, required=True, about="Yours: sending it again is a replay."),
    "ledger": Param(Integer(minimum=1, maximum=2**32 - 1), required=True),
    "code": Param(Integer(minimum=1, maximum=2**16 - 1), required=True),
    "flags": Param(Items(Choice(ACCOUNT_FLAGS[1:4]), count_max=3)),
    "overdraft": Param(Wide(), about="How far past its limit a limited account may go."),
    **_DATA,
}
_AMOUNT = (
    "What is booked. A balancing transfer books at most this. A post books this much of the "
    f"pending transfer and releases the rest: {2**128 - 1} is all of it. Only a void needs none."
)
_TRANSFER = {
    "id": Param(_ID, required=True, about="Yours: sending it again is a replay."),
    "debit_account_id": Param(_ID),
    "credit_account_id": Param(_ID),
    "amount": Param(Wide(), about=_AMOUNT),
    "pending_id": Param(_ID, about="The pending transfer that is posted or voided."),
    "timeout": Param(_U32, about="Seconds after which a pending transfer runs out."),
    "ledger": Param(_U32),
    "code": Param(_U16),
    "flags": Param(Items(Choice(TRANSFER_FLAGS[1:8]), count_max=7)),
    "reference": Param(Text(length_max=255)),
    **_DATA,
}
_FILTER = {
    "ledger": Param(_U32),
    "code": Param(_U16),
    "user_data_128": Param(Wide()),
    "user_data_64": Param(_U64),
    "user_data_32": Param(_U32),
    "metadata": METADATA,
    "timestamp_min": _MOMENT,
    "timestamp_max": Param(
        _U63,
        about="Nanoseconds since 1970, inclusive; 0 is no bound.",
    ),
    "limit": Param(_LIMIT, about="How many a page holds; 100 if left out."),
    "page": _PAGE,
    "order": Param(
        Choice(("oldest_first", "newest_first")), about="By timestamp; `oldest_first` if left out."
    ),
}
ACCOUNT_CREATE = Fields(_ACCOUNT)
TRANSFER_CREATE = Fields(_TRANSFER)
_ATOMIC = Param(Boolean(), about="All or nothing; otherwise each by itself.")
ACCOUNTS_BULK = Fields(
    {"accounts": Param(Items(ACCOUNT_CREATE, BULK_MAX, 1), required=True), "atomic": _ATOMIC}
)
TRANSFERS_BULK = Fields(
    {"transfers": Param(Items(TRANSFER_CREATE, BULK_MAX, 1), required=True), "atomic": _ATOMIC}
)
LIST = Fields(_FILTER)
AT = Fields({"at": Param(_U63, about="A moment in nanoseconds since 1970; now if left out.")})
STATEMENT = Fields(
    {
        "from": _MOMENT,
        "to": _MOMENT,
        "page": _PAGE,
        "limit": Param(_LIMIT, about="How many lines a page holds; 100 if left out."),
    }
)
