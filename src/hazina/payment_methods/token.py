"""A token: a card that a client may turn into something, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hazina.db.table import Row
from hazina.db.unit import Insert, RowVersion, Update
from hazina.payment_methods.card import Card, from_json, to_json
from hazina.refusals import Code, Refusal, shown_id

TABLE = "token"


@dataclass(frozen=True, slots=True)
class Token:
    """One row of `token`. `card_id` is the id that the card has once a customer keeps it."""

    merchant_id: str
    id: str
    card_id: str
    card: Card
    billing_details: Mapping[str, Any]
    created: datetime
    used: bool = False
    version: int = 0

    def spent(self) -> tuple[tuple[RowVersion, ...], tuple[Update, ...]]:
        """Return what a unit of work that uses the token relies on and writes.

        Refuses `token_already_used`.
        """
        if self.used:
            raise Refusal(
                Code.TOKEN_ALREADY_USED,
                f"You cannot use a token more than once: {shown_id(self.id)}. Create another.",
                param="token",
            )
        key = (self.merchant_id, self.id)
        return (
            (RowVersion(TABLE, key, self.version),),
            (Update(TABLE, key, self.version, {"used": True}),),
        )


def from_row(row: Row) -> Token:
    """Read a stored row."""
    return Token(
        row["merchant_id"], row["id"], row["card_id"], from_json(row["card"]),
        row["billing_details"], row["created"], row["used"], row["version"],
    )  # fmt: skip


def inserted(token: Token) -> Insert:
    """Return the write that stores a new token."""
    return Insert(
        TABLE,
        {
            "merchant_id": token.merchant_id, "id": token.id, "card_id": token.card_id,
            "card": to_json(token.card), "billing_details": dict(token.billing_details),
            "used": token.used, "created": token.created,
        },
    )  # fmt: skip
