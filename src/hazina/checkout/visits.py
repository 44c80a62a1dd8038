"""Visitors of the hosted page: who has a session's address may see it and pay it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hazina.checkout.link import PaymentLink
from hazina.checkout.link import from_row as link_from_row
from hazina.checkout.paying import Payer, Paying
from hazina.checkout.service import CheckoutSessions
from hazina.checkout.session import Session, from_row
from hazina.customers.service import Customers
from hazina.db.reader import Reader
from hazina.ids import Ids
from hazina.merchants.merchant import Caller, Merchant
from hazina.merchants.service import Merchants


@dataclass(frozen=True, slots=True)
class Visit:
    """A session as the page shows it: up to date, with its payment if it has one."""

    merchant: Merchant
    session: Session
    intent: dict[str, Any] | None
    email: str | None
    """The address that is known of the payer and is not asked for again."""


class Visits:
    """What the hosted page may do. Nothing here takes an API key."""

    def __init__(
        self, *, reader: Reader, merchants: Merchants, customers: Customers, ids: Ids,
        paying: Paying, sessions: CheckoutSessions,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._merchants = merchants
        self._customers = customers
        self._ids = ids
        self._paying = paying
        self._sessions = sessions

    async def look(self, session_id: str) -> Visit | None:
        """Return a session after it has followed its payment and the time; None if unknown."""
        rows = await self._reader.query("checkout_session_address", {"id": session_id})
        if not rows:
            return None
        merchant = await self._merchants.get(rows[0]["merchant_id"])
        found = from_row(rows[0])
        session = await self._paying.settle(merchant, found.key)
        intent = await self._paying.intent(merchant, session)
        return Visit(merchant, session, intent, await self._email(merchant, session))

    async def pay(
        self, visit: Visit, payer: Payer, method: Callable[[Caller], Awaitable[str]]
    ) -> None:
        """Try to pay; what came of it is seen by looking again. See `Paying.pay`."""
        known = visit.email or payer.email
        payer = Payer(known, payer.name, payer.attempt)
        await self._paying.pay(visit.merchant, visit.session.key, payer, method)

    async def link(self, link_id: str) -> PaymentLink | None:
        """Return a payment link, active or not; None if unknown."""
        rows = await self._reader.query("payment_link_address", {"id": link_id})
        return link_from_row(rows[0]) if rows else None

    async def open(self, link: PaymentLink) -> Session:
        """Open a session for one visit of an active link."""
        merchant = await self._merchants.get(link.merchant_id)
        caller = Caller(merchant, False, self._ids.new("req"))
        return await self._sessions.open_for_link(caller, link)

    async def _email(self, merchant: Merchant, session: Session) -> str | None:
        sent = session.details.get("customer_email")
        if sent is not None or session.customer is None:
            return sent
        caller = Caller(merchant, False, "")
        email: str | None = (await self._customers.retrieve(caller, session.customer)).get("email")
        return email
