"""The story of `hazina demo`: five payments over the public API, each told as it happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
from rich.console import Console

from hazina.cli.client import ApiClient, Response, approve_on_page
from hazina.cli.receiver import Receiver
from hazina.cli.system import Running
from hazina.clock import Clock, unix

_WAIT_MS = 20_000
_LOOK_EVERY_MS = 150
_PAGE = 100


class CameOutDifferently(Exception):
    """A step of the story did not end as it should."""


class Story:
    """Plays the steps in order; each either comes out as told or says what it met instead."""

    def __init__(self, running: Running, clock: Clock, console: Console) -> None:
        self._running = running
        self._clock = clock
        self._console = console
        self._receiver = Receiver(clock)
        self._shop = ""
        self._endpoint = ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        self._api = ApiClient(self._session, self._running.url, self._running.secrets.secret_key)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._endpoint:
            await self._api.delete(f"/v1/webhook_endpoints/{self._endpoint}")
        await self._receiver.close()
        await self._session.close()

    async def play(self) -> bool:
        """Play every step; return whether all came out as told."""
        steps: tuple[tuple[str, Callable[[], Awaitable[str]]], ...] = (
            ("A shop wants to hear of events", self._register_receiver),
            ("A card payment, captured at once", self._automatic),
            ("Authorized first, captured in part, refunded in part", self._manual),
            ("The bank wants 3-D Secure", self._three_d_secure),
            ("The bank says no", self._declined),
            ("The provider's answer is lost", self._lost_answer),
            ("Every event has arrived, signed", self._webhooks),
        )
        self._since = unix(self._clock.now())
        right = True
        for title, step in steps:
            with self._console.status(f"{title} ..."):
                try:
                    told, mark = await step(), "[green]✓[/]"
                except (CameOutDifferently, aiohttp.ClientError, KeyError, TimeoutError) as error:
                    told, mark, right = f"{type(error).__name__}: {error}", "[red]✗[/]", False
            self._console.print(f"{mark} [bold]{title}[/]")
            self._console.print(f"  {told}", soft_wrap=True, markup=False)
        return right

    async def _register_receiver(self) -> str:
        self._shop = await self._receiver.open()
        for old in (await self._get("/v1/webhook_endpoints", limit=str(_PAGE)))["data"]:
            if old["metadata"].get("made_by") == "demo":  # Left by a demo that was killed.
                await self._api.delete(f"/v1/webhook_endpoints/{old['id']}")
        endpoint = await self._post(
            "/v1/webhook_endpoints",
            {
                "url": f"{self._shop}/webhooks",
                "enabled_events[]": "*",
                "metadata[made_by]": "demo",
            },
        )
        self._endpoint = endpoint["id"]
        self._receiver.expect(endpoint["secret"])
        return f"{endpoint['id']} posts to {endpoint['url']}"

    async def _automatic(self) -> str:
        intent = await self._pay("pm_card_visa", 250_000)
        _expect(intent["status"], "succeeded")
        _expect(intent["amount_received"], 250_000)
        return f"{intent['id']}: {_money(250_000)} succeeded"

    async def _manual(self) -> str:
        intent = await self._pay("pm_card_mastercard", 500_000, capture_method="manual")
        _expect(intent["status"], "requires_capture")
        _expect(intent["amount_capturable"], 500_000)
        path = f"/v1/payment_intents/{intent['id']}"
        intent = await self._post(f"{path}/capture", {"amount_to_capture": "320000"})
        _expect(intent["status"], "succeeded")
        _expect(intent["amount_received"], 320_000)
        refund = await self._post(
            "/v1/refunds", {"payment_intent": intent["id"], "amount": "120000"}
        )
        refund = await self._until(f"/v1/refunds/{refund['id']}", "succeeded")
        return (
            f"{intent['id']}: {_money(500_000)} authorized, {_money(320_000)} captured, "
            f"{_money(refund['amount'])} given back as {refund['id']}"
        )

    async def _three_d_secure(self) -> str:
        intent = await self._pay(
            "pm_card_threeDSecure2Required", 780_000, return_url=f"{self._shop}/return"
        )
        _expect(intent["status"], "requires_action")
        page = intent["next_action"]["redirect_to_url"]["url"]
        await approve_on_page(self._session, page)
        intent = await self._until(f"/v1/payment_intents/{intent['id']}", "succeeded")
        return f"{intent['id']}: the customer approved {_money(780_000)} on {page}"

    async def _declined(self) -> str:
        answer = await self._try_to_pay("pm_card_chargeDeclinedInsufficientFunds", 990_000)
        _expect(answer.status, 402)
        error = answer.body["error"]
        _expect(error["code"], "card_declined")
        _expect(error["decline_code"], "insufficient_funds")
        intent = error["payment_intent"]
        _expect(intent["status"], "requires_payment_method")
        return f"{intent['id']}: {error['decline_code']}: {error['message']}"

    async def _lost_answer(self) -> str:
        began_ms = self._clock.monotonic_ms()
        intent = await self._pay(
            "pm_card_visa",
            410_000,
            **{"metadata[sandbox_fault]": "timeout_after_effect,no_callback"},
        )
        _expect(intent["status"], "processing")
        shown_ms = self._clock.monotonic_ms() - began_ms
        found = await self._until(f"/v1/payment_intents/{intent['id']}", "succeeded")
        _expect(found["amount_received"], 410_000)
        charges = await self._get("/v1/charges", payment_intent=intent["id"])
        _expect(len(charges["data"]), 1)
        found_ms = self._clock.monotonic_ms() - began_ms
        return (
            f"{intent['id']}: shown as processing after {shown_ms} ms, never as failed; we asked "
            f"the provider, and after {found_ms} ms it is {_money(410_000)}, charged once"
        )

    async def _webhooks(self) -> str:
        until_ms = self._clock.monotonic_ms() + _WAIT_MS
        while True:
            expected = await self._event_ids()
            missing = expected - self._receiver.events.keys()
            if not missing and expected:
                break
            if self._clock.monotonic_ms() > until_ms:
                raise CameOutDifferently(f"{len(missing)} of {len(expected)} events are missing")
            await self._clock.sleep_ms(_LOOK_EVERY_MS)
        _expect(self._receiver.refused, 0)
        return f"{len(expected)} webhooks received, each signature verified"

    async def _event_ids(self) -> set[str]:
        query = {"created[gte]": str(self._since), "limit": str(_PAGE)}
        return {event["id"] for event in (await self._get("/v1/events", **query))["data"]}

    async def _pay(self, payment_method: str, amount: int, **more: str) -> dict[str, Any]:
        return _ok(await self._try_to_pay(payment_method, amount, **more))

    async def _try_to_pay(self, payment_method: str, amount: int, **more: str) -> Response:
        fields = {
            "amount": str(amount),
            "currency": "kes",
            "payment_method": payment_method,
            "payment_method_types[]": "card",
            "confirm": "true",
            **more,
        }
        return await self._api.post("/v1/payment_intents", fields)

    async def _post(self, path: str, fields: dict[str, str]) -> dict[str, Any]:
        return _ok(await self._api.post(path, fields))

    async def _get(self, path: str, **query: str) -> dict[str, Any]:
        return _ok(await self._api.get(path, query))

    async def _until(self, path: str, status: str) -> dict[str, Any]:
        """Read an object until it has this status."""
        until_ms = self._clock.monotonic_ms() + _WAIT_MS
        while True:
            found = await self._get(path)
            if found["status"] == status:
                return found
            if self._clock.monotonic_ms() > until_ms:
                raise CameOutDifferently(f"{found['id']} is {found['status']}, not {status}")
            await self._clock.sleep_ms(_LOOK_EVERY_MS)


def _ok(answer: Response) -> dict[str, Any]:
    if answer.status != 200:
        error = answer.body.get("error", {})
        raise CameOutDifferently(f"HTTP {answer.status}: {error.get('message', answer.body)}")
    return answer.body


def _expect(found: object, wanted: object) -> None:
    if found != wanted:
        raise CameOutDifferently(f"{found!r} where {wanted!r} was expected")


def _money(minor: int) -> str:
    return f"{minor // 100:,}.{minor % 100:02} KES"
