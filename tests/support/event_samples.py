"""Plays everything that makes an event, and keeps one event of each type as a sample.

What differs from run to run (ids, times, secrets, addresses) is put in one form, so that samples
recorded twice are the same. Nothing else of an event is touched, and none is written by hand.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from hazina.checkout.paying import Payer
from hazina.clock import SystemClock
from hazina.commands.command import from_row
from hazina.commands.performing import Door, Performed
from hazina.merchants.merchant import Caller
from hazina.merchants.test_clock import TestClock
from hazina.webhooks.health import Disabled, EndpointHealth
from hazina.workers.settings import WorkerSettings
from tests.support import event_log
from tests.support.direct import Direct

Sample = dict[str, Any]

EPOCH = 1_767_225_600
"""When every sample happened; other times keep their distance from it, to the minute."""
_NEAR_SECONDS = 400 * 86_400
_FROZEN = 3_786_912_000
"""Where a test clock of the samples stands: far from any time that is put in the one form."""
_ID = re.compile(r"(?<![a-z0-9])([a-z]+(?:_test)?)_([0-9a-hjkmnp-tv-z]{26,})(?![0-9a-z])")
_PORT = re.compile(r"127\.0\.0\.1:\d+")
_DRAWN = {"fingerprint": "0" * 32, "authorization_code": "000000", "invoice_prefix": "SAMPLE"}
_BUYER = {"email": "amina@example.com", "name": "Amina Wanjiru"}
_SALE = {
    "mode": "payment", "success_url": "https://duka.test/done",
    "line_items[0][price_data][currency]": "kes",
    "line_items[0][price_data][unit_amount]": 150_000,
    "line_items[0][price_data][product_data][name]": "Basket of mangoes",
    "line_items[0][quantity]": 2,
}  # fmt: skip
_IBAN = "DE89370400440532013000"


class LaterClock(SystemClock):
    """The machine's clock, some time ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass(slots=True)
class Player:
    """A merchant that does everything once, over the public API where it can."""

    api: Direct
    clock: LaterClock
    key: str
    caller: Caller
    database_url: str

    async def post(self, path: str, **fields: Any) -> dict[str, Any]:
        return await self.api.post(self.key, f"/v1/{path}", **fields)

    async def pay(self, method: str = "pm_card_visa", **more: Any) -> dict[str, Any]:
        """Make and confirm a payment; return the intent, also one that was declined."""
        fields = {
            "amount": 2_000, "currency": "usd", "payment_method": method, "confirm": "true",
            "payment_method_types[]": "card", "return_url": "https://duka.test/done",
        }  # fmt: skip
        answer = await self.api.send(self.key, "POST", "/v1/payment_intents", fields | more)
        found: dict[str, Any] = answer.body.get("error", {}).get("payment_intent", answer.body)
        return found

    async def settle(self) -> None:
        """Ask the provider about all that is open until nothing is."""
        for _ in range(200):
            await self.api.core.dispatch.run_due()
            if not self.rows("SELECT id FROM command WHERE state <> 'done'"):
                return
            await self.clock.sleep_ms(50)
        raise AssertionError("commands are left open")

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()


async def record(api: Direct, clock: LaterClock, database_url: str) -> dict[str, Sample]:
    """Play all flows; return the first event of each type, as it was stored but for its form."""
    merchant = await api.core.merchants.create(is_platform=True)
    key = await api.core.merchants.issue_key(merchant)
    player = Player(api, clock, key, Caller(merchant, False, "req_1"), database_url)
    for flow in _FLOWS:
        await flow(player)
    await event_log.readable(database_url)
    found: dict[str, Sample] = {}
    for row in player.rows("SELECT type, body FROM event ORDER BY xid, position"):
        found.setdefault(row["type"], normal(json.loads(bytes(row["body"]))))
    return found


def normal(event: Sample) -> Sample:
    """Return an event in the one form."""
    normalised: Sample = _Form(event["created"]).of(event)
    return normalised


class _Form:
    """Puts one event in form: its ids in order of appearance, its times from when it happened."""

    def __init__(self, created: int) -> None:
        self._created = created
        self._ids: dict[str, str] = {}

    def of(self, value: Any, name: str = "") -> Any:
        match value:
            case dict():
                return {key: self.of(inner, key) for key, inner in value.items()}
            case list():
                return [self.of(inner, name) for inner in value]
            case str() if name in _DRAWN:
                return _DRAWN[name]
            case str():
                return _PORT.sub("127.0.0.1:8420", _ID.sub(self._id, value))
            case bool():
                return value
            case int() if abs(value - self._created) < _NEAR_SECONDS:
                return EPOCH + round((value - self._created) / 60) * 60
            case _:
                return value

    def _id(self, found: re.Match[str]) -> str:
        text = found.group()
        if text not in self._ids:
            number = str(len(self._ids) + 1)
            self._ids[text] = f"{found.group(1)}_{number.zfill(len(found.group(2)))}"
        return self._ids[text]


async def _payments(play: Player) -> None:
    await play.pay("pm_card_bypassPending", amount=50_000)
    await play.pay("pm_card_chargeDeclined")
    asked = await play.pay("pm_card_threeDSecure2Required")
    await play.post(f"payment_intents/{asked['id']}/cancel")
    await play.pay(**{"metadata[sandbox_fault]": "error_after"})
    await play.settle()
    held = await play.pay(capture_method="manual")
    await play.post(f"payment_intents/{held['id']}/capture")
    dropped = await play.pay(capture_method="manual")
    await play.post(f"payment_intents/{dropped['id']}/cancel", cancellation_reason="abandoned")
    paid = await play.pay()
    await play.post(f"charges/{paid['latest_charge']}", description="Order 7")
    refund = await play.post("refunds", payment_intent=paid["id"], amount=500)
    await play.post(f"refunds/{refund['id']}", **{"metadata[order]": "7"})


async def _debit(play: Player) -> None:
    mandate = "mandate_data[customer_acceptance]"
    fields = {
        "amount": 2_000, "currency": "eur", "confirm": "true",
        "payment_method_types[]": "sepa_debit", "payment_method_data[type]": "sepa_debit",
        "payment_method_data[sepa_debit][iban]": _IBAN,
        **{f"payment_method_data[billing_details][{k}]": v for k, v in _BUYER.items()},
        f"{mandate}[type]": "offline", f"{mandate}[accepted_at]": 1_590_590_577,
    }  # fmt: skip
    await play.post("payment_intents", **fields)
    await play.settle()


async def _refund_that_fails(play: Player) -> None:
    paid = await play.pay("pm_card_refundFail")
    refund = await play.post("refunds", payment_intent=paid["id"])
    (row,) = play.rows("SELECT * FROM command WHERE refund = %s", refund["id"])
    command, seen = from_row(row), refund
    async with asyncio.timeout(20):
        while seen["status"] != "failed":
            await play.clock.sleep_ms(300)
            outcome = await play.api.core.dispatch.ask(command)
            await play.api.core.payments.report(command, Performed(outcome, 1_000, Door.CALLBACK))
            seen = await play.api.core.payments.retrieve(play.caller, "refund", refund["id"])


async def _customers(play: Player) -> None:
    customer = (await play.post("customers", **_BUYER))["id"]
    await play.post(f"customers/{customer}", **{"metadata[tier]": "gold"})
    card = (await play.post(f"customers/{customer}/sources", source="tok_visa"))["id"]
    await play.post(f"customers/{customer}/sources/{card}", exp_year=2040)
    await play.api.send(play.key, "DELETE", f"/v1/customers/{customer}/sources/{card}")
    method = await play.post("payment_methods/pm_card_visa/attach", customer=customer)
    await play.post(f"payment_methods/{method['id']}", **{"metadata[order]": "7"})
    await play.post(f"payment_methods/{method['id']}/detach")
    await play.api.send(play.key, "DELETE", f"/v1/customers/{customer}")


async def _setups(play: Player) -> None:
    fields = {"confirm": "true", "return_url": "https://duka.test/done"}
    await play.post("setup_intents", payment_method="pm_card_visa", **fields)
    method = "pm_card_threeDSecure2Required"
    asked = await play.post("setup_intents", payment_method=method, **fields)
    await play.post(f"setup_intents/{asked['id']}/cancel")
    declined = fields | {"payment_method": "pm_card_chargeDeclined"}
    await play.api.send(play.key, "POST", "/v1/setup_intents", declined)
    made = await play.post("setup_intents", **{"payment_method_types[]": "card"})
    await play.post(f"setup_intents/{made['id']}/cancel")


async def _sales(play: Player) -> None:
    product = (await play.post("products", name="Basket of mangoes"))["id"]
    await play.post(f"products/{product}", description="Two kilograms")
    price = await play.post("prices", currency="kes", unit_amount=150_000, product=product)
    await play.post(f"prices/{price['id']}", nickname="Harvest")
    bare = (await play.post("products", name="Empty basket"))["id"]
    await play.api.send(play.key, "DELETE", f"/v1/products/{bare}")
    items = {"line_items[0][price]": price["id"], "line_items[0][quantity]": 1}
    link = await play.post("payment_links", **items)
    await play.post(f"payment_links/{link['id']}", active="false")
    left = await play.post("checkout/sessions", **_SALE)
    await play.post(f"checkout/sessions/{left['id']}/expire")
    visits = play.api.core.checkout.visits
    visit = await visits.look((await play.post("checkout/sessions", **_SALE))["id"])
    assert visit is not None

    async def method(_: Caller) -> str:
        return "pm_card_visa"

    await visits.pay(visit, Payer(_BUYER["email"], _BUYER["name"], "try_1"), method)


async def _accounts(play: Player) -> None:
    account = await play.post("accounts", country="KE", email="duka@example.com")
    await play.post(f"accounts/{account['id']}", email="shop@example.com")


async def _endpoints(play: Player) -> None:
    fields = {"url": "https://duka.test/hook", "enabled_events[]": "*"}
    endpoint = (await play.post("webhook_endpoints", **fields))["id"]
    await play.post(f"hazina/webhook_endpoints/{endpoint}/test")

    async def told(_: Disabled) -> None:
        pass

    core = play.api.core
    health = EndpointHealth(
        core.reader, core.writer, core.clock, core.ids, told, WorkerSettings().disable_after_ms
    )
    await health.gone(play.caller.merchant.merchant_id, endpoint)


async def _test_clocks(play: Player) -> None:
    clocks = play.api.core.test_clocks

    async def done(_: TestClock) -> None:
        pass

    async def undone(_: TestClock) -> None:
        raise RuntimeError("what became due cannot be done")

    for step in (done, undone):
        made = await play.post("test_helpers/test_clocks", frozen_time=_FROZEN, name="Next year")
        path = f"test_helpers/test_clocks/{made['id']}"
        await play.post(f"{path}/advance", frozen_time=_FROZEN + 86_400)
        for _ in range(5):
            try:
                await clocks.advance_due([step])
            except RuntimeError:
                continue
    await play.api.send(play.key, "DELETE", f"/v1/{path}")


async def _days_later(play: Player) -> None:
    await play.pay(capture_method="manual")
    play.clock.ahead = timedelta(days=3)
    await play.api.core.payments.release_due()
    play.clock.ahead = timedelta(days=8)
    while await play.api.core.payments.expire_due():
        await play.settle()


_FLOWS: tuple[Callable[[Player], Awaitable[None]], ...] = (
    _accounts, _customers, _payments, _debit, _refund_that_fails, _setups, _sales, _endpoints,
    _test_clocks, _days_later,
)  # fmt: skip
