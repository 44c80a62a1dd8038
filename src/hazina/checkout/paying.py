"""Paying a session: its one payment is begun, and the session follows where the payment goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson

from hazina.checkout.session import (
    TABLE,
    Next,
    Session,
    Status,
    changes,
    from_row,
    next_step,
    to_row,
)
from hazina.checkout.view import page_url, session_view
from hazina.crashpoints import crashpoint, declare
from hazina.customers.service import Customers
from hazina.db.reader import Reader
from hazina.db.unit import Committed, Insert, Lane, RowVersion, Unit, Update
from hazina.db.writer import Writer, commit
from hazina.events.service import Cause, record
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller, Merchant
from hazina.payments.service import Payments
from hazina.refusals import Code, Refusal

declare("checkout.payment_made", "checkout.payment_written_down", "checkout.payment_confirmed")

_LOOK_AGAIN = timedelta(seconds=15)
_STEPS_MAX = 4
_UNDER_WAY = frozenset(
    {
        Code.OPERATION_IN_PROGRESS, Code.IDEMPOTENCY_KEY_IN_USE, Code.LOCK_TIMEOUT,
        Code.PAYMENT_INTENT_UNEXPECTED_STATE,
    }
)  # fmt: skip
"""What a confirmation is refused with while another attempt is made, or has been."""

SUCCEEDED = frozenset({"succeeded", "requires_capture"})


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, as they wrote it on the page. `attempt` names the form that was sent."""

    email: str | None
    name: str
    attempt: str


@dataclass(frozen=True, slots=True)
class _Step:
    unit: Unit
    session: Session


class Paying:
    """Begins the payment of a session and makes the session follow it.

    The payment's own state machine decides every race: it is confirmed or canceled, never both. A
    session is completed only for a payment that was authorized, and expires only when its payment
    was canceled or never made. Whoever looks at a session (the page, a worker) ends in `settle`,
    which may be called any number of times.
    """

    def __init__(
        self, *, reader: Reader, writer: Writer, clocks: Clocks, ids: Ids,
        payments: Payments, customers: Customers, public_url: str,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._writer = writer
        self._clocks = clocks
        self._ids = ids
        self._payments = payments
        self._customers = customers
        self._public_url = public_url

    async def insert(self, session: Session) -> None:
        """Store a new session."""
        unit = Unit(session.merchant_id, writes=(Insert(TABLE, to_row(session)),))
        verdict = await self._writer.submit(unit)
        assert isinstance(verdict, Committed)

    async def pay(
        self, merchant: Merchant, key: tuple[str, str], payer: Payer,
        method: Callable[[Caller], Awaitable[str]],
    ) -> None:  # fmt: skip
        """Try to pay an open session with a method that is made only when it is needed.

        One `payer.attempt` is one try, however often it is sent. What became of it is told by
        `settle` and the payment itself. Refuses what `method` refuses, and what the payment
        refuses before anything is asked of a provider.
        """
        session = await self.settle(merchant, key)
        if session.status is not Status.OPEN:
            return
        caller = Caller(merchant, False, self._ids.new("req"))
        method_id = await method(caller)
        customer = await self._customer(caller, session, payer)
        intent_id = session.payment_intent or await self._intent(caller, session, customer)
        crashpoint("checkout.payment_made")
        if not await self._begin(key, intent_id, customer, payer):
            return
        crashpoint("checkout.payment_written_down")
        params = {
            "payment_method": method_id,
            "return_url": f"{page_url(self._public_url, session.id)}/return",
            "checkout_session": session.id,
        }  # fmt: skip
        try:
            answer = await self._payments.confirm_intent(
                caller, intent_id, params, _once(session, "attempt", payer.attempt)
            )
            _check(answer)
        except Refusal as refusal:
            if refusal.code not in _UNDER_WAY:
                raise
        crashpoint("checkout.payment_confirmed")
        await self.settle(merchant, key)

    async def settle(
        self, merchant: Merchant, key: tuple[str, str], *, end: bool = False
    ) -> Session:
        """Make a session follow its payment and the time; return it as it is then.

        A payment that is still open when the session's time has come (or `end` asks for it) is
        canceled first. Where that cannot be done yet, the session stays open and is looked at
        again soon: a payment in flight is never outrun.
        """
        for _ in range(_STEPS_MAX):
            session = await self._session(key)
            status = await self.intent_status(merchant, session)
            now = await self._clocks.now(merchant, session.customer)
            match next_step(session, status, now, end):
                case Next.NOTHING:
                    return session
                case Next.CANCEL_PAYMENT if await self._cancel(merchant, session):
                    continue
                case Next.CANCEL_PAYMENT | Next.WAIT:
                    await self._submit(session, replace(session, look_at=now + _LOOK_AGAIN))
                    return session
                case Next.COMPLETE_PAID:
                    after, what = session.completed(True), "completed"
                case Next.COMPLETE_UNPAID:
                    after, what = session.completed(False), "completed"
                case Next.EXPIRE:
                    after, what = session.expired(), "expired"
            # Captured later: the session was completed, and said so, when it was authorized.
            again = session.status is Status.COMPLETE
            event = None if again else self.event(merchant, what, after, Cause(), now)
            await self._submit(session, after, event)
        return await self._session(key)

    async def cancel_payment(self, merchant: Merchant, key: tuple[str, str]) -> None:
        """Cancel the payment of an open session if it has one that can be canceled."""
        session = await self._session(key)
        status = await self.intent_status(merchant, session)
        now = await self._clocks.now(merchant, session.customer)
        if next_step(session, status, now, True) is Next.CANCEL_PAYMENT:
            await self._cancel(merchant, session)

    async def intent(self, merchant: Merchant, session: Session) -> dict[str, Any] | None:
        """Return the session's payment in its public shape, if it has one."""
        if session.payment_intent is None:
            return None
        caller = Caller(merchant, False, "")
        return await self._payments.retrieve(caller, "payment_intent", session.payment_intent)

    async def intent_status(self, merchant: Merchant, session: Session) -> str | None:
        """Return the status of the session's payment, None if there is none."""
        intent = await self.intent(merchant, session)
        return None if intent is None else str(intent["status"])

    async def need_customer(self, caller: Caller, customer_id: str | None) -> None:
        """Refuse `resource_missing` for a customer that is unknown or deleted."""
        if customer_id is None:
            return
        try:
            found = await self._customers.retrieve(caller, customer_id)
        except Refusal as refusal:
            raise Refusal(refusal.code, refusal.message, param="customer") from None
        if found.get("deleted"):
            raise Refusal(
                Code.RESOURCE_MISSING, "No such customer: it was deleted.", param="customer"
            )

    def event(
        self, merchant: Merchant, what: str, session: Session, cause: Cause, now: datetime
    ) -> Insert:
        """Return the write that records what became of a session."""
        return record(
            merchant_id=session.merchant_id, livemode=merchant.livemode,
            event_id=self._ids.new("evt"), type=EVENTS[what],
            object_view=session_view(session, merchant.livemode, self._public_url),
            object_id=session.id, sequence=session.revision, created=now,
            request_id=cause.request_id, idempotency_key=cause.idempotency_key,
        )  # fmt: skip

    async def _session(self, key: tuple[str, str]) -> Session:
        row = await self._reader.get(TABLE, key)
        assert row is not None, f"{key[1]} is looked at and does not exist"
        return from_row(row)

    async def _customer(self, caller: Caller, session: Session, payer: Payer) -> str | None:
        if session.customer or session.details.get("customer_creation") != "always":
            return session.customer
        params = {"email": payer.email, "name": payer.name}
        answer = await self._customers.create(caller, params, _once(session, "customer"))
        return str(_check(answer)["id"])

    async def _intent(self, caller: Caller, session: Session, customer: str | None) -> str:
        """Make the session's payment; a repeat, also after a crash, finds the one that was made."""
        params = {
            "amount": session.amount, "currency": session.currency,
            "payment_method_types": ["card"], "checkout_session": session.id,
        } | dict(session.details.get("payment_intent_data") or {})  # fmt: skip
        if customer is not None:
            params["customer"] = customer
        answer = await self._payments.create_intent(caller, params, _once(session, "payment"))
        return str(_check(answer)["id"])

    async def _begin(
        self, key: tuple[str, str], intent_id: str, customer: str | None, payer: Payer
    ) -> bool:
        """Write down the session's payment before it is confirmed; False if the session ended."""

        async def load() -> Session:
            return await self._session(key)

        def decide(session: Session) -> _Step:
            if session.status is not Status.OPEN:
                return _Step(Unit(session.merchant_id), session)
            details = {"email": payer.email, "name": payer.name}
            after = session.begun(intent_id, customer, details)
            return _Step(change_unit(session, after), after)

        step, _ = await commit(self._writer, load, decide)
        return step.session.status is Status.OPEN

    async def _cancel(self, merchant: Merchant, session: Session) -> bool:
        """Cancel the payment; False if it cannot be canceled now."""
        assert session.payment_intent is not None
        caller = Caller(merchant, False, "")
        params = {"cancellation_reason": "abandoned", "checkout_session": session.id}
        try:
            answer = await self._payments.cancel_intent(
                caller, session.payment_intent, params, None
            )
        except Refusal:
            return False
        if answer.code is not None:
            return answer.code == Code.PAYMENT_INTENT_UNEXPECTED_STATE
        return bool(orjson.loads(answer.body)["status"] == "canceled")

    async def _submit(self, before: Session, after: Session, event: Insert | None = None) -> None:
        # Stale means that somebody else changed it: the next look sees what they made of it.
        await self._writer.submit(change_unit(before, after, event))


EVENTS = {"completed": "checkout.session.completed", "expired": "checkout.session.expired"}


def completes(status: str | None) -> bool:
    """Tell whether a payment in this status completes its session."""
    return status in SUCCEEDED


def change_unit(before: Session, after: Session, event: Insert | None = None) -> Unit:
    """Return the unit that changes a session under the version that was read."""
    written = changes(before, after)
    update = (Update(TABLE, before.key, before.version, written),) if written else ()
    events = () if event is None else (event,)
    return Unit(
        before.merchant_id,
        relies_on=(RowVersion(TABLE, before.key, before.version),),
        writes=(*update, *events),
        lane=Lane.PAYMENT,
    )


def _once(session: Session, what: str, attempt: str = "") -> IdempotencyRequest:
    """Return the key under which something is done once for a session.

    The digest says nothing about a card: two forms with one attempt are one try.
    """
    digest = sha256(f"{what} {session.id} {attempt}".encode()).digest()
    name = f"{session.id} {attempt}".strip()
    return IdempotencyRequest(session.merchant_id, f"checkout {what}", name, digest)


def _check(answer: Answer) -> dict[str, Any]:
    """Return what an answer holds. Raises the refusal that it is, unless it is a decline."""
    body: dict[str, Any] = orjson.loads(answer.body)
    if answer.code is not None and "payment_intent" not in body["error"]:
        raise Refusal(Code(answer.code), body["error"]["message"])
    return body
