"""Reading setup intents back: rows to values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hazina.commands.command import Command, from_row
from hazina.commands.reading import read_together
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.merchants.merchant import Merchant
from hazina.paging import Page, created_bounds, read_page
from hazina.payment_methods.method import PaymentMethod
from hazina.payment_methods.service import Made, PaymentMethods
from hazina.refusals import Code, Refusal, shown_id
from hazina.setup_intents.draft import COLUMNS
from hazina.setup_intents.intent import SetupAttempt, SetupIntent, SetupStatus


@dataclass(frozen=True, slots=True)
class Subject:
    """A verification and what its outcome changes, as they were read.

    `customer_present` says that there still is a customer to keep the method.
    """

    command: Command
    intent: SetupIntent
    attempt: SetupAttempt
    method: PaymentMethod
    customer_present: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """An intent with the method that a request names, and the open verification's command."""

    intent: SetupIntent | None = None
    method: Made | PaymentMethod | None = None
    command: Command | None = None
    attempt: SetupAttempt | None = None


def intent_from(row: Row) -> SetupIntent:
    """Read an intent."""
    values = {name: row[name] for name in (*COLUMNS[SetupIntent], "version")}
    values["status"] = SetupStatus(values["status"])
    return SetupIntent(**values)


def attempt_from(row: Row) -> SetupAttempt:
    """Read an attempt."""
    return SetupAttempt(**{name: row[name] for name in (*COLUMNS[SetupAttempt], "version")})


class Store:
    """Loads setup intents of one merchant at a time."""

    def __init__(self, reader: Reader, methods: PaymentMethods) -> None:
        self._reader = reader
        self._methods = methods

    async def intent(
        self, merchant_id: str, intent_id: str, param: str = "setup_intent"
    ) -> SetupIntent:
        """Return an intent. Refuses `resource_missing`."""
        row = await self._reader.get("setup_intent", (merchant_id, intent_id))
        if row is None:
            raise missing("setup_intent", intent_id, param)
        return intent_from(row)

    async def attempt(self, merchant_id: str, attempt_id: str) -> SetupAttempt:
        """Return an attempt. Refuses `resource_missing`."""
        row = await self._reader.get("setup_attempt", (merchant_id, attempt_id))
        if row is None:
            raise missing("setup_attempt", attempt_id, "setup_attempt")
        return attempt_from(row)

    async def for_request(
        self, merchant: Merchant, intent_id: str | None, params: dict[str, Any], confirms: bool
    ) -> Loaded:
        """Return what a request to create, change or confirm an intent is about."""
        merchant_id = merchant.merchant_id
        intent = None if intent_id is None else await self.intent(merchant_id, intent_id)
        await self._need_customer(merchant_id, params)
        if params.get("payment_method_data") is not None:
            return Loaded(intent, await self._methods.make(merchant, params["payment_method_data"]))
        given = params.get("payment_method")
        if given is None and confirms and intent is not None:
            given = intent.payment_method
        if given is None:
            return Loaded(intent)
        return Loaded(intent, await self._methods.keepable(merchant, given))

    async def with_operation(self, merchant_id: str, intent_id: str) -> Loaded:
        """Return an intent with its open verification, if there is one."""
        intent = await self.intent(merchant_id, intent_id)
        if intent.operation is None:
            return Loaded(intent)
        command = await self.command(merchant_id, intent.operation)
        return Loaded(intent, None, command, await self.attempt(merchant_id, command.charge))

    async def command(self, merchant_id: str, command_id: str) -> Command:
        """Return a command that is there."""
        row = await self._reader.get("command", (merchant_id, command_id))
        assert row is not None
        return from_row(row)

    async def subject(self, command: Command, merchant: Merchant) -> Subject:
        """Return a verification with everything that its outcome is about, as it is now."""
        merchant_id = command.merchant_id

        async def read() -> tuple[SetupIntent, SetupAttempt, PaymentMethod, bool]:
            intent = await self.intent(merchant_id, command.payment_intent)
            attempt = await self.attempt(merchant_id, command.charge)
            method = await self._methods.stored(merchant, attempt.payment_method)
            present = await self._customer_present(merchant_id, intent.customer)
            return intent, attempt, method, present

        now, about = await read_together(self._reader, command, read)
        return Subject(now, *about)

    async def page(
        self, kind: str, merchant_id: str, filters: dict[str, Any], page: Page
    ) -> tuple[list[Row], bool]:
        """Return rows from the newest to the oldest, and whether there are more.

        Refuses `resource_missing` for a cursor that is none of the merchant's.
        """
        cursor = page.cursor
        if cursor and await self._reader.get(kind, (merchant_id, cursor.object_id)) is None:
            raise missing(kind, cursor.object_id, cursor.param)
        parameters = {
            "merchant_id": merchant_id, "customer": filters.get("customer"),
            "payment_method": filters.get("payment_method"),
            "setup_intent": filters.get("setup_intent"),
        } | created_bounds(filters)  # fmt: skip
        return await read_page(self._reader.query, f"{kind}_list", page, parameters)

    async def _need_customer(self, merchant_id: str, params: dict[str, Any]) -> None:
        customer_id = params.get("customer")
        if customer_id is not None and not await self._customer_present(merchant_id, customer_id):
            raise missing("customer", customer_id, "customer")

    async def _customer_present(self, merchant_id: str, customer_id: str | None) -> bool:
        if customer_id is None:
            return False
        row = await self._reader.get("customer", (merchant_id, customer_id))
        return row is not None and not row["deleted"]


def missing(kind: str, object_id: str, param: str) -> Refusal:
    """Return the refusal for an object that this merchant does not have."""
    return Refusal(Code.RESOURCE_MISSING, f"No such {kind}: '{shown_id(object_id)}'", param=param)
