"""The composition root: opens a core with everything wired, and closes it again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import hazina
from hazina.balances import tables as balances_tables
from hazina.balances.service import Balances
from hazina.bootstrap import streams
from hazina.bootstrap.settings import Settings
from hazina.catalog import tables as catalog_tables
from hazina.catalog.searching import PRICES, PRODUCTS
from hazina.catalog.service import Catalog
from hazina.checkout import parts as checkout_parts
from hazina.checkout import tables as checkout_tables
from hazina.checkout.parts import Checkout
from hazina.clock import Clock, SystemClock
from hazina.commands import tables as commands_tables
from hazina.commands.command import Command
from hazina.commands.performing import Performed
from hazina.connectors import find
from hazina.consuming import tables as consuming_tables
from hazina.customers import tables as customers_tables
from hazina.customers.keeping import Keeping
from hazina.customers.searching import CUSTOMERS
from hazina.customers.service import Customers
from hazina.customers.sources import Sources
from hazina.db.migrate import check as check_schema
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.reader import Reader, Searcher
from hazina.db.table import Schema
from hazina.db.unit import Unit
from hazina.db.writer import Store, Writer
from hazina.dispatch.callbacks import Callbacks
from hazina.dispatch.held_callbacks import HeldCallbacks
from hazina.dispatch.service import Dispatcher, DispatchSettings
from hazina.dispatch.transport import HttpTransport
from hazina.events import tables as events_tables
from hazina.events.service import Events
from hazina.events.tail import LogTail
from hazina.idempotency import tables as idempotency_tables
from hazina.idempotency.service import Idempotency
from hazina.ids import Ids, SystemIds
from hazina.inbox import tables as inbox_tables
from hazina.kafka import tables as kafka_tables
from hazina.kafka.relay import Relay
from hazina.ledger import tables as ledger_tables
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.service import Ledgers
from hazina.merchants import tables as merchants_tables
from hazina.merchants.clocks import Clocks
from hazina.merchants.limits import MemoryLimits, Rate, RateLimits
from hazina.merchants.service import Accounts, ApiKeys, Merchants
from hazina.merchants.test_clocks import TestClocks
from hazina.payment_methods import tables as payment_methods_tables
from hazina.payment_methods.service import PaymentMethods
from hazina.payment_methods.tokens import Tokens
from hazina.payments import tables as payments_tables
from hazina.payments.authorizing import PROVIDER
from hazina.payments.operations import PaymentSettings
from hazina.payments.searching import CHARGES, INTENTS
from hazina.payments.service import Payments
from hazina.rails.contract import Connector, ConnectorKind, Operation
from hazina.rails.transport import Transport
from hazina.redis.limits import RedisLimits
from hazina.reports import tables as reports_tables
from hazina.search.engine import Searches
from hazina.search.pages import PageTokens
from hazina.search.turns import Turns
from hazina.setup_intents import tables as setup_intents_tables
from hazina.setup_intents.requests import SetupSettings
from hazina.setup_intents.service import SetupIntents
from hazina.tasks import Tasks
from hazina.webhooks import tables as webhooks_tables
from hazina.webhooks.records import WebhookRecords
from hazina.webhooks.replays import WebhookReplays
from hazina.webhooks.service import WebhookEndpoints

_HEALTH_SECONDS_MAX = 0.5
_CLOCK_AHEAD_MS_MAX = 10_000
"""How far a clock may be from the database's, either way, before its process takes no work."""
MIGRATIONS = Path(hazina.__file__).parent / "db" / "migrations"
SCHEMA = Schema(
    idempotency_tables.TABLES + payments_tables.TABLES + commands_tables.TABLES
    + checkout_tables.TABLES + catalog_tables.TABLES + customers_tables.TABLES
    + webhooks_tables.TABLES + inbox_tables.TABLES
    + events_tables.TABLES + balances_tables.TABLES + merchants_tables.TABLES
    + payment_methods_tables.TABLES + setup_intents_tables.TABLES + ledger_tables.TABLES
    + kafka_tables.TABLES + consuming_tables.TABLES + reports_tables.TABLES
)  # fmt: skip

SEARCHED = (INTENTS, CHARGES, CUSTOMERS, PRODUCTS, PRICES)


def query_files() -> list[Path]:
    """Return every package's named queries."""
    return sorted(Path(hazina.__file__).parent.glob("**/queries.sql"))


class Reading(Reader, Searcher, Protocol):
    """Reads and searches, as `wire` needs them."""


@dataclass(frozen=True, slots=True)
class Nudges:
    """Set when units of this process left work for the loops: events, or callbacks in the inbox."""

    events: asyncio.Event
    callbacks: asyncio.Event

    def wake(self, committed: Iterable[Unit]) -> None:
        """Look at the units of a batch that became durable."""
        if self.events.is_set() and self.callbacks.is_set():
            return
        for unit in committed:
            if any(write.table == "event" for write in unit.writes):
                self.events.set()
            if any(claim.table == "inbox" for claim in unit.claims):
                self.callbacks.set()


@dataclass(slots=True)
class Core:
    """A running core: every service that protocols and workers are given."""

    settings: Settings
    clock: Clock
    ids: Ids
    reader: Reader
    writer: Writer
    tasks: Tasks
    merchants: Merchants
    clocks: Clocks
    limits: RateLimits
    accounts: Accounts
    api_keys: ApiKeys
    idempotency: Idempotency
    payments: Payments
    setup_intents: SetupIntents
    customers: Customers
    test_clocks: TestClocks
    catalog: Catalog
    keeping: Keeping
    sources: Sources
    payment_methods: PaymentMethods
    tokens: Tokens
    checkout: Checkout
    searches: Searches
    events: Events
    log_tail: LogTail
    webhooks: WebhookEndpoints
    webhook_records: WebhookRecords
    webhook_replays: WebhookReplays
    balances: Balances
    ledgers: Ledgers
    dispatch: Dispatcher
    callbacks: Callbacks
    held_callbacks: HeldCallbacks
    relay: Relay | None
    """What carries events to Kafka, where that is wanted."""
    nudges: Nudges
    """Set when this process committed what a worker's loop waits for: an event, or a callback."""
    closing: list[Any]
    """What `close` lets go of, in order."""

    @property
    def docs_url(self) -> str:
        """Where the pages stand to which errors lead."""
        return self.settings.docs_url

    @property
    def requests_max(self) -> int:
        """How many requests of /v1 may be under way in this process."""
        return self.settings.requests_max

    async def health(self) -> dict[str, Any]:
        """Tell whether this process can take payments, and how loaded its providers are."""
        checks: dict[str, Any] = {}
        try:
            async with asyncio.timeout(_HEALTH_SECONDS_MAX):
                rows = await self.reader.query("command_open_count", {})
            checks["database"] = "ok"
            checks["open_commands"] = rows[0]["open"]
            ahead = self.clock.now() - rows[0]["now"]
            checks["clock_ahead_ms"] = ahead // timedelta(milliseconds=1)
        except Exception as error:
            checks["database"] = type(error).__name__
        queue = self.writer.state()
        checks["writer"] = {
            "waiting": queue.waiting, "waiting_max": queue.waiting_max,
            "oldest_ms": queue.oldest_ms, "saturated": queue.saturated,
        }  # fmt: skip
        searches = self.searches.turns.state()
        checks["searches"] = {
            "under_way": searches.under_way, "under_way_max": searches.under_way_max,
            "waiting": searches.waiting, "waiting_max": searches.waiting_max,
            "saturated": searches.saturated,
        }  # fmt: skip
        providers = {
            account: {"breaker": state.breaker.value, "in_flight": state.in_flight,
                      "in_flight_max": state.in_flight_max, "saturated": state.saturated}
            for account, state in self.dispatch.health().items()
        }  # fmt: skip
        # What it booked would bear a wrong date; the database's clock is everybody's measure.
        on_time = abs(checks.get("clock_ahead_ms", 0)) <= _CLOCK_AHEAD_MS_MAX
        ready = checks["database"] == "ok" and not queue.saturated and on_time
        return {"ready": ready, "checks": checks, "providers": providers}

    async def close(self) -> None:
        """Finish what is under way and let go of everything."""
        await self.tasks.close()
        await self.writer.close()
        for thing in self.closing:
            await thing.close()


def _connector(settings: Settings, transport: Transport) -> Connector:
    kind: ConnectorKind = find()["sandbox"].CONNECTOR
    return kind.build(
        kind.settings(
            url=settings.simulator_url, callback_secret=settings.callback_secret,
            call_timeout_ms=settings.call_timeout_ms,
            not_found_window_ms=settings.not_found_window_ms,
            inquiry_schedule_ms=settings.inquiry_schedule_ms,
        ),
        transport,
    )  # fmt: skip


def _dispatch_settings(settings: Settings) -> DispatchSettings:
    return DispatchSettings(
        deadline_ms=settings.deadline_ms,
        send_age_max_ms=settings.send_age_max_ms,
        inquiry_lease_ms=settings.inquiry_lease_ms,
        authorization_owed_ms=settings.authorization_owed_ms,
    )


async def _report(
    payments: Payments, setup_intents: SetupIntents, command: Command, performed: Performed
) -> None:
    """Bring an outcome to the package that issued the command."""
    if command.operation is Operation.VERIFY:
        await setup_intents.report(command, performed)
    else:
        await payments.report(command, performed)


def _limits(settings: Settings, clock: Clock) -> RateLimits:
    seconds = settings.rate_burst_seconds
    read, write = (
        Rate(per_minute, max(1, per_minute * seconds // 60))
        for per_minute in (settings.rate_read_per_minute, settings.rate_write_per_minute)
    )
    if settings.redis_url:
        return RedisLimits(settings.redis_url, clock, read, write)
    return MemoryLimits(clock, read, write)


async def _store(settings: Settings, clock: Clock) -> PostgresStore:
    """Open the writer's store, on a schema that this release knows."""
    await asyncio.to_thread(check_schema, settings.database_url)
    store = PostgresStore(settings.database_url, SCHEMA, LedgerEngine(clock), clock=clock)
    await store.open()
    return store


async def open_core(
    settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None
) -> Core:
    """Connect and wire a core.

    Raises `UnsafeSettings`, `SchemaError` for a database that is not of this release, and
    `UnsafeServer`.
    """
    settings.check()
    clock = clock or SystemClock()
    store = await _store(settings, clock)
    reader = PooledReader(
        settings.database_url, SCHEMA, query_files(), size=settings.reader_connections,
        patience_ms=settings.read_timeout_ms, clock=clock,
    )  # fmt: skip
    await reader.open()
    core = await wire(settings, clock, ids or SystemIds(), store, reader, HttpTransport())
    core.closing.extend([reader, store])
    return core


async def wire(
    settings: Settings, clock: Clock, ids: Ids, store: Store, reader: Reading, transport: Transport
) -> Core:
    """Wire a core over a store, a reader and a transport that are open, and start its writer."""
    nudges = Nudges(asyncio.Event(), asyncio.Event())
    writer = Writer(store, clock, committed=nudges.wake)
    await writer.start()
    tasks = Tasks()
    merchants = Merchants(reader, writer, clock, ids, settings.pepper.encode())
    clocks = Clocks(reader, clock)
    idempotency = Idempotency(reader, writer, clock, settings.docs_url)
    methods = PaymentMethods(reader, idempotency, clocks, ids, settings.pepper.encode())
    customers = Customers(reader, idempotency, clocks, ids, methods)
    keeping = Keeping(idempotency, customers, methods)
    payments = Payments(
        reader=reader, writer=writer, clock=clock, ids=ids, merchants=merchants,
        clocks=clocks, idempotency=idempotency, methods=methods,
        settings=PaymentSettings(
            settings.command_lease_ms, settings.key_lease_ms, settings.authorization_owed_ms
        ),
    )  # fmt: skip
    setup_intents = SetupIntents(
        reader=reader, writer=writer, clock=clock, clocks=clocks, ids=ids, merchants=merchants,
        methods=methods, idempotency=idempotency,
        settings=SetupSettings(PROVIDER, settings.command_lease_ms, settings.key_lease_ms),
    )  # fmt: skip
    report = partial(_report, payments, setup_intents)
    connector = _connector(settings, transport)
    dispatch = Dispatcher(
        connectors={PROVIDER: connector}, reader=reader, writer=writer, clock=clock, ids=ids,
        tasks=tasks, report=report, settings=_dispatch_settings(settings),
    )  # fmt: skip
    payments.connect(dispatch.run_now, {PROVIDER: connector.capabilities}, dispatch.turns_away)
    setup_intents.connect(dispatch.run_now, dispatch.turns_away)
    callbacks = Callbacks(
        connectors={connector.name: connector}, reader=reader, writer=writer, clock=clock,
        report=report, ask=dispatch.ask, tasks=tasks, lease_ms=settings.inquiry_lease_ms,
        at_once_max=settings.callbacks_at_once_max,
    )  # fmt: skip
    catalog = Catalog(reader, idempotency, clocks, ids)
    checkout = checkout_parts.wire(
        reader=reader, writer=writer, clock=clock, clocks=clocks, ids=ids,
        idempotency=idempotency, merchants=merchants, payments=payments, customers=customers,
        catalog=catalog, public_url=settings.public_url,
    )  # fmt: skip
    limits = _limits(settings, clock)
    events = Events(reader)
    tail = LogTail(reader, events, clock)
    return Core(
        settings, clock, ids, reader, writer, tasks, merchants, clocks, limits,
        Accounts(reader, idempotency, clock, ids, merchants.forget),
        ApiKeys(reader, idempotency, clock, ids, settings.pepper.encode(), merchants.forget),
        idempotency, payments, setup_intents, customers,
        TestClocks(reader, writer, idempotency, clock, ids, clocks), catalog, keeping,
        Sources(idempotency, customers, keeping, methods), methods,
        Tokens(reader, idempotency, ids, methods),
        checkout,
        Searches(reader, clocks, PageTokens(settings.pepper.encode()), SEARCHED,
                 Turns(settings.reader_connections)),
        events, tail,
        WebhookEndpoints(reader, idempotency, clock, ids, settings.webhook_policy),
        WebhookRecords(reader), WebhookReplays(reader, writer, idempotency, clock, ids),
        Balances(reader), Ledgers(reader, writer, clock), dispatch, callbacks,
        HeldCallbacks(reader, idempotency, settings.operator_account),
        streams.relay(settings, reader, writer, clock, ids), nudges,
        [tail, connector, transport, limits],
    )  # fmt: skip
