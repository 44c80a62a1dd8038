"""Reading payments back: rows to values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from hazina.commands.command import Command, from_row
from hazina.commands.reading import read_together
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.paging import Page, created_bounds, read_page
from hazina.payment_methods.method import PaymentMethod
from hazina.payment_methods.method import from_row as method_from
from hazina.payments.charge import Charge
from hazina.payments.intent import Intent, IntentStatus
from hazina.payments.refund import Refund
from hazina.payments.subject import Subject
from hazina.refusals import Code, Refusal, shown_id

_INTENT = tuple(f.name for f in fields(Intent))
_CHARGE = tuple(f.name for f in fields(Charge))
Span = tuple[str | None, str | None]
_REFUND = tuple(f.name for f in fields(Refund))


def intent_from(row: Row) -> Intent:
    """Read an intent."""
    values = {name: row[name] for name in _INTENT}
    values["status"] = IntentStatus(values["status"])
    return Intent(**values)


def charge_from(row: Row) -> Charge:
    """Read a charge."""
    return Charge(**{name: row[name] for name in _CHARGE})


def refund_from(row: Row) -> Refund:
    """Read a refund."""
    return Refund(**{name: row[name] for name in _REFUND})


_FEW_MAX = 2_000


class Payments:
    """Loads payments of one merchant at a time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def intent(self, merchant_id: str, intent_id: str) -> Intent:
        """Refuses `resource_missing`; intents behind plain charges cannot be seen."""
        row = await self._reader.get("payment_intent", (merchant_id, intent_id))
        if row is None or row["hidden"]:
            raise missing("payment_intent", intent_id, "intent")
        return intent_from(row)

    async def any_intent(self, merchant_id: str, intent_id: str) -> Intent:
        """Return an intent that exists, hidden or not."""
        row = await self._reader.get("payment_intent", (merchant_id, intent_id))
        assert row is not None, f"{intent_id} is referred to and does not exist"
        return intent_from(row)

    async def charge(self, merchant_id: str, charge_id: str) -> Charge:
        """Refuses `resource_missing`; attempts without an outcome cannot be seen."""
        row = await self._reader.get("charge", (merchant_id, charge_id))
        if row is None or row["revision"] == 0:
            raise missing("charge", charge_id, "charge")
        return charge_from(row)

    async def any_charge(self, merchant_id: str, charge_id: str) -> Charge:
        """Return an attempt that exists, visible or not."""
        row = await self._reader.get("charge", (merchant_id, charge_id))
        assert row is not None, f"{charge_id} is referred to and does not exist"
        return charge_from(row)

    async def refund(self, merchant_id: str, refund_id: str) -> Refund:
        """Refuses `resource_missing`; refunds without an outcome cannot be seen."""
        row = await self._reader.get("refund", (merchant_id, refund_id))
        if row is None or row["revision"] == 0:
            raise missing("refund", refund_id, "refund")
        return refund_from(row)

    async def any_refund(self, merchant_id: str, refund_id: str) -> Refund:
        """Return a refund that exists, visible or not."""
        row = await self._reader.get("refund", (merchant_id, refund_id))
        assert row is not None, f"{refund_id} is referred to and does not exist"
        return refund_from(row)

    async def with_attempt(self, merchant_id: str, intent_id: str) -> tuple[Intent, Charge | None]:
        """Return an intent with the attempt that an operation would be about, if there is one."""
        intent = await self.intent(merchant_id, intent_id)
        if intent.operation is not None:
            row = await self._reader.get("command", (merchant_id, intent.operation))
            assert row is not None
            return intent, await self.any_charge(merchant_id, row["charge"])
        if intent.amount_capturable and intent.latest_charge:
            return intent, await self.any_charge(merchant_id, intent.latest_charge)
        return intent, None

    async def need_customer(self, merchant_id: str, params: dict[str, Any]) -> str | None:
        """Return the customer that is named, if any.

        Refuses `resource_missing` for one that this merchant does not have.
        """
        customer_id: str | None = params.get("customer")
        if customer_id is None:
            return None
        row = await self._reader.get("customer", (merchant_id, customer_id))
        if row is None or row["deleted"]:
            raise missing("customer", customer_id, "customer")
        return customer_id

    async def accounts(self, merchant_id: str) -> Sequence[Row]:
        """Return the merchant's ledger accounts, for an event that shows the balance."""
        return await self._reader.query("merchant_accounts", {"merchant_id": merchant_id})

    async def source(self, merchant_id: str, params: dict[str, Any]) -> str:
        """Return what an older client charges: the source, or the customer's default one."""
        source: str | None = params.get("source")
        if source is None and params.get("customer") is not None:
            row = await self._reader.get("customer", (merchant_id, params["customer"]))
            source = row["default_source"] if row is not None else None
        if source is None:
            raise Refusal(
                Code.PARAMETER_MISSING,
                "Must provide source, or a customer that has a default one.",
                param="source",
            )
        return source

    async def refundable(self, merchant_id: str, params: dict[str, Any]) -> tuple[Intent, Charge]:
        """Return the charge that a refund is about. Refuses `charge_not_refundable`."""
        charge_id = params.get("charge")
        if (charge_id is None) == (params.get("payment_intent") is None):
            raise Refusal(
                Code.PARAMETER_MISSING if charge_id is None else Code.PARAMETER_INVALID,
                "Send one of these params, and not both: payment_intent, charge.",
                param="payment_intent",
            )
        if charge_id is None:
            intent = await self.intent(merchant_id, params["payment_intent"])
            if intent.latest_charge is None:
                raise Refusal(
                    Code.CHARGE_NOT_REFUNDABLE,
                    f"The PaymentIntent {intent.id} does not have a successful charge to refund.",
                    param="payment_intent",
                )
            return intent, await self.charge(merchant_id, intent.latest_charge)
        charge = await self.charge(merchant_id, charge_id)
        return await self.any_intent(merchant_id, charge.payment_intent), charge

    async def subject(self, command: Command, livemode: bool, refused: bool = False) -> Subject:
        """Return a command with everything that its outcome is about, as it is now.

        What was paid with is read where the customer keeps it, or where it was `refused`.
        """
        merchant_id = command.merchant_id

        async def read() -> tuple[Intent, Charge, Refund | None, PaymentMethod | None]:
            named = command.refund
            refund = await self.any_refund(merchant_id, named) if named else None
            intent = await self.any_intent(merchant_id, command.payment_intent)
            charge = await self.any_charge(merchant_id, command.charge)
            kept = refused or _keeps(intent)
            method = await self._method(charge, livemode) if kept else None
            return intent, charge, refund, method

        now, about = await read_together(self._reader, command, read)
        return Subject(now, *about)

    async def _method(self, charge: Charge, livemode: bool) -> PaymentMethod | None:
        """Return the stored method that was charged; None for a well-known test method."""
        found = await self._reader.get(
            "payment_method", (charge.merchant_id, charge.payment_method)
        )
        return method_from(found, livemode) if found is not None else None

    async def command(self, merchant_id: str, command_id: str) -> Command:
        """Return a command that is there."""
        row = await self._reader.get("command", (merchant_id, command_id))
        assert row is not None
        return from_row(row)

    async def page(
        self, kind: str, merchant_id: str, filters: dict[str, Any], page: Page, span: Span
    ) -> tuple[list[Row], bool]:
        """Return rows from the newest to the oldest, and whether there are more.

        `span` is where the ids lie that `created` allows (`Clocks.span`).
        Refuses `resource_missing` for a cursor that is none of the merchant's.
        """
        cursor = page.cursor
        if cursor and await self._reader.get(kind, (merchant_id, cursor.object_id)) is None:
            raise missing(kind.replace("_", " "), cursor.object_id, cursor.param)
        parameters = {
            "merchant_id": merchant_id, "customer": filters.get("customer"),
            "payment_intent": filters.get("payment_intent"), "charge": filters.get("charge"),
            "type": filters.get("type"), "source": filters.get("source"),
            "currency": filters.get("currency"), "low": span[0], "high": span[1], "among": None,
        } | created_bounds(filters)  # fmt: skip
        if kind == "balance_transaction" and "currency" in filters:
            found = await self._reader.query(
                "balance_transaction_among", parameters | {"limit": _FEW_MAX + 1}
            )
            parameters["among"] = found[0]["ids"]
        return await read_page(self._reader.query, f"{kind}_list", page, parameters)


def _keeps(intent: Intent) -> bool:
    """Tell whether a payment may keep its method for its customer."""
    asked = "setup_future_usage" in intent.details or "setup_future_usage" in intent.card_options
    return asked and intent.customer is not None


def missing(kind: str, object_id: str, param: str) -> Refusal:
    """Return the refusal for an object that this merchant does not have."""
    return Refusal(Code.RESOURCE_MISSING, f"No such {kind}: '{shown_id(object_id)}'", param=param)
