"""What falls due by itself: authorizations that run out, and money that becomes available."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any

from hazina.aside import Aside
from hazina.clock import Clock
from hazina.crashpoints import crashpoint, declare
from hazina.db.reader import Reader
from hazina.db.unit import Committed, Lane, Refused, Verdict
from hazina.db.writer import Writer, commit
from hazina.events.service import Cause
from hazina.idempotency.service import Answer
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller
from hazina.merchants.service import Merchants
from hazina.payments import holds, release
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import Intent
from hazina.payments.operations import Applied, Operations, PaymentSettings, shows_intent
from hazina.payments.store import Payments as Store
from hazina.payments.store import charge_from
from hazina.payments.subject import Subject

declare("payments.before_release", "payments.after_release")

_REFUSED_PAUSE_MS = 600_000
_FAILED_PAUSE_MS = 30_000
"""Short, for the trouble may be the database's, and over in a moment."""
_TOGETHER_MAX = 1_000
_log = logging.getLogger(__name__)


class Due:
    """Does what the day has come for. Any number of processes may do it at once."""

    def __init__(
        self, *, reader: Reader, writer: Writer, clock: Clock, clocks: Clocks,
        merchants: Merchants, store: Store, operations: Operations, settings: PaymentSettings,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._clocks = clocks
        self._merchants = merchants
        self._store = store
        self._operations = operations
        self._settings = settings
        self._aside = Aside(clock)
        """Charges that could not be released, or not be voided."""

    async def release(self, limit: int) -> int:
        """Make captured money available; a merchant hears of it once per look, with the last."""
        wanted = {"now": self._clock.now(), "aside": self._aside.names(), "limit": limit}
        rows = await self._reader.query("charge_release_due", wanted)
        refused: dict[str, list[str]] = {}
        last = {row["merchant_id"]: row["id"] for row in rows}
        ends = set(last.values())
        released = 0
        # The last of each merchant comes after its others: its event shows the balance of all.
        for told in (False, True):
            due = [row for row in rows if (row["id"] in ends) is told]
            results = await asyncio.gather(
                *(self._release(row["merchant_id"], row["id"], told) for row in due),
                return_exceptions=True,
            )
            for row, result in zip(due, results, strict=True):
                if isinstance(result, BaseException):
                    # Its money stays pending and is looked at again; the others' must not wait.
                    _log.error("funds of %s could not be released", row["id"], exc_info=result)
                    self._aside.put([row["id"]], _FAILED_PAUSE_MS)
                elif isinstance(result, Refused):
                    refused.setdefault(row["merchant_id"], []).append(row["id"])
                else:
                    released += isinstance(result, Committed)
        for merchant_id, charge_ids in refused.items():
            self._aside.put(charge_ids, _FAILED_PAUSE_MS)
            together = await self._release_together(merchant_id)
            if not together:
                self._aside.put(charge_ids, _REFUSED_PAUSE_MS)
            released += together
        return released

    async def _release_together(self, merchant_id: str) -> int:
        """Release at once all that is due to a merchant; return how many.

        Where the ledger refuses one alone, another may bring what it lacks. What it refuses even so
        waits for more money.
        """
        merchant = await self._merchants.get(merchant_id)
        rows = await self._reader.query(
            "charge_release_due_together",
            {"merchant_id": merchant_id, "now": self._clock.now(), "limit": _TOGETHER_MAX},
        )
        charges = [charge_from(row) for row in rows]
        released = 0
        for currency in dict.fromkeys(charge.currency for charge in charges):
            same = [charge for charge in charges if charge.currency == currency]
            draft = self._operations.draft(merchant, Cause(), Lane.BULK, self._clock.now())
            draft.accounts = await self._store.accounts(merchant_id)
            release.together(draft, same)
            unit = draft.unit()
            verdict = await self._writer.submit(unit) if unit.writes else None
            if isinstance(verdict, Committed):
                released += len(same)
        return released

    async def _release(self, merchant_id: str, charge_id: str, told: bool) -> Verdict:
        merchant = await self._merchants.get(merchant_id)

        async def load() -> tuple[Charge, datetime, Any]:
            charge = await self._store.any_charge(merchant_id, charge_id)
            now = await self._clocks.now(merchant, charge.customer)
            return charge, now, await self._store.accounts(merchant_id) if told else None

        def decide(loaded: tuple[Charge, datetime, Any]) -> Applied:
            charge, now, accounts = loaded
            draft = self._operations.draft(merchant, Cause(), Lane.BULK, now)
            draft.accounts = accounts
            release.funds(draft, charge)
            return Applied(draft.unit(), Answer(None, b""))

        crashpoint("payments.before_release")
        _, verdict = await commit(self._writer, load, decide)
        crashpoint("payments.after_release")
        return verdict

    async def expire(self, limit: int) -> int:
        """Void authorizations whose time is over.

        Each is a cancellation like a client's, so a capture that came first goes first, and another
        worker's attempt at the same one finds its operation open.
        """
        wanted = {"now": self._clock.now(), "aside": self._aside.names(), "limit": limit}
        rows = await self._reader.query("charge_expiry_due", wanted)
        results = await asyncio.gather(
            *(self._expire(row["merchant_id"], row["id"]) for row in rows), return_exceptions=True
        )
        begun = 0
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, BaseException):
                _log.error("the hold of %s could not be ended", row["id"], exc_info=result)
                self._aside.put([row["id"]], _FAILED_PAUSE_MS)
            else:
                begun += result
        return begun

    async def _expire(self, merchant_id: str, charge_id: str) -> bool:
        caller = Caller(await self._merchants.get(merchant_id), False, "")
        due = False

        async def load() -> tuple[Intent, Charge]:
            charge = await self._store.any_charge(merchant_id, charge_id)
            return await self._store.any_intent(merchant_id, charge.payment_intent), charge

        def decide(draft: Draft, loaded: tuple[Intent, Charge]) -> Intent | Subject:
            nonlocal due
            intent, charge = loaded
            begun = holds.expire(draft, intent, charge, self._settings.command_lease_ms)
            due = begun is not None
            if begun is None:
                draft.put(intent, intent)
            return begun or intent

        await self._operations.begin(caller, None, load, decide, shows_intent)
        return due
