"""What the API wants of the core: the services behind its routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, Protocol

from hazina.catalog.service import Catalog
from hazina.checkout.parts import Checkout
from hazina.clock import Clock
from hazina.customers.keeping import Keeping
from hazina.customers.service import Customers
from hazina.customers.sources import Sources
from hazina.dispatch.held_callbacks import HeldCallbacks
from hazina.events.service import Events
from hazina.events.tail import LogTail
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.idempotency.service import Idempotency as Keys
from hazina.ids import Ids
from hazina.ledger.service import Ledgers
from hazina.merchants.clocks import Clocks
from hazina.merchants.limits import RateLimits
from hazina.merchants.merchant import Caller
from hazina.merchants.service import Accounts, ApiKeys, Merchants
from hazina.merchants.test_clocks import TestClocks
from hazina.paging import Page
from hazina.payment_methods.service import PaymentMethods
from hazina.payment_methods.tokens import Tokens
from hazina.search.engine import Searches
from hazina.setup_intents.service import SetupIntents
from hazina.webhooks.records import WebhookRecords
from hazina.webhooks.replays import WebhookReplays
from hazina.webhooks.service import WebhookEndpoints

Changed = Awaitable[Answer]
Params = dict[str, Any]
Idempotency = IdempotencyRequest | None


class Payments(Protocol):
    """Payment intents, charges, refunds and balance transactions."""

    def create_intent(self, caller: Caller, params: Params, idempotency: Idempotency, /) -> Changed:
        """Make an intent, and confirm it if asked."""

    def update_intent(
        self, caller: Caller, intent_id: str, params: Params, idempotency: Idempotency, /
    ) -> Changed:
        """Change an intent."""

    def confirm_intent(
        self, caller: Caller, intent_id: str, params: Params, idempotency: Idempotency, /
    ) -> Changed:
        """Try to take the payment."""

    def capture_intent(
        self, caller: Caller, intent_id: str, params: Params, idempotency: Idempotency, /
    ) -> Changed:
        """Capture an authorized intent."""

    def increment_intent(
        self, caller: Caller, intent_id: str, params: Params, idempotency: Idempotency, /
    ) -> Changed:
        """Raise what an intent has authorized."""

    def cancel_intent(
        self, caller: Caller, intent_id: str, params: Params, idempotency: Idempotency, /
    ) -> Changed:
        """Cancel an intent."""

    def create_charge(self, caller: Caller, params: Params, idempotency: Idempotency, /) -> Changed:
        """Charge without an intent of the client's."""

    def cancel_refund(self, caller: Caller, refund_id: str, /) -> Awaitable[NoReturn]:
        """Refuse: no refund waits for the customer."""

    def update_charge(
        self, caller: Caller, charge_id: str, params: Params, idempotency: Idempotency, /
    ) -> Changed:
        """Change a charge."""

    def capture_charge(
        self, caller: Caller, charge_id: str, params: Params, idempotency: Idempotency, /
    ) -> Changed:
        """Capture an authorized charge."""

    def create_refund(self, caller: Caller, params: Params, idempotency: Idempotency, /) -> Changed:
        """Give money back."""

    def update_refund(
        self, caller: Caller, refund_id: str, params: Params, idempotency: Idempotency, /
    ) -> Changed:
        """Change a refund."""

    def retrieve(self, caller: Caller, kind: str, object_id: str, /) -> Awaitable[Params]:
        """Return an object in its public shape."""

    def list(
        self, caller: Caller, kind: str, filters: Params, page: Page, /
    ) -> Awaitable[tuple[list[Params], bool]]:
        """Return a page of objects, newest first, and whether there are more."""


class Balances(Protocol):
    """What merchants have."""

    def balance(self, caller: Caller, /) -> Awaitable[Params]:
        """Return the caller's balance in its public shape."""


class Callbacks(Protocol):
    """Where providers call back."""

    def receive(self, connector: str, headers: dict[str, str], body: bytes, /) -> Awaitable[bool]:
        """Verify and keep a callback; False when it is not the provider's."""


class Core(Protocol):
    """The core as `bootstrap` builds it."""

    @property
    def docs_url(self) -> str: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def merchants(self) -> Merchants: ...
    @property
    def idempotency(self) -> Keys: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def limits(self) -> RateLimits: ...
    @property
    def payments(self) -> Payments: ...
    @property
    def customers(self) -> Customers: ...
    @property
    def clocks(self) -> Clocks: ...
    @property
    def test_clocks(self) -> TestClocks: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def keeping(self) -> Keeping: ...
    @property
    def sources(self) -> Sources: ...
    @property
    def payment_methods(self) -> PaymentMethods: ...
    @property
    def setup_intents(self) -> SetupIntents: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def checkout(self) -> Checkout: ...
    @property
    def searches(self) -> Searches: ...
    @property
    def events(self) -> Events: ...
    @property
    def log_tail(self) -> LogTail: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def webhooks(self) -> WebhookEndpoints: ...
    @property
    def webhook_records(self) -> WebhookRecords: ...
    @property
    def webhook_replays(self) -> WebhookReplays: ...
    @property
    def balances(self) -> Balances: ...
    @property
    def ledgers(self) -> Ledgers: ...
    @property
    def callbacks(self) -> Callbacks: ...
    @property
    def held_callbacks(self) -> HeldCallbacks: ...

    @property
    def requests_max(self) -> int: ...

    async def health(self) -> dict[str, Any]:
        """Return what works; the key `ready` says whether requests can be taken."""

    async def close(self) -> None:
        """Finish what is under way and let go of everything."""


CoreFactory = Callable[[], Awaitable[Core]]
