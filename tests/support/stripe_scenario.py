"""Drives every payment flow through the official Python package, unmodified.

The steps have the names in `tests/clients/steps.json`; the npm package's script runs the same ones.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stripe

from tests.support.cardholder_browser import Choice, answer_challenge
from tests.support.stripe_client import AsyncCaller, Caller, SyncCaller

STEPS: tuple[str, ...] = tuple(
    json.loads((Path(__file__).parents[1] / "clients" / "steps.json").read_text())
)
RETURN_URL = "http://127.0.0.1:9/merchant/return"
_POLLS_MAX = 60
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Step:
    """One step that held, with the ids that it made."""

    name: str
    facts: dict[str, Any]


def run_sync(base_url: str, key: str) -> list[Step]:
    """Run every step with the blocking client; raise AssertionError where one does not hold."""
    running = _run(SyncCaller(base_url, key))
    try:
        running.send(None)
    except StopIteration as ended:
        steps: list[Step] = ended.value
        return steps
    running.close()
    raise AssertionError("the blocking client suspended")


async def run_async(base_url: str, key: str) -> list[Step]:
    """Run every step with the asynchronous client; raise AssertionError as `run_sync` does."""
    return await _run(AsyncCaller(base_url, key))


async def _run(caller: Caller) -> list[Step]:
    story = Story(caller)
    done: list[Step] = []
    try:
        for name in STEPS:
            step: Callable[[], Coroutine[Any, Any, dict[str, Any]]] = getattr(story, name)
            try:
                done.append(Step(name, await step()))
            except Exception as problem:
                problem.add_note(f"in step {name}")
                raise
    finally:
        await caller.close()
    return done


@dataclass(slots=True)
class Story:
    """The steps; what one makes, later ones read."""

    caller: Caller
    seen: dict[str, Any] = field(default_factory=dict)

    async def account(self) -> dict[str, Any]:
        """Read the account that the key belongs to."""
        account = await self._call("accounts", "retrieve_current")
        assert account.id.startswith("acct_")
        return {"account": account.id}

    async def payment_method(self) -> dict[str, Any]:
        """Read one of the public test methods."""
        method = await self._call("payment_methods", "retrieve", "pm_card_visa")
        assert (method.type, method.card.brand, method.card.last4) == ("card", "visa", "4242")
        return {"payment_method": method.id}

    async def automatic_capture(self) -> dict[str, Any]:
        """Take a card payment in one request, and read its charge and its balance entry."""
        made = await self._create(amount=2000, payment_method="pm_card_visa", confirm=True)
        paid = await self._settled(made, "succeeded")
        assert (paid.amount_received, paid.amount_capturable) == (2000, 0)
        whole = await self._call(
            "payment_intents", "retrieve", paid.id,
            {"expand": ["latest_charge.balance_transaction", "payment_method"]},
        )  # fmt: skip
        charge = whole.latest_charge
        assert charge.paid
        assert charge.captured
        assert charge.status == "succeeded"
        assert charge.amount_captured == 2000
        entry = charge.balance_transaction
        assert entry.amount == 2000
        assert entry.net == entry.amount - entry.fee
        assert whole.payment_method.card.last4 == "4242"
        self.seen |= {"intent": paid.id, "charge": charge.id, "entry": entry.id}
        return {"payment_intent": paid.id, "charge": charge.id}

    async def manual_partial_capture(self) -> dict[str, Any]:
        """Authorise 50.00, capture 30.00 and release the rest."""
        made = await self._create(
            amount=5000, payment_method="pm_card_mastercard", confirm=True, capture_method="manual"
        )
        held = await self._settled(made, "requires_capture")
        assert (held.amount_capturable, held.amount_received) == (5000, 0)
        answer = await self._call(
            "payment_intents", "capture", held.id, {"amount_to_capture": 3000}
        )
        paid = await self._settled(answer, "succeeded")
        assert (paid.amount_capturable, paid.amount_received) == (0, 3000)
        charge = await self._call("charges", "retrieve", paid.latest_charge)
        assert (charge.amount, charge.amount_captured) == (5000, 3000)
        self.seen |= {"partial_intent": paid.id, "partial_charge": charge.id}
        return {"payment_intent": paid.id}

    async def partial_refunds(self) -> dict[str, Any]:
        """Refund a part twice, be refused more than is left, and refund the rest."""
        intent, charge_id = self.seen["partial_intent"], self.seen["partial_charge"]
        first = await self._refund(payment_intent=intent, amount=1000)
        second = await self._refund(charge=charge_id, amount=500, reason="requested_by_customer")
        charge = await self._call("charges", "retrieve", charge_id)
        assert (charge.amount_refunded, charge.refunded) == (1500, False)
        refused = await self._refused(
            stripe.InvalidRequestError, "refunds", "create",
            {"payment_intent": intent, "amount": 1501},
        )  # fmt: skip
        assert refused.http_status == 400
        rest = await self._refund(payment_intent=intent)
        assert rest.amount == 1500
        charge = await self._call("charges", "retrieve", charge_id)
        assert (charge.amount_refunded, charge.refunded) == (3000, True)
        listed = await self._call("refunds", "list", {"payment_intent": intent})
        assert [one.id for one in listed.data] == [rest.id, second.id, first.id]
        return {"refunds": [first.id, second.id, rest.id]}

    async def three_d_secure_completed(self) -> dict[str, Any]:
        """Answer the issuer's page, after which the payment succeeds."""
        intent = await self._challenged("complete")
        paid = await self._settled(intent, "succeeded")
        assert paid.amount_received == 2100
        assert paid.next_action is None
        return {"payment_intent": paid.id}

    async def three_d_secure_failed(self) -> dict[str, Any]:
        """Fail the issuer's page, after which another method is asked for."""
        intent = await self._challenged("fail")
        failed = await self._settled(intent, "requires_payment_method")
        assert failed.last_payment_error.code == "payment_intent_authentication_failure"
        assert failed.amount_received == 0
        return {"payment_intent": failed.id}

    async def decline_and_second_try(self) -> dict[str, Any]:
        """Meet a decline with its reason, then pay the same intent with another card."""
        made = await self._create(amount=2200)
        assert made.status == "requires_payment_method"
        declined = await self._refused(
            stripe.CardError, "payment_intents", "confirm", made.id,
            {"payment_method": "pm_card_chargeDeclinedInsufficientFunds", "return_url": RETURN_URL},
        )  # fmt: skip
        assert (declined.http_status, declined.code) == (402, "card_declined")
        error = declined.error
        assert error is not None
        assert error.decline_code == "insufficient_funds"
        assert error.payment_intent is not None
        assert error.payment_intent.status == "requires_payment_method"
        after = await self._call("payment_intents", "retrieve", made.id)
        assert after.last_payment_error.decline_code == "insufficient_funds"
        failed_charge = await self._call("charges", "retrieve", after.latest_charge)
        assert (failed_charge.status, failed_charge.paid) == ("failed", False)
        again = await self._call(
            "payment_intents", "confirm", made.id,
            {"payment_method": "pm_card_visa", "return_url": RETURN_URL},
        )  # fmt: skip
        paid = await self._settled(again, "succeeded")
        assert paid.latest_charge != failed_charge.id
        return {"payment_intent": paid.id, "failed_charge": failed_charge.id}

    async def cancel(self) -> dict[str, Any]:
        """Cancel an intent without a method, and one that holds money."""
        bare = await self._create(amount=2300)
        held = await self._create(
            amount=2400, payment_method="pm_card_visa", confirm=True, capture_method="manual"
        )
        await self._settled(held, "requires_capture")
        for intent in (bare, held):
            answer = await self._call(
                "payment_intents", "cancel", intent.id, {"cancellation_reason": "abandoned"}
            )
            ended = await self._settled(answer, "canceled")
            assert ended.cancellation_reason == "abandoned"
            assert ended.canceled_at
            assert ended.amount_capturable == 0
        await self._refused(stripe.InvalidRequestError, "payment_intents", "confirm", bare.id)
        return {"payment_intents": [bare.id, held.id]}

    async def update_and_metadata(self) -> dict[str, Any]:
        """Change the amount, and merge metadata key by key."""
        made = await self._create(amount=2500, metadata={"order": "7", "colour": "red"})
        changed = await self._call(
            "payment_intents", "update", made.id,
            {"amount": 2600, "description": "seventh", "metadata": {"colour": "", "size": "L"}},
        )  # fmt: skip
        assert (changed.amount, changed.description) == (2600, "seventh")
        assert changed.metadata.to_dict() == {"order": "7", "size": "L"}
        return {"payment_intent": made.id}

    async def idempotent_replay(self) -> dict[str, Any]:
        """Send one request twice under one key, then another request under it."""
        options = {"idempotency_key": f"replay-{uuid.uuid4()}"}
        params = {"amount": 2700, "currency": "usd", "payment_method": "pm_card_visa",
                  "confirm": True, "return_url": RETURN_URL}  # fmt: skip
        first = await self._call("payment_intents", "create", params, options)
        second = await self._call("payment_intents", "create", params, options)
        assert second.id == first.id
        assert first.last_response.headers.get("Idempotent-Replayed") is None
        assert second.last_response.headers["Idempotent-Replayed"] == "true"
        assert first.last_response.request_id
        await self._refused(
            stripe.IdempotencyError, "payment_intents", "create", params | {"amount": 1}, options
        )
        return {"payment_intent": first.id}

    async def refused_requests(self) -> dict[str, Any]:
        """Be told which parameter is wrong, what does not exist, and that a key is unknown."""
        params = {"amount": -1, "currency": "usd"}
        negative = await self._refused(
            stripe.InvalidRequestError, "payment_intents", "create", params
        )
        assert (negative.http_status, negative.param) == (400, "amount")
        unknown = await self._refused(
            stripe.InvalidRequestError, "payment_intents", "create",
            {"amount": 2000, "currency": "usd", "colour": "red"},
        )  # fmt: skip
        assert (unknown.code, unknown.param) == ("parameter_unknown", "colour")
        missing = await self._refused(
            stripe.InvalidRequestError, "payment_intents", "retrieve", "pi_absent"
        )
        assert (missing.http_status, missing.code) == (404, "resource_missing")
        stranger = {"api_key": "sk_test_nobodyhasthiskey0000"}
        await self._refused(stripe.AuthenticationError, "balance", "retrieve", {}, stranger)
        return {}

    async def customers(self) -> dict[str, Any]:
        """Create, change, charge and delete a customer."""
        made = await self._call(
            "customers", "create", {"email": "jenny@example.com", "metadata": {"tier": "gold"}}
        )
        changed = await self._call(
            "customers", "update", made.id, {"name": "Jenny Rosen", "metadata": {"tier": ""}}
        )
        assert (changed.name, changed.email) == ("Jenny Rosen", "jenny@example.com")
        assert changed.metadata.to_dict() == {}
        paid = await self._create(
            amount=2800, payment_method="pm_card_visa", confirm=True, customer=made.id
        )
        await self._settled(paid, "succeeded")
        listed = await self._call("payment_intents", "list", {"customer": made.id})
        assert [one.id for one in listed.data] == [paid.id]
        gone = await self._call("customers", "delete", made.id)
        assert gone.deleted is True
        again = await self._call("customers", "retrieve", made.id)
        assert again.deleted is True
        return {"customer": made.id}

    async def auto_pagination(self) -> dict[str, Any]:
        """Walk a list page by page, forwards and newest first, and meet each object once."""
        made = [
            (await self._call("customers", "create", {"email": f"page-{number}@example.com"})).id
            for number in range(5)
        ]
        first = await self._call("customers", "list", {"limit": 2})
        assert first.has_more
        assert len(first.data) == 2
        found = [one.id for one in await self.caller.collect(first, 5)]
        assert found == made[::-1]
        back = await self._call("customers", "list", {"limit": 2, "ending_before": made[0]})
        assert [one.id for one in back.data] == [made[2], made[1]]
        return {"customers": made}

    async def events(self) -> dict[str, Any]:
        """Find the event of a payment, whose object is the payment as it was."""
        page = await self._call("events", "list", {"type": "payment_intent.succeeded", "limit": 5})
        events = await self.caller.collect(page, 100)
        (event,) = (one for one in events if one.data.object.id == self.seen["intent"])
        assert event.data.object.status == "succeeded"
        again = await self._call("events", "retrieve", event.id)
        assert again.to_dict() == event.to_dict()
        return {"event": event.id}

    async def balance(self) -> dict[str, Any]:
        """Read the balance, which names the currency that was taken."""
        balance = await self._call("balance", "retrieve")
        assert "usd" in {part.currency for part in [*balance.available, *balance.pending]}
        assert balance.livemode is False
        return {}

    async def balance_transactions(self) -> dict[str, Any]:
        """Read the balance entries of a payment and of its refund."""
        entry = await self._call("balance_transactions", "retrieve", self.seen["entry"])
        assert (entry.type, entry.source) == ("charge", self.seen["charge"])
        page = await self._call("balance_transactions", "list", {"limit": 3})
        found = await self.caller.collect(page, 200)
        assert entry.id in {one.id for one in found}
        assert any(one.type == "refund" and one.amount == -1000 for one in found)
        return {"balance_transaction": entry.id}

    async def webhook_endpoints(self) -> dict[str, Any]:
        """Create an endpoint, which shows its secret once, then list and delete it."""
        made = await self._call(
            "webhook_endpoints", "create",
            {"url": "http://127.0.0.1:9/webhooks", "enabled_events": ["refund.failed"]},
        )  # fmt: skip
        assert made.secret.startswith("whsec_")
        listed = await self._call("webhook_endpoints", "list")
        (again,) = (one for one in listed.data if one.id == made.id)
        assert "secret" not in again.to_dict()
        gone = await self._call("webhook_endpoints", "delete", made.id)
        assert gone.deleted is True
        return {"webhook_endpoint": made.id}

    async def _call(self, service: str, method: str, *arguments: Any) -> Any:
        return await self.caller.call(getattr(self.caller.api, service), method, *arguments)

    async def _create(self, **params: Any) -> Any:
        if params.get("confirm"):
            params["return_url"] = RETURN_URL
        return await self._call("payment_intents", "create", {"currency": "usd"} | params)

    async def _refund(self, **params: Any) -> Any:
        refund = await self._call("refunds", "create", params)
        for _ in range(_POLLS_MAX):
            if refund.status == "succeeded":
                return refund
            await self.caller.pause(_POLL_SECONDS)
            refund = await self._call("refunds", "retrieve", refund.id)
        raise AssertionError(f"{refund.id} stayed {refund.status}")

    async def _settled(self, intent: Any, status: str) -> Any:
        """Read an intent again while its outcome is awaited, and demand where it ends."""
        for _ in range(_POLLS_MAX):
            if intent.status == status:
                return intent
            assert intent.status in ("processing", "requires_action"), intent.status
            await self.caller.pause(_POLL_SECONDS)
            intent = await self._call("payment_intents", "retrieve", intent.id)
        raise AssertionError(f"{intent.id} stayed {intent.status}, {status} was expected")

    async def _challenged(self, choice: Choice) -> Any:
        made = await self._create(
            amount=2100, payment_method="pm_card_authenticationRequired", confirm=True
        )
        assert made.status == "requires_action"
        action = made.next_action
        assert action.type == "redirect_to_url"
        page = action.redirect_to_url.url
        await self.caller.run_blocking(answer_challenge, page, choice, RETURN_URL)
        return await self._call("payment_intents", "retrieve", made.id)

    async def _refused(
        self, kind: type[stripe.StripeError], service: str, method: str, *arguments: Any
    ) -> Any:
        try:
            await self._call(service, method, *arguments)
        except kind as refusal:
            return refusal
        raise AssertionError(f"{service}.{method} was accepted; {kind.__name__} was expected")
