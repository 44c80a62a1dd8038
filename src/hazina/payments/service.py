"""The one door to payments: what the API asks for, and the outcomes that come back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from hazina.balances.line import view as line_view
from hazina.clock import Clock
from hazina.commands.command import Command
from hazina.commands.performing import Perform, Performed, TurnsAway
from hazina.db.reader import Reader
from hazina.db.writer import Writer
from hazina.events.service import Cause
from hazina.idempotency import service as keys
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller
from hazina.merchants.service import Merchants
from hazina.paging import Page
from hazina.payment_methods.service import PaymentMethods
from hazina.payments import holds, requests
from hazina.payments.charge import Charge, check_capture
from hazina.payments.draft import Draft
from hazina.payments.due import Due
from hazina.payments.intent import CONFIRMABLE, Intent, check_state
from hazina.payments.operations import (
    Operations,
    PaymentSettings,
    Shown,
    shows_charge,
    shows_intent,
    shows_refund,
)
from hazina.payments.paying import Paying, find_paying, find_source
from hazina.payments.refund import Refund, refuse_cancel
from hazina.payments.store import Payments as Store
from hazina.payments.store import charge_from, intent_from, missing, refund_from
from hazina.payments.subject import Subject
from hazina.payments.view import charge_view, intent_view, refund_view
from hazina.rails.contract import Capabilities

_PREFIXES = {"payment_intent": "pi", "charge": "ch", "refund": "re", "balance_transaction": "txn"}


class Payments:
    """Creates, confirms, captures, cancels and refunds payments, and applies outcomes."""

    def __init__(
        self, *, reader: Reader, writer: Writer, clock: Clock, ids: Ids, merchants: Merchants,
        clocks: Clocks, idempotency: Idempotency, methods: PaymentMethods,
        settings: PaymentSettings,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._clock = clock
        self._merchants = merchants
        self._clocks = clocks
        self._methods = methods
        self._settings = settings
        self._store = Store(reader)
        self._operations = Operations(
            writer=writer, clock=clock, ids=ids, clocks=clocks,
            store=self._store, idempotency=idempotency, settings=settings,
        )  # fmt: skip
        self._due = Due(
            reader=reader, writer=writer, clock=clock, clocks=clocks, merchants=merchants,
            store=self._store, operations=self._operations, settings=settings,
        )  # fmt: skip

    def connect(
        self, perform: Perform, capabilities: Mapping[str, Capabilities],
        turns_away: TurnsAway | None = None,
    ) -> None:  # fmt: skip
        """Say how commands are performed, and what each account can do; `bootstrap` does, once."""
        self._operations.connect(perform, capabilities, turns_away)

    # What a client asks for

    async def create_intent(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Create an intent and, with `confirm`, confirm it."""

        async def load() -> tuple[str | None, Paying | None]:
            customer = await self._store.need_customer(caller.merchant.merchant_id, params)
            return customer, await find_paying(self._methods, caller.merchant, params, None)

        def decide(draft: Draft, loaded: tuple[str | None, Paying | None]) -> Intent | Subject:
            wanted = requests.checked(params, loaded[1])
            return requests.create(draft, wanted, self._settings.command_lease_ms, loaded[1])

        return await self._operations.begin(caller, idempotency, load, decide, shows_intent)

    async def update_intent(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Change an intent that is not yet settled."""

        async def load() -> tuple[Intent, Paying | None]:
            await self._store.need_customer(caller.merchant.merchant_id, params)
            intent = await self._store.intent(caller.merchant.merchant_id, intent_id)
            if not params.keys() & {"payment_method", "payment_method_data"}:
                return intent, None
            wanted = params | {"customer": params.get("customer", intent.customer)}
            return intent, await find_paying(self._methods, caller.merchant, wanted, None)

        def decide(draft: Draft, loaded: tuple[Intent, Paying | None]) -> Intent:
            intent, paying = loaded
            return requests.update(draft, intent, requests.checked(params, paying), paying)

        return await self._operations.begin(caller, idempotency, load, decide, shows_intent)

    async def confirm_intent(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Ask the provider to authorize the intent."""

        async def load() -> tuple[Intent, Paying | None]:
            intent = await self._store.intent(caller.merchant.merchant_id, intent_id)
            check_state(intent, CONFIRMABLE, "confirm")
            return intent, await find_paying(self._methods, caller.merchant, params, intent)

        def decide(draft: Draft, loaded: tuple[Intent, Paying | None]) -> Intent | Subject:
            intent, paying = loaded
            lease_ms = self._settings.command_lease_ms
            wanted = requests.checked(params, paying)
            return requests.confirm(draft, intent, wanted, lease_ms, paying)

        return await self._operations.begin(caller, idempotency, load, decide, shows_intent)

    async def capture_intent(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Take authorized money."""
        return await self._capture(
            caller, params, idempotency,
            lambda: self._store.with_attempt(caller.merchant.merchant_id, intent_id), shows_intent,
        )  # fmt: skip

    async def increment_intent(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Raise what an intent has authorized and not captured."""

        async def load() -> tuple[Intent, Charge | None]:
            return await self._store.with_attempt(caller.merchant.merchant_id, intent_id)

        def decide(draft: Draft, loaded: tuple[Intent, Charge | None]) -> Subject:
            intent, charge = _charged(loaded, "increment the authorization of")
            lease_ms = self._settings.command_lease_ms
            return holds.increment(draft, intent, charge, params, lease_ms)

        return await self._operations.begin(caller, idempotency, load, decide, shows_intent)

    async def cancel_intent(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """End an intent, voiding what is authorized."""

        def decide(draft: Draft, loaded: tuple[Intent, Charge | None]) -> Intent | Subject:
            lease_ms = self._settings.command_lease_ms
            return holds.cancel(draft, loaded[0], loaded[1], params, lease_ms)

        async def load() -> tuple[Intent, Charge | None]:
            return await self._store.with_attempt(caller.merchant.merchant_id, intent_id)

        return await self._operations.begin(caller, idempotency, load, decide, shows_intent)

    async def create_charge(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Charge a token directly, as older clients do."""

        async def load() -> tuple[str | None, Paying]:
            merchant = caller.merchant
            customer = await self._store.need_customer(merchant.merchant_id, params)
            source = await self._store.source(merchant.merchant_id, params)
            return customer, await find_source(self._methods, merchant, source, customer)

        def decide(draft: Draft, loaded: tuple[str | None, Paying]) -> Subject:
            lease_ms = self._settings.command_lease_ms
            return requests.create_charge(draft, requests.checked(params), lease_ms, loaded[1])

        return await self._operations.begin(caller, idempotency, load, decide, shows_charge)

    async def capture_charge(
        self, caller: Caller, charge_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Take an authorized charge's money; `amount` may be less than was authorized."""
        if "amount" in params:
            params = {"amount_to_capture": params["amount"]}

        async def load() -> tuple[Intent, Charge | None]:
            charge = await self._store.charge(caller.merchant.merchant_id, charge_id)
            check_capture(charge)
            return await self._store.any_intent(charge.merchant_id, charge.payment_intent), charge

        return await self._capture(caller, params, idempotency, load, shows_charge, "amount")

    async def create_refund(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Give captured money back, in full or in part."""

        async def load() -> tuple[Intent, Charge]:
            return await self._store.refundable(caller.merchant.merchant_id, params)

        def decide(draft: Draft, loaded: tuple[Intent, Charge]) -> Subject:
            intent, charge = loaded
            made = requests.refund(draft, intent, charge, params, self._settings.command_lease_ms)
            given = self._operations.refused(requests.insufficient(charge))
            draft.on_refusal.extend(keys.claim_answered(idempotency, "", given, self._clock.now()))
            return made

        return await self._operations.begin(caller, idempotency, load, decide, shows_refund)

    async def cancel_refund(self, caller: Caller, refund_id: str) -> NoReturn:
        """Refuse to cancel a refund that exists: `refund_not_cancelable`."""
        refuse_cancel(await self._store.refund(caller.merchant.merchant_id, refund_id))

    async def update_charge(
        self, caller: Caller, charge_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Change a charge's description and metadata."""

        async def load() -> Charge:
            return await self._store.charge(caller.merchant.merchant_id, charge_id)

        return await self._reword(caller, params, idempotency, load)

    async def update_refund(
        self, caller: Caller, refund_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Change a refund's metadata."""

        async def load() -> Refund:
            return await self._store.refund(caller.merchant.merchant_id, refund_id)

        return await self._reword(caller, params, idempotency, load)

    async def retrieve(self, caller: Caller, kind: str, object_id: str) -> dict[str, Any]:
        """Render one object. Refuses `resource_missing`."""
        merchant = caller.merchant
        merchant_id = merchant.merchant_id
        if kind == "payment_intent":
            return intent_view(await self._store.intent(merchant_id, object_id), merchant.livemode)
        if kind == "charge":
            return charge_view(await self._store.charge(merchant_id, object_id), merchant.livemode)
        if kind == "refund":
            return refund_view(await self._store.refund(merchant_id, object_id), merchant.livemode)
        assert kind == "balance_transaction"
        rows = await self._reader.query(
            "balance_transaction_one", {"merchant_id": merchant_id, "id": object_id}
        )
        if not rows:
            raise missing("balance transaction", object_id, "id")
        return line_view(rows[0])

    async def list(
        self, caller: Caller, kind: str, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Render a page, newest first."""
        merchant = caller.merchant
        livemode = merchant.livemode
        span = await self._clocks.span(merchant, _PREFIXES[kind], filters.get("created") or {})
        rows, more = await self._store.page(kind, merchant.merchant_id, filters, page, span)
        if kind == "payment_intent":
            return [intent_view(intent_from(row), livemode) for row in rows], more
        if kind == "charge":
            return [charge_view(charge_from(row), livemode) for row in rows], more
        if kind == "refund":
            return [refund_view(refund_from(row), livemode) for row in rows], more
        assert kind == "balance_transaction"
        return [line_view(row) for row in rows], more

    # What comes back

    async def report(self, command: Command, performed: Performed) -> None:
        """Apply an outcome that came by callback, inquiry or a late reply."""
        merchant = await self._merchants.get(command.merchant_id)
        await self._operations.apply(
            merchant, Cause(), None, command, performed, None, shows_intent
        )

    async def release_due(self, limit: int = 100) -> int:
        """Make captured money available whose day has come; return how many."""
        return await self._due.release(limit)

    async def expire_due(self, limit: int = 20) -> int:
        """Void the authorizations whose time is over; return how many were begun."""
        return await self._due.expire(limit)

    # How it is done

    async def _capture(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None,
        load: Callable[[], Awaitable[tuple[Intent, Charge | None]]], shows: Shown,
        named: str = "amount_to_capture",
    ) -> Answer:  # fmt: skip
        def decide(draft: Draft, loaded: tuple[Intent, Charge | None]) -> Subject:
            intent, charge = _charged(loaded, "capture")
            lease_ms = self._settings.command_lease_ms
            return holds.capture(draft, intent, charge, params, lease_ms, named)

        return await self._operations.begin(caller, idempotency, load, decide, shows)

    async def _reword(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None,
        load: Callable[[], Awaitable[Charge | Refund]],
    ) -> Answer:  # fmt: skip
        def decide(draft: Draft, old: Charge | Refund) -> Charge | Refund:
            return requests.update_words(draft, old, params)

        return await self._operations.begin(caller, idempotency, load, decide, shows_charge)


def _charged(loaded: tuple[Intent, Charge | None], verb: str) -> tuple[Intent, Charge]:
    """Return both; refuses as `check_state` where the intent has no charge to change."""
    intent, charge = loaded
    if charge is None:
        check_state(intent, holds.CAPTURABLE, verb)
    assert charge is not None, "a capturable intent has a charge"
    return intent, charge
