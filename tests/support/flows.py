"""Payments taken through their lives on a core in this process, with all books compared."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row

from hazina.bootstrap.app import Core, open_core
from hazina.clock import SystemClock
from hazina.commands.command import from_row
from hazina.commands.performing import Door, Performed
from hazina.idempotency.service import Answer
from hazina.ledger.chart import AccountCode, currency_of
from hazina.merchants.merchant import Caller
from hazina.paging import Page
from tests.support import crash
from tests.support.books import broken_invariants
from tests.support.simulator import Simulator

DAY = timedelta(days=1)


class ShiftedClock(SystemClock):
    """The machine's clock, some time ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass(slots=True)
class Shop:
    """A merchant of one test and the system that serves it."""

    core: Core
    clock: ShiftedClock
    caller: Caller
    simulator: Simulator
    database_url: str

    async def pay(self, method: str = "pm_card_visa", amount: int = 10_000, **more: Any) -> Any:
        """Create and confirm an intent; return what the client reads."""
        params = {
            "amount": amount, "currency": "usd", "payment_method": method, "confirm": True,
            "metadata": {},
        }  # fmt: skip
        return _read(await self.core.payments.create_intent(self.caller, params | more, None))

    async def hold(self, method: str = "pm_card_visa", amount: int = 10_000, **card: str) -> Any:
        """Authorize an amount to be captured later, with these options of the card."""
        return await self.pay(
            method, amount, capture_method="manual", payment_method_options={"card": card}
        )

    async def capture(self, intent: Any, **params: Any) -> Any:
        return _read(
            await self.core.payments.capture_intent(self.caller, intent["id"], params, None)
        )

    async def increment(self, intent: Any, **params: Any) -> Any:
        return _read(
            await self.core.payments.increment_intent(self.caller, intent["id"], params, None)
        )

    async def cancel(self, intent: Any, **params: Any) -> Any:
        return _read(
            await self.core.payments.cancel_intent(self.caller, intent["id"], params, None)
        )

    async def refund(self, intent: Any, **params: Any) -> Any:
        params["payment_intent"] = intent["id"]
        return _read(await self.core.payments.create_refund(self.caller, params, None))

    async def charge(self, **params: Any) -> Any:
        """Charge as older clients do."""
        usual = {"amount": 10_000, "currency": "usd", "source": "tok_visa"}
        wanted = {name: value for name, value in (usual | params).items() if value is not None}
        return _read(await self.core.payments.create_charge(self.caller, wanted, None))

    async def now(self, made: Any) -> Any:
        """Read an object as it is now."""
        return await self.core.payments.retrieve(self.caller, made["object"], made["id"])

    async def charge_of(self, intent: Any) -> Any:
        """Read the intent's latest charge."""
        return await self.core.payments.retrieve(self.caller, "charge", intent["latest_charge"])

    async def later(self, passed: timedelta) -> None:
        """Let time pass, and the workers do what has become due."""
        self.clock.ahead += passed
        await self.work()

    async def work(self) -> None:
        """Do what workers would."""
        await self.settle()
        while await self.core.payments.expire_due():
            await self.settle()
        while await self.core.payments.release_due():
            pass

    async def settle(self) -> None:
        """Ask about every command until none is open."""
        for _ in range(200):
            await self.core.dispatch.run_due()
            query = "SELECT id FROM command WHERE state <> 'done' AND merchant_id = %s"
            if not self.rows(query, self.caller.merchant.merchant_id):
                return
            await self.core.clock.sleep_ms(50)
        raise AssertionError("commands are left open")

    async def hear(self, refund: Any) -> Any:
        """Ask the provider about a refund that is settled, as a callback about it makes us do."""
        (row,) = self.rows("SELECT * FROM command WHERE refund = %s", refund["id"])
        command = from_row(row)
        outcome = await self.core.dispatch.ask(command)
        await self.core.payments.report(command, Performed(outcome, 1_000, Door.CALLBACK))
        return await self.now(refund)

    async def events(self, *objects: Any) -> list[str]:
        """Return the types of all events about objects, unit after unit."""
        return [
            row["type"]
            for row in self.rows(
                "SELECT type FROM event WHERE merchant_id = %s AND object_id = ANY(%s) "
                "ORDER BY xid, position",
                self.caller.merchant.merchant_id,
                [made["id"] for made in objects],
            )
        ]

    async def lines(self) -> Sequence[dict[str, Any]]:
        """Return every balance transaction, newest first."""
        found, more = await self.core.payments.list(
            self.caller, "balance_transaction", {}, Page(limit=100)
        )
        assert not more
        return found

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    async def check_books(self) -> None:
        """Compare balance, balance transactions, charges, ledger and provider with each other."""
        await self._check_balance()
        self._check_holds()
        self._check_provider()
        broken = await broken_invariants(self.database_url)
        assert not broken, "\n".join(broken)

    async def _check_balance(self) -> None:
        balance = await self.core.balances.balance(self.caller)
        lines = await self.lines()
        query = "SELECT * FROM account WHERE owner = %s"
        accounts = self.rows(query, self.caller.merchant.merchant_id)
        codes = {
            "pending": AccountCode.MERCHANT_PENDING, "available": AccountCode.MERCHANT_AVAILABLE,
        }  # fmt: skip
        for status, code in codes.items():
            shown = {part["currency"]: part["amount"] for part in balance[status]}
            booked = {
                currency_of(row["ledger"]): row["credits_posted"] - row["debits_posted"]
                - row["debits_pending"]
                for row in accounts if row["code"] == code
            }  # fmt: skip
            listed = dict.fromkeys(shown, 0)
            for line in lines:
                if line["status"] == status:
                    listed[line["currency"]] += line["net"]
            assert shown == listed, (status, lines)
            assert shown == dict.fromkeys(shown, 0) | booked, status

    def _check_holds(self) -> None:
        merchant_id = self.caller.merchant.merchant_id
        held = self.rows(
            "SELECT coalesce(sum(credits_pending), 0)::bigint AS amount FROM account "
            "WHERE owner = %s",
            merchant_id,
        )
        expected = self.rows(
            "SELECT coalesce(sum(amount - amount_captured), 0)::bigint AS amount FROM charge "
            "WHERE merchant_id = %s AND (hold IS NOT NULL OR status = 'open')",
            merchant_id,
        )
        assert held == expected

    def _check_provider(self) -> None:
        entries = {entry["reference"]: entry for entry in self.simulator.books()}
        query = "SELECT * FROM charge WHERE merchant_id = %s AND status = 'succeeded'"
        for charge in self.rows(query, self.caller.merchant.merchant_id):
            entry = entries[charge["authorize_command"]]
            assert charge["amount"] == entry["amount"] + entry["incremented"]
            assert charge["amount_captured"] == entry["captured"]
            in_flight = charge["amount_refund_reserved"]
            assert charge["amount_refunded"] + in_flight == entry["refunded"]


def _read(answer: Answer) -> Any:
    body = orjson.loads(answer.body)
    return body if answer.code is None else body["error"]


@asynccontextmanager
async def open_shop(
    database_url: str, simulator: Simulator, **durations: int
) -> AsyncIterator[Shop]:
    """Open a core over a database with a merchant of its own."""
    clock = ShiftedClock()
    usual = {
        "deadline_ms": 3_000, "call_timeout_ms": 3_000, "command_lease_ms": 6_000,
        "key_lease_ms": 6_000, "inquiry_lease_ms": 4_500, "not_found_window_ms": 7_000,
        "transit_max_ms": 1_000,
    }  # fmt: skip
    chosen = crash.settings(database_url, simulator.url).model_copy(update=usual | durations)
    core = await open_core(chosen, clock=clock)
    merchant = await core.merchants.create(overdraft_minor=0)
    try:
        yield Shop(core, clock, Caller(merchant, False, "req_1"), simulator, database_url)
    finally:
        await core.close()
