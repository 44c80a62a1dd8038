"""The one door to setup intents: what the API asks for, and the outcomes that come back."""

from __future__ import annotations

from typing import Any

from hazina.clock import Clock
from hazina.commands.command import Command
from hazina.commands.performing import Perform, Performed, TurnsAway
from hazina.db.reader import Reader
from hazina.db.writer import Writer
from hazina.events.service import Cause
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller
from hazina.merchants.service import Merchants
from hazina.paging import Page
from hazina.payment_methods.service import PaymentMethods
from hazina.setup_intents import requests
from hazina.setup_intents.draft import Draft
from hazina.setup_intents.intent import SetupIntent
from hazina.setup_intents.operations import Operations
from hazina.setup_intents.requests import SetupSettings
from hazina.setup_intents.store import Loaded, Store, Subject, attempt_from, intent_from
from hazina.setup_intents.view import attempt_view, intent_view


class SetupIntents:
    """Creates, changes, confirms and cancels setup intents, and applies outcomes."""

    def __init__(
        self, *, reader: Reader, writer: Writer, clock: Clock, clocks: Clocks, ids: Ids,
        merchants: Merchants, methods: PaymentMethods, idempotency: Idempotency,
        settings: SetupSettings,
    ) -> None:  # fmt: skip
        self._merchants = merchants
        self._settings = settings
        self._store = Store(reader, methods)
        self._operations = Operations(
            writer=writer, clock=clock, clocks=clocks, ids=ids,
            store=self._store, idempotency=idempotency, settings=settings,
        )  # fmt: skip

    def connect(self, perform: Perform, turns_away: TurnsAway | None = None) -> None:
        """Say how commands are performed; `bootstrap` does, once."""
        self._operations.connect(perform, turns_away)

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Create an intent and, with `confirm`, have its card verified."""

        async def load() -> Loaded:
            return await self._store.for_request(caller.merchant, None, params, confirms=False)

        def decide(draft: Draft, loaded: Loaded) -> SetupIntent | Subject:
            return requests.create(draft, loaded, params, self._settings)

        return await self._operations.begin(caller, idempotency, load, decide)

    async def update(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Change an intent; after it is confirmed, only description and metadata."""

        async def load() -> Loaded:
            return await self._store.for_request(caller.merchant, intent_id, params, confirms=False)

        def decide(draft: Draft, loaded: Loaded) -> SetupIntent:
            return requests.update(draft, loaded, params)

        return await self._operations.begin(caller, idempotency, load, decide)

    async def confirm(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Have the intent's card verified by its bank, for no money."""

        async def load() -> Loaded:
            return await self._store.for_request(caller.merchant, intent_id, params, confirms=True)

        def decide(draft: Draft, loaded: Loaded) -> Subject:
            return requests.confirm(draft, loaded, params, self._settings)

        return await self._operations.begin(caller, idempotency, load, decide)

    async def cancel(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """End an intent that has not succeeded."""

        async def load() -> Loaded:
            return await self._store.with_operation(caller.merchant.merchant_id, intent_id)

        def decide(draft: Draft, loaded: Loaded) -> SetupIntent:
            return requests.cancel(draft, loaded, params)

        return await self._operations.begin(caller, idempotency, load, decide)

    async def retrieve(self, caller: Caller, kind: str, object_id: str) -> dict[str, Any]:
        """Render an intent or an attempt. Refuses `resource_missing`."""
        merchant = caller.merchant
        if kind == "setup_attempt":
            attempt = await self._store.attempt(merchant.merchant_id, object_id)
            return attempt_view(attempt, merchant.livemode)
        assert kind == "setup_intent"
        return intent_view(
            await self._store.intent(merchant.merchant_id, object_id), merchant.livemode
        )

    async def list(
        self, caller: Caller, kind: str, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Render a page of intents or attempts, newest first."""
        merchant = caller.merchant
        rows, more = await self._store.page(kind, merchant.merchant_id, filters, page)
        if kind == "setup_attempt":
            return [attempt_view(attempt_from(row), merchant.livemode) for row in rows], more
        assert kind == "setup_intent"
        return [intent_view(intent_from(row), merchant.livemode) for row in rows], more

    async def report(self, command: Command, performed: Performed) -> None:
        """Apply an outcome that came by callback, inquiry or a late reply."""
        merchant = await self._merchants.get(command.merchant_id)
        await self._operations.apply(merchant, Cause(), None, command, performed, None)
