"""Each operation in each state of each object over the API; some have tables in tests/unit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from hazina.api.table import ROUTES
from hazina.checkout.paying import Payer
from hazina.merchants.merchant import Caller
from tests.support.direct import Direct, direct

OK = None
GONE = "resource_missing"
METHOD_STATE = "payment_method_unexpected_state"
SESSION_STATE = "checkout_session_unexpected_state"
ELSEWHERE = frozenset({"payment_intent", "charge", "refund", "setup_intent"})
"""Objects whose state machines are pure: tests/unit/payments and tests/unit/setup_intents."""

_CARD = {"type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12",
         "card[exp_year]": "2040"}  # fmt: skip
_PRICE_DATA = {"currency": "kes", "unit_amount": "500", "product_data[name]": "Tea"}
_NOTE = {"metadata[note]": "7"}
_THEN = 1_893_456_000


@dataclass(slots=True)
class Desk:
    """A platform that brings objects into their states."""

    api: Direct
    key: str

    async def post(self, path: str, **fields: Any) -> Any:
        return await self.api.post(self.key, path, **fields)

    async def made(self, path: str, **fields: Any) -> str:
        return str((await self.post(path, **fields))["id"])

    async def gone(self, path: str) -> None:
        answer = await self.api.send(self.key, "DELETE", path)
        assert answer.status == 200, answer.body

    async def customer(self, state: str = "present") -> str:
        customer = await self.made("/v1/customers", name="Amina")
        if state == "deleted":
            await self.gone(f"/v1/customers/{customer}")
        return customer

    async def payment_method(self, state: str) -> str:
        method = await self.made("/v1/payment_methods", **_CARD)
        if state != "nobody's":
            customer = await self.customer()
            await self.post(f"/v1/payment_methods/{method}/attach", customer=customer)
        if state == "detached":
            await self.post(f"/v1/payment_methods/{method}/detach")
        if state == "customer deleted":
            await self.gone(f"/v1/customers/{customer}")
        return method

    async def source(self, state: str) -> str:
        """Return the path of a customer's card."""
        home = f"/v1/customers/{await self.customer()}/sources"
        card = f"{home}/{await self.made(home, source='tok_visa')}"
        if state == "deleted":
            await self.gone(card)
        if state == "customer deleted":
            await self.gone(home.removesuffix("/sources"))
        return card

    async def product(self, state: str) -> str:
        if state == "with a price":
            return str((await self.post("/v1/prices", **_PRICE_DATA))["product"])
        product = await self.made("/v1/products", name="Tea")
        if state == "inactive":
            await self.post(f"/v1/products/{product}", active="false")
        if state == "deleted":
            await self.gone(f"/v1/products/{product}")
        return product

    async def price(self, state: str) -> str:
        price = await self.post("/v1/prices", **_PRICE_DATA)
        if state == "inactive":
            await self.post(f"/v1/prices/{price['id']}", active="false")
        if state == "its product's default":
            await self.post(f"/v1/products/{price['product']}", default_price=price["id"])
        return str(price["id"])

    async def session(self, state: str) -> str:
        item = {"line_items[0][price]": await self.price("active"), "line_items[0][quantity]": 1}
        session = await self.made("/v1/checkout/sessions", **item)
        if state == "expired":
            await self.post(f"/v1/checkout/sessions/{session}/expire")
        methods = {
            "declined": "pm_card_chargeDeclined", "authenticating": "pm_card_threeDSecure2Required",
            "complete": "pm_card_visa",
        }  # fmt: skip
        if state in methods:
            visit = await self.api.core.checkout.visits.look(session)
            assert visit is not None

            async def method(_: Caller) -> str:
                return methods[state]

            payer = Payer("amina@example.com", "Amina", "try_1")
            await self.api.core.checkout.visits.pay(visit, payer, method)
        return session

    async def link(self, state: str) -> str:
        recurring = {"recurring[interval]": "month"} if state == "recurring" else {}
        price = await self.made("/v1/prices", **_PRICE_DATA, **recurring)
        item = {"line_items[0][price]": price, "line_items[0][quantity]": 1}
        link = await self.made("/v1/payment_links", **item)
        if state == "inactive":
            await self.post(f"/v1/payment_links/{link}", active="false")
        return link

    async def endpoint(self, state: str) -> str:
        fields = {"url": "https://duka.test/hook", "enabled_events[]": "*"}
        endpoint = await self.made("/v1/webhook_endpoints", **fields)
        if state == "disabled":
            await self.post(f"/v1/webhook_endpoints/{endpoint}", disabled="true")
        if state == "deleted":
            await self.gone(f"/v1/webhook_endpoints/{endpoint}")
        return endpoint

    async def account(self, state: str) -> str:
        account = await self.made("/v1/accounts")
        if state == "rejected":
            await self.post(f"/v1/accounts/{account}/reject", reason="fraud")
        return account

    async def api_key(self, state: str) -> str:
        key = await self.made("/v1/hazina/api_keys", type="secret")
        if state != "live":
            grace = 3_600 if state == "ending" else 0
            await self.post(f"/v1/hazina/api_keys/{key}/revoke", grace_seconds=grace)
        return key

    async def clock(self, state: str) -> str:
        clock = await self.made("/v1/test_helpers/test_clocks", frozen_time=_THEN)
        if state == "advancing":
            # No worker runs here: it stays so.
            path = f"/v1/test_helpers/test_clocks/{clock}/advance"
            await self.post(path, frozen_time=_THEN + 60)
        if state == "deleted":
            await self.gone(f"/v1/test_helpers/test_clocks/{clock}")
        return clock


@dataclass(frozen=True, slots=True)
class Table:
    """The states of an object, how to bring it there, and its operations.

    An operation is a route with the fields that it is asked with, and the code that it is refused
    with in each state in their order; None where it is done.
    """

    states: tuple[str, ...]
    make: Callable[[Desk, str], Any]
    operations: tuple[tuple[str, dict[str, str], tuple[str | None, ...]], ...]


TABLES = (
    Table(
        ("present", "deleted"),
        Desk.customer,
        (
            ("POST /v1/customers/{id}", _NOTE, (OK, GONE)),
            ("POST /v1/customers/{customer}/sources", {"source": "tok_visa"}, (OK, GONE)),
            ("DELETE /v1/customers/{id}", {}, (OK, GONE)),
        ),
    ),
    Table(
        ("nobody's", "attached", "detached", "customer deleted"),
        Desk.payment_method,
        (
            ("POST /v1/payment_methods/{id}", _NOTE, (OK, OK, METHOD_STATE, METHOD_STATE)),
            (
                "POST /v1/payment_methods/{id}/attach",
                {"customer": "another"},
                (OK, METHOD_STATE, METHOD_STATE, METHOD_STATE),
            ),
            (
                "POST /v1/payment_methods/{id}/detach",
                {},
                (METHOD_STATE, OK, METHOD_STATE, METHOD_STATE),
            ),
        ),
    ),
    Table(
        ("kept", "deleted", "customer deleted"),
        Desk.source,
        (
            ("POST /v1/customers/{customer}/sources/{id}", _NOTE, (OK, GONE, GONE)),
            ("DELETE /v1/customers/{customer}/sources/{id}", {}, (OK, GONE, GONE)),
        ),
    ),
    Table(
        ("active", "inactive", "with a price", "deleted"),
        Desk.product,
        (
            ("POST /v1/products/{id}", {"active": "false"}, (OK, OK, OK, GONE)),
            ("DELETE /v1/products/{id}", {}, (OK, OK, "product_in_use", GONE)),
        ),
    ),
    Table(
        ("active", "inactive", "its product's default"),
        Desk.price,
        (
            ("POST /v1/prices/{id}", {"active": "false"}, (OK, OK, "price_in_use")),
            ("POST /v1/prices/{id}", {"active": "true"}, (OK, OK, OK)),
        ),
    ),
    Table(
        ("open", "declined", "authenticating", "complete", "expired"),
        Desk.session,
        (
            ("POST /v1/checkout/sessions/{id}", _NOTE, (OK, OK, OK, OK, OK)),
            (
                "POST /v1/checkout/sessions/{id}/expire",
                {},
                (OK, OK, OK, SESSION_STATE, SESSION_STATE),
            ),
        ),
    ),
    Table(
        ("active", "inactive", "recurring"),
        Desk.link,
        (
            ("POST /v1/payment_links/{id}", {"active": "true"}, (OK, OK, "not_supported")),
            ("POST /v1/payment_links/{id}", {"active": "false"}, (OK, OK, OK)),
        ),
    ),
    Table(
        ("enabled", "disabled", "deleted"),
        Desk.endpoint,
        (
            ("POST /v1/webhook_endpoints/{id}", {"disabled": "false"}, (OK, OK, GONE)),
            ("POST /v1/hazina/webhook_endpoints/{id}/pause", {}, (OK, OK, GONE)),
            ("POST /v1/hazina/webhook_endpoints/{id}/resume", {}, (OK, OK, GONE)),
            ("POST /v1/hazina/webhook_endpoints/{id}/rotate_secret", {}, (OK, OK, GONE)),
            ("POST /v1/hazina/webhook_endpoints/{id}/test", {}, (OK, "parameter_invalid", GONE)),
            (
                "POST /v1/hazina/webhook_endpoints/{id}/replay",
                {"what": "failed", "created[gte]": str(_THEN - 1)},
                (OK, OK, GONE),
            ),
            (
                "POST /v1/hazina/webhook_endpoints/{id}/replay_event",
                {"event": "evt_none"},
                (GONE, GONE, GONE),
            ),
            ("DELETE /v1/webhook_endpoints/{id}", {}, (OK, OK, GONE)),
        ),
    ),
    Table(
        ("enabled", "rejected"),
        Desk.account,
        (
            ("POST /v1/accounts/{id}", _NOTE, (OK, OK)),
            ("POST /v1/accounts/{id}/reject", {"reason": "other"}, (OK, OK)),
        ),
    ),
    Table(
        ("live", "ending", "revoked"),
        Desk.api_key,
        (
            (
                "POST /v1/hazina/api_keys/{id}/roll",
                {},
                (OK, "parameter_invalid", "parameter_invalid"),
            ),
            ("POST /v1/hazina/api_keys/{id}/revoke", {}, (OK, OK, OK)),
        ),
    ),
    Table(
        ("ready", "advancing", "deleted"),
        Desk.clock,
        (
            (
                "POST /v1/test_helpers/test_clocks/{id}/advance",
                {"frozen_time": str(_THEN + 120)},
                (OK, "test_clock_not_ready", GONE),
            ),
            ("DELETE /v1/test_helpers/test_clocks/{id}", {}, (OK, OK, GONE)),
        ),
    ),
)


@pytest.fixture(scope="module")
def covered() -> set[str]:
    return {route for table in TABLES for route, _, _ in table.operations}


def test_no_operation_and_no_cell_is_missing(covered: set[str]) -> None:
    operations = {
        route.name
        for route in ROUTES
        if route.method != "GET" and "{" in route.path and route.answers not in ELSEWHERE
    }
    assert covered == operations
    for table in TABLES:
        assert all(len(cells) == len(table.states) for _, _, cells in table.operations)


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    async with direct(database_url) as api:
        merchant = await api.core.merchants.create(is_platform=True)
        yield Desk(api, await api.core.merchants.issue_key(merchant))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.make.__name__)
async def test_each_operation_in_each_state_is_done_or_refused(desk: Desk, table: Table) -> None:
    wrong = []
    for route, fields, cells in table.operations:
        method, _, path = route.partition(" ")
        for state, expected in zip(table.states, cells, strict=True):
            made = await table.make(desk, state)
            where = made if made.startswith("/") else _at(path, made)
            sent = fields | ({"customer": await desk.customer()} if "customer" in fields else {})
            answer = await desk.api.send(desk.key, method, where, sent)
            if answer.code != expected:
                wrong.append(f"{route} {fields}, {state}: {answer.code} and not {expected}")
    assert not wrong, "\n".join(wrong)


def _at(path: str, object_id: str) -> str:
    return path.replace("{id}", object_id).replace("{customer}", object_id)
