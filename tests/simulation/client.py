"""A merchant's client: tells one story, sends again what was not answered, forgets no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import orjson

from tests.simulation.plan import Step, Story
from tests.simulation.server import Answered, Request

_TRIES_MAX = 25
_POLLS_MAX = 12
_OF_THE_MOMENT = frozenset(
    {"idempotency_key_in_use", "lock_timeout", "operation_in_progress", "overloaded", "rate_limit"}
)
Ask = Callable[[Request], Awaitable[Answered | None]]
"""Sends a request to some process that is there; None is a lost connection, or nobody there."""


class Broken(AssertionError):
    """A promise was broken; the message says which."""


@dataclass(slots=True)
class Promise:
    """A request under a key, and the answer that it has for ever."""

    request: Request
    verb: str
    story: int
    answer: Answered | None = None

    @property
    def body(self) -> Any:
        return orjson.loads(self.answer.body) if self.answer is not None else {}


@dataclass(slots=True)
class Client:
    """Tells one story to its end."""

    number: int
    story: Story
    api_key: str
    ask: Ask
    authenticate: Callable[[str, str], None]
    chance: Random
    promises: dict[str, Promise] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    """The newest object of each kind, as it was last read."""
    _running: list[asyncio.Task[None]] = field(default_factory=list)

    async def tell(self) -> None:
        """Ask for one step after another."""
        await asyncio.sleep(self.story.start_ms / 1000)
        for number, step in enumerate(self.story.steps):
            if not step.together:
                await self._finish()
                await asyncio.sleep(step.wait_ms / 1000)
                await self._until_settled()
            self._running.append(asyncio.create_task(self._take(number, step)))
        await self._finish()

    async def replay(self) -> None:
        """Ask for everything once more: each answer is what it was."""
        for promise in self.promises.values():
            before = promise.answer
            answer = await self._send(promise, _TRIES_MAX)
            if before is None:
                continue  # It had given up: what was asked for may be done only now.
            if answer is None:
                raise Broken(f"{promise.request} is never answered")
            if not answer.replayed and _stored(answer):
                raise Broken(f"{promise.request} was carried out again: {answer}")
            if "amount" in promise.request.fields and _stored(answer):
                await self._reuse(promise.request)

    async def _reuse(self, request: Request) -> None:
        """Ask for another amount under the same key: that is refused."""
        other = replace(request, fields={**request.fields, "amount": "4321"})
        answer = None
        for _ in range(_TRIES_MAX):
            answer = await self.ask(other)
            if answer is not None and _stays(answer):
                break
            await asyncio.sleep(1)
        if answer is None or _code(answer) != "idempotency_key_reused":
            raise Broken(f"{other} was not refused: {answer}")

    async def _finish(self) -> None:
        running, self._running = self._running, []
        for task in running:
            await task

    async def _take(self, number: int, step: Step) -> None:
        """Send a step's request under its one key, as often at once as it says."""
        if step.verb == "authenticate":
            url = _redirect_url(self.made.get("payment_intent") or self.made.get("setup_intent"))
            if url is not None:
                self.authenticate(url, step.fields["result"])
            return
        key = f"story-{self.number}-step-{number}"
        request = self._request(step, key)
        if request is None:
            return
        promise = self.promises[key] = Promise(request, step.verb, self.number)
        copies = [asyncio.create_task(self._send(promise)) for _ in range(step.copies)]
        for copy in copies:
            answer = await copy
            if answer is not None and answer.status == 200:
                made = orjson.loads(answer.body)
                self.made[made["object"]] = made

    async def _send(self, promise: Promise, tries_max: int = 6) -> Answered | None:
        """Send a request until it has an answer that stays; None when it never had one."""
        for attempt in range(tries_max):
            patience = self.chance.choice((2, 12, 60))
            try:
                async with asyncio.timeout(patience):
                    answer = await self.ask(promise.request)
            except TimeoutError:
                answer = None
            if answer is not None and _stays(answer):
                if promise.answer is None:
                    promise.answer = answer
                elif promise.answer.body != answer.body:
                    raise Broken(
                        f"{promise.request} was answered {promise.answer} and then {answer}"
                    )
                return answer
            await asyncio.sleep(self.chance.random() * (1 + 2 * attempt))
        return None

    async def _until_settled(self) -> None:
        """Read the payment until it is known what became of it, for a while."""
        for poll in range(_POLLS_MAX):
            intent = self.made.get("payment_intent")
            if intent is None:
                return
            now = await self._read(intent)
            if now is not None and now["status"] != "processing":
                return
            await asyncio.sleep(1 + poll * 2)

    async def _read(self, intent: Any) -> Any:
        request = Request("GET", f"/v1/payment_intents/{intent['id']}", self.api_key, {})
        answer = await self.ask(request)
        if answer is None or answer.status != 200:
            return None
        now = orjson.loads(answer.body)
        if intent["status"] in ("succeeded", "canceled") and now["status"] != intent["status"]:
            raise Broken(f"{intent['id']} was {intent['status']} and is {now['status']}")
        self.made["payment_intent"] = now
        return now

    def _request(self, step: Step, key: str) -> Request | None:
        """Return what a step sends; None where there is nothing that it could be about."""
        fields = dict(step.fields)
        made = {kind: found["id"] for kind, found in self.made.items()}
        intent, charge = made.get("payment_intent"), made.get("charge")
        match step.verb:
            case "create" | "pay_kept":
                path = "/v1/payment_intents"
                fields["metadata[step]"] = key
                if step.verb == "pay_kept":
                    kept = (self.made.get("setup_intent") or {}).get("payment_method")
                    if kept is None or "customer" not in made:
                        return None
                    fields |= {"payment_method": kept, "customer": made["customer"]}
            case "charge":
                path = "/v1/charges"
                fields["metadata[step]"] = key
            case "customer":
                path = "/v1/customers"
            case "setup":
                path = "/v1/setup_intents"
                if "customer" in made:
                    fields["customer"] = made["customer"]
            case "refund":
                if charge is None and intent is None:
                    return None
                path = "/v1/refunds"
                subject = {"payment_intent": intent} if intent else {"charge": charge}
                fields |= {name: value for name, value in subject.items() if value}
                fields["metadata[step]"] = key
            case "capture_charge":
                if charge is None:
                    return None
                path = f"/v1/charges/{charge}/capture"
            case "cancel" if intent is None and "setup_intent" in made:
                path = f"/v1/setup_intents/{made['setup_intent']}/cancel"
            case _:
                if intent is None:
                    return None
                verb = {"increment": "increment_authorization", "update": ""}.get(
                    step.verb, step.verb
                )
                path = f"/v1/payment_intents/{intent}/{verb}".rstrip("/")
        return Request("POST", path, self.api_key, fields, key)


def _redirect_url(intent: Any) -> str | None:
    action = (intent or {}).get("next_action") or {}
    url: str | None = action.get("redirect_to_url", {}).get("url")
    return url


def _code(answer: Answered) -> str | None:
    code: str | None = orjson.loads(answer.body).get("error", {}).get("code")
    return code


def _stays(answer: Answered) -> bool:
    """Say whether it is the request's answer for ever, and not one of the moment."""
    return answer.status < 500 and (answer.status == 200 or _code(answer) not in _OF_THE_MOMENT)


def _stored(answer: Answered) -> bool:
    """Say whether an answer is stored: one that was refused unread is not."""
    return answer.status in (200, 402)
