"""One door to tokens: make one from a card, read it back. Using one is its user's unit of work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hazina.db.reader import Reader
from hazina.db.unit import Unit
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.merchant import Caller
from hazina.payment_methods import token
from hazina.payment_methods.card import Card
from hazina.payment_methods.service import PaymentMethods, legacy_billing
from hazina.payment_methods.token import Token
from hazina.payment_methods.view import token_view
from hazina.refusals import Code, Refusal, shown_id


class Tokens:
    """Tokens of the calling merchant."""

    def __init__(
        self,
        reader: Reader,
        idempotency: Idempotency,
        ids: Ids,
        methods: PaymentMethods,
    ) -> None:
        self._reader = reader
        self._idempotency = idempotency
        self._ids = ids
        self._methods = methods

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Keep a card until somebody uses the token."""
        merchant = caller.merchant

        async def load() -> tuple[Card, datetime]:
            card, _ = await self._methods.read_card(merchant, params["card"])
            return card, await self._methods.now(merchant)

        def decide(loaded: tuple[Card, datetime]) -> OneUnit:
            card, now = loaded
            made = Token(
                merchant.merchant_id, self._ids.new("tok"), self._ids.new("card"), card,
                legacy_billing(params["card"]), now,
            )  # fmt: skip
            unit = Unit(merchant.merchant_id, writes=(token.inserted(made),))
            return OneUnit(unit, token_view(made, merchant.livemode))

        return await self._idempotency.run_once(idempotency, merchant.merchant_id, load, decide)

    async def retrieve(self, caller: Caller, token_id: str) -> dict[str, Any]:
        """Return a token, used or not. Refuses `resource_missing`."""
        row = await self._reader.get(token.TABLE, (caller.merchant.merchant_id, token_id))
        if row is None:
            raise Refusal(
                Code.RESOURCE_MISSING, f"No such token: '{shown_id(token_id)}'", param="token"
            )
        return token_view(token.from_row(row), caller.merchant.livemode)
