"""The provider's desk: what each request does, and how a fault spoils it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from hazina.clock import Clock
from hazina.connectors.sandbox.simulator import page
from hazina.connectors.sandbox.simulator.behaviours import Behaviour, behaviour_of
from hazina.connectors.sandbox.simulator.books import (
    ACTION_REQUIRED,
    APPROVED,
    DECLINED,
    FAILED,
    PENDING,
    Books,
    Entry,
    shown,
)
from hazina.connectors.sandbox.simulator.callbacks import CallbackSender
from hazina.connectors.sandbox.simulator.faults import (
    CALLBACK_FAULTS,
    OPERATIONS,
    FaultRefused,
    GlobalFaults,
    read_faults,
)
from hazina.connectors.sandbox.simulator.wire import Exchange

_HTML = "text/html; charset=utf-8"
_DELAYS_MS = {"slow": 1_500, "answer_after_deadline": 8_000, "pending": 1_000}
_SILENCE_MS = 60_000
_REFUND_FAILS_AFTER_MS = 1_000
_NOT_FOUND_TIMES = 2
_NOT_FOUND_MS = 3_000
"""What was done is found after so long at the latest: no provider's promise is broken by it."""
_REQUESTS_MAX = 100_000
_AMOUNTLESS = ("void", "verify")


class Malformed(Exception):
    """A request that cannot be read; nothing was done."""


class Desk:
    """Answers every request of one provider process."""

    def __init__(
        self, books: Books, faults: GlobalFaults, callbacks: CallbackSender, clock: Clock, base: str
    ) -> None:
        self._books = books
        self._faults = faults
        self._callbacks = callbacks
        self._clock = clock
        self._base = base
        self._tasks: set[asyncio.Task[None]] = set()
        self._hidden: dict[str, tuple[int, int]] = {}
        # What was asked, in order, also what had no effect: who repeats without asking is seen.
        self._requests: deque[tuple[str, str]] = deque(maxlen=_REQUESTS_MAX)

    def start(self) -> None:
        """Take up again what was waiting to become final when the process last ended."""
        for entry in self._books.entries.values():
            if entry.state == PENDING or self._will_fail(entry):
                self._later(self._finish(entry))

    async def close(self) -> None:
        """End what runs in the background."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def handle(self, exchange: Exchange) -> None:
        """Answer one request, at once where nothing has to be waited for."""
        try:
            if exchange.path == "/v1/operations" and exchange.method == "POST":
                self._operate(exchange)
            else:
                self._elsewhere(exchange)
        except (Malformed, FaultRefused) as refused:
            exchange.reply(400, _error("invalid_request", str(refused)))

    def _elsewhere(self, exchange: Exchange) -> None:
        parts = urlsplit(exchange.path)
        match (exchange.method, parts.path.strip("/").split("/")):
            case ("GET", ["v1", "operations", reference]):
                self._inquire(exchange, reference)
            case ("GET", ["books"]):
                self._show_books(exchange, parse_qs(parts.query))
            case ("GET", ["requests"]):
                exchange.reply(200, orjson.dumps({"requests": list(self._requests)}))
            case ("GET", ["control"]):
                exchange.reply(200, orjson.dumps({"faults": self._faults.shown()}))
            case ("POST", ["control"]):
                faults = _json(exchange.body).get("faults", {})
                if not isinstance(faults, dict):
                    raise Malformed("faults must be an object")
                self._faults.set(faults)
                exchange.reply(200, orjson.dumps({"faults": self._faults.shown()}))
            case ("GET", ["health"]):
                exchange.reply(200, b'{"status":"ok"}')
            case ("GET" | "POST", ["authentication", identifier]):
                self._authenticate(exchange, identifier)
            case _:
                exchange.reply(404, _error("no_such_route", "No such route."))

    # Operations

    def _operate(self, exchange: Exchange) -> None:
        entry = _asked(_json(exchange.body))
        self._requests.append(("operate", entry.reference))
        known = self._books.entries.get(entry.reference)
        if known is not None:
            if not known.same_request(entry):
                exchange.reply(409, _error("reference_conflict", "The reference was used before."))
                return
            exchange.reply(200, self._view(known))
            return
        fault = self._fault_for(entry)
        if fault is None and not entry.delay_ms:
            self._books.record(entry)
            self._after_recording(entry)
            exchange.reply(200, self._view(entry))
        else:
            self._later(self._spoilt(exchange, entry, fault))

    def _fault_for(self, entry: Entry) -> str | None:
        struck = self._faults.strike(entry.operation)
        if struck is not None:
            entry.faults = (struck[0], *entry.faults)
            entry.delay_ms = struck[1] or entry.delay_ms
        for fault in entry.faults:
            key = f"{fault}:{entry.reference}"
            if fault not in CALLBACK_FAULTS and self._books.first_fault(key):
                return fault
        return next((f for f in entry.faults if f in CALLBACK_FAULTS), None)

    async def _spoilt(self, exchange: Exchange, entry: Entry, fault: str | None) -> None:
        delay_ms = entry.delay_ms or _DELAYS_MS.get(fault or "", 0)
        match fault:
            case "timeout_before_effect":
                await exchange.silence(entry.delay_ms or _SILENCE_MS)
                return
            case "error_before":
                exchange.reply(503, _error("temporarily_unavailable", "Try again later."))
                return
            case "4xx":
                exchange.reply(400, _error("invalid_request", "Refused before anything was done."))
                return
            case None | "slow":
                await self._clock.sleep_ms(delay_ms)
        # While this one waited, the same reference may have come in again and been done.
        known = self._books.entries.get(entry.reference)
        if known is None:
            forced = {"decline": "generic_decline", "unknown_reason": "x_issuer_said_something_new"}
            decline = forced.get(fault or "")
            self._books.record(entry, decline=decline, pending=fault == "pending")
            self._after_recording(entry)
        await self._answer_spoilt(exchange, known or entry, fault, delay_ms)

    async def _answer_spoilt(
        self, exchange: Exchange, entry: Entry, fault: str | None, delay_ms: int
    ) -> None:
        body = self._view(entry)
        match fault:
            case "timeout_after_effect":
                await exchange.silence(entry.delay_ms or _SILENCE_MS)
            case "error_after":
                exchange.reply(500, _error("internal_error", "Something went wrong."))
            case "ok_with_error_inside":
                exchange.reply(200, _error("internal_error", "Something went wrong."))
            case "truncated_body":
                exchange.truncate(200, body)
            case "reset_mid_body":
                exchange.reset_mid_body(200, body)
            case "not_found_then_success":
                until_ms = self._clock.monotonic_ms() + _NOT_FOUND_MS
                self._hidden[entry.reference] = (_NOT_FOUND_TIMES, until_ms)
                exchange.reset()
            case "answer_after_deadline":
                await self._clock.sleep_ms(delay_ms)
                exchange.reply(200, body)
            case "wrong_amount_echoed":
                wrong = {**shown(entry, self._base), "amount": entry.amount + 1}
                exchange.reply(200, orjson.dumps(wrong))
            case "callback_before_reply":
                content = self._callback(entry)
                if not await self._callbacks.once(content):
                    self._later(self._callbacks.again(content))
                exchange.reply(200, body)
            case _:
                exchange.reply(200, body)

    def _after_recording(self, entry: Entry) -> None:
        if entry.state == PENDING or self._will_fail(entry):
            self._later(self._finish(entry))
        elif entry.state != ACTION_REQUIRED and entry.faults:
            self._callback_faults(entry)

    def _callback_faults(self, entry: Entry) -> None:
        if "duplicate_callback" in entry.faults:
            content = self._callback(entry)
            self._later(self._callbacks.send(content))
            self._later(self._callbacks.send(content))
        if "contradictory_callback" in entry.faults:
            self._later(self._callbacks.send(self._contradiction(entry)))

    def _will_fail(self, entry: Entry) -> bool:
        if entry.operation != "refund" or entry.state != APPROVED:
            return False
        subject = self._books.entries.get(entry.subject_reference or "")
        behaviour = behaviour_of((subject.payment_method if subject else None) or "")
        return behaviour is not None and behaviour.refund == "fails_later"

    async def _finish(self, entry: Entry) -> None:
        """Make a pending operation final, or let a refund fail, after a while; then say so."""
        if entry.state == PENDING:
            behaviour = Behaviour()
            if entry.operation == "authorize":
                behaviour = behaviour_of(entry.payment_method or "") or behaviour
            usual_ms = behaviour.settles_after_ms or _DELAYS_MS["pending"]
            await self._clock.sleep_ms(entry.delay_ms or usual_ms)
            if entry.state == PENDING:
                declined = DECLINED if behaviour.decline else APPROVED
                self._books.settle(entry, declined, behaviour.decline)
        else:
            await self._clock.sleep_ms(entry.delay_ms or _REFUND_FAILS_AFTER_MS)
            self._books.settle(entry, FAILED, "refund_failed")
        await self._tell(entry)

    # Callbacks

    def _callback(self, entry: Entry) -> dict[str, Any]:
        view = shown(entry, self._base)
        return {**view, "id": f"cb_{entry.id}_{entry.state}", "operation_id": entry.id}

    def _contradiction(self, entry: Entry) -> dict[str, Any]:
        content = self._callback(entry)
        content["id"] += "_contradicted"
        if entry.state == APPROVED:
            return {**content, "outcome": DECLINED, "reason": "generic_decline"}
        return {**content, "outcome": APPROVED}

    async def _tell(self, entry: Entry) -> None:
        if "no_callback" in entry.faults:
            return
        await self._callbacks.send(self._callback(entry))
        self._callback_faults(entry)

    # Inquiry, books, authentication

    def _inquire(self, exchange: Exchange, reference: str) -> None:
        self._requests.append(("inquire", reference))
        entry = self._books.entries.get(reference)
        times, until_ms = self._hidden.get(reference, (0, 0))
        hidden = times > 0 and self._clock.monotonic_ms() < until_ms
        if hidden:
            self._hidden[reference] = (times - 1, until_ms)
        if entry is None or hidden:
            exchange.reply(404, _error("not_found", "No operation has this reference."))
            return
        exchange.reply(200, self._view(entry))

    def _view(self, entry: Entry) -> bytes:
        return orjson.dumps(shown(entry, self._base))

    def _show_books(self, exchange: Exchange, query: dict[str, list[str]]) -> None:
        subject = query.get("subject", [None])[0]
        effects = [
            {
                "reference": entry.reference,
                "kind": entry.operation,
                "amount": entry.amount,
                "currency": entry.currency,
                "state": "voided" if entry.voided else entry.state,
                "subject_reference": entry.subject_reference,
                "incremented": entry.incremented,
                "final": entry.final,
                "captured": entry.captured,
                "refunded": entry.refunded,
            }
            for entry in self._books.entries.values()
            if subject is None or subject in (entry.reference, entry.subject_reference)
        ]
        exchange.reply(200, orjson.dumps({"effects": effects}))

    def _authenticate(self, exchange: Exchange, identifier: str) -> None:
        entry = self._books.by_id(identifier)
        if entry is None:
            exchange.reply(404, page.finished("There is no such authentication."), _HTML)
        elif entry.state != ACTION_REQUIRED or entry.voided:
            self._leave(exchange, entry, "This authentication is over.")
        elif exchange.method == "GET":
            exchange.reply(200, page.challenge(entry), _HTML)
        else:
            result = parse_qs(exchange.body.decode("utf-8", "replace")).get("result", [""])[0]
            if result not in ("complete", "fail"):
                raise Malformed("result must be complete or fail")
            self._later(self._authenticated(exchange, entry, result == "complete"))

    async def _authenticated(self, exchange: Exchange, entry: Entry, complete: bool) -> None:
        behaviour = behaviour_of(entry.payment_method or "") or Behaviour()
        if entry.operation == "verify":
            behaviour = behaviour.when_set_up()
        reason = behaviour.decline
        if not complete:
            reason = "authentication_failed"
        self._books.settle(entry, DECLINED if reason else APPROVED, reason)
        # Told before the browser goes back, so that the customer finds the result there.
        if "no_callback" not in entry.faults:
            content = self._callback(entry)
            if not await self._callbacks.once(content):
                self._later(self._callbacks.again(content))
            self._callback_faults(entry)
        self._leave(exchange, entry, "Thank you.")

    def _leave(self, exchange: Exchange, entry: Entry, text: str) -> None:
        if entry.return_url:
            exchange.reply(303, b"", _HTML, location=entry.return_url)
        else:
            exchange.reply(200, page.finished(text), _HTML)


def _error(code: str, message: str) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": message}})


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed("the body is not JSON") from None
    if not isinstance(content, dict):
        raise Malformed("the body is not an object")
    return content


def _asked(content: dict[str, Any]) -> Entry:
    """Return the operation that a body asks for. Raises `Malformed` and `FaultRefused`."""
    operation = content.get("operation")
    reference = content.get("reference")
    amount = content.get("amount")
    currency = content.get("currency")
    if operation not in OPERATIONS:
        raise Malformed("operation must be one of " + ", ".join(OPERATIONS))
    if not isinstance(reference, str) or not 0 < len(reference) <= 200 or "/" in reference:
        raise Malformed("reference must be a string of 1 to 200 characters")
    if type(amount) is not int or amount < 0 or (amount == 0 and operation not in _AMOUNTLESS):
        raise Malformed("amount must be a positive integer in minor units")
    if not isinstance(currency, str) or len(currency) != 3:
        raise Malformed("currency must be a three-letter code")
    method = content.get("payment_method")
    known = isinstance(method, str) and behaviour_of(method) is not None
    if operation in ("authorize", "verify") and not known:
        raise Malformed("payment_method is not a test payment method")
    url = content.get("return_url")
    if url is not None and (not isinstance(url, str) or not url.isprintable()):
        raise Malformed("return_url must be an address")
    metadata = content.get("metadata") or {}
    fault = metadata.get("sandbox_fault")
    delay = str(metadata.get("sandbox_delay_ms", "0"))
    return Entry(
        reference=reference,
        operation=operation,
        subject_reference=content.get("subject_reference"),
        amount=amount,
        currency=currency,
        capture=content.get("capture") is True,
        several_captures=content.get("several_captures") is True,
        final=content.get("final") is not False,
        customer_absent=content.get("customer_absent") is True,
        payment_method=method,
        return_url=url,
        faults=read_faults(fault, operation) if isinstance(fault, str) and fault else (),
        delay_ms=min(int(delay), 600_000) if delay.isascii() and delay.isdigit() else 0,
    )
