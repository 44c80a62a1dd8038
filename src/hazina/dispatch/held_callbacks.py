"""Callbacks that were not applied: looked at and given their tries anew, by an operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hazina.clock import unix
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import RowVersion, Unit, Update
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.merchants.merchant import Caller
from hazina.refusals import Code, Refusal, shown_id

_STATES = ("parked", "quarantined", "received")
_REPLAYED_MAX = 100


class HeldCallbacks:
    """What the inbox holds back, for the operator alone: a callback belongs to no merchant.

    The raw messages stay in the database. They may hold what is nobody's business.
    """

    def __init__(self, reader: Reader, idempotency: Idempotency, operator_account: str) -> None:
        self._reader = reader
        self._idempotency = idempotency
        self._operator_account = operator_account

    async def show(self, caller: Caller, state: str | None, limit: int) -> dict[str, Any]:
        """Return how many callbacks wait in each state, and the oldest of them.

        Refuses `permission_missing` to all but the operator.
        """
        self._demand_operator(caller)
        states = (state,) if state else _STATES
        return await self.inbox(states, limit)

    async def replay(
        self, caller: Caller, callback_id: str | None, idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Have a quarantined callback, or the oldest hundred, tried again at once.

        Refuses `permission_missing`, and `resource_missing` for one that is not quarantined.
        """
        self._demand_operator(caller)
        return await self.try_again(callback_id, caller.merchant.merchant_id, idempotency)

    async def try_again(
        self, callback_id: str | None, merchant_id: str = "",
        idempotency: IdempotencyRequest | None = None,
    ) -> Answer:  # fmt: skip
        """Do what `replay` does, for an operator who stands before the machine."""

        def decide(rows: Sequence[Row]) -> OneUnit:
            if callback_id is not None and not rows:
                raise Refusal(
                    Code.RESOURCE_MISSING,
                    f"No callback '{shown_id(callback_id)}' is quarantined.",
                    param="callback",
                )
            shown = [view(row) | {"state": "received", "tries": 0} for row in rows]
            return OneUnit(_again(merchant_id, rows), {"object": "hazina.inbox", "data": shown})

        async def load() -> Sequence[Row]:
            return await self._held(("quarantined",), _REPLAYED_MAX, callback_id)

        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def inbox(self, states: Sequence[str], limit: int) -> dict[str, Any]:
        """Return the counts of all states, and the oldest callbacks of some."""
        counted = await self._reader.query("inbox_counts", {})
        counts = dict.fromkeys(_STATES, 0) | {row["state"]: row["count"] for row in counted}
        rows = await self._held(states, limit)
        return {"object": "hazina.inbox", "counts": counts, "data": [view(row) for row in rows]}

    async def _held(
        self, states: Sequence[str], limit: int, callback_id: str | None = None
    ) -> Sequence[Row]:
        given = {"states": list(states), "limit": limit, "id": callback_id}
        return await self._reader.query("inbox_held", given)

    def _demand_operator(self, caller: Caller) -> None:
        if not self._operator_account or caller.merchant.account_id != self._operator_account:
            raise Refusal(
                Code.PERMISSION_MISSING,
                "Callbacks belong to no merchant: only keys of the operator's account may look "
                "after them. HAZINA_OPERATOR_ACCOUNT names it.",
            )


def view(row: Row) -> dict[str, Any]:
    """Return a callback as operators see it."""
    return {
        "id": row["id"], "object": "hazina.callback", "connector": row["connector"],
        "created": unix(row["received"]), "reason": row["reason"], "reference": row["reference"],
        "state": row["state"], "tries": row["tries"],
    }  # fmt: skip


def _again(merchant_id: str, rows: Sequence[Row]) -> Unit:
    """Return the unit that gives callbacks their tries anew."""
    keys = [(row["connector"], row["deduplication_key"], row["version"]) for row in rows]
    changes = {"state": "received", "tries": 0, "next_at": 0, "reason": None}
    return Unit(
        merchant_id,
        relies_on=tuple(RowVersion("inbox", (one, key), at) for one, key, at in keys),
        writes=tuple(Update("inbox", (one, key), at, changes) for one, key, at in keys),
    )
