"""One door to checkout sessions for merchants: create, change, expire, read back and list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hazina.catalog.draft import Draft as CatalogDraft
from hazina.catalog.service import Catalog
from hazina.checkout import items
from hazina.checkout.items import Wanted
from hazina.checkout.link import PaymentLink
from hazina.checkout.link import from_row as link_from_row
from hazina.checkout.paying import Paying, change_unit, completes
from hazina.checkout.session import TABLE, Session, Status, from_row, to_row
from hazina.checkout.view import session_view
from hazina.clock import unix
from hazina.db.reader import Reader
from hazina.db.unit import Insert
from hazina.events.service import Cause
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller
from hazina.metadata import merged
from hazina.paging import Page, created_bounds, read_page
from hazina.refusals import Code, Refusal, shown_id

_LIFE = timedelta(hours=24)
_LIFE_SHORTEST = timedelta(minutes=30)
_DETAILS = (
    "allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id",
    "customer_creation", "customer_email", "locale", "payment_intent_data", "submit_type",
    "success_url",
)  # fmt: skip


Sold = list[items.Item]


@dataclass(frozen=True, slots=True)
class _Making:
    wanted: list[Wanted]
    now: datetime


class CheckoutSessions:
    """Sessions of the calling merchant; no other merchant's can be seen or touched."""

    def __init__(
        self, *, reader: Reader, idempotency: Idempotency, clocks: Clocks, ids: Ids,
        catalog: Catalog, paying: Paying, public_url: str,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._idempotency = idempotency
        self._clocks = clocks
        self._ids = ids
        self._catalog = catalog
        self._paying = paying
        self.public_url = public_url

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Open a session for one payment; its page is at `url` until it ends.

        Refuses `not_supported` in live mode, where no card number is taken, and for recurring
        prices; `resource_missing` for a price, product or customer.
        """
        merchant = caller.merchant
        check_test_mode(merchant.livemode)
        _check_together(params)

        async def load() -> _Making:
            await self._paying.need_customer(caller, params.get("customer"))
            wanted = await items.find(self._catalog, caller, params["line_items"])
            items.refuse_recurring(wanted)
            return _Making(wanted, await self._clocks.now(merchant, params.get("customer")))

        def decide(making: _Making) -> OneUnit:
            cause = Cause(caller.request_id, idempotency.key if idempotency else None)
            draft = CatalogDraft(merchant, making.now, self._ids, cause)
            sold = items.make(draft, making.wanted)
            expires_at = _expiry(params.get("expires_at"), making.now)
            details = {name: params[name] for name in _DETAILS if params.get(name) is not None}
            session = replace(
                self._blank(caller, sold, making.now, expires_at), details=details,
                metadata=merged({}, params.get("metadata") or {}),
                customer=params.get("customer"),
            )  # fmt: skip
            draft.writes.append(Insert(TABLE, to_row(session)))
            return OneUnit(draft.unit(), self._shown(session, caller))

        return await self._idempotency.run_once(idempotency, merchant.merchant_id, load, decide)

    async def open_for_link(self, caller: Caller, link: PaymentLink) -> Session:
        """Open the session of one visit of a link that is active."""
        now = await self._clocks.now(caller.merchant)
        sold = [items.again(item, self._ids.new("li")) for item in link.line_items]
        kept = {name: value for name, value in link.details.items() if name in _DETAILS}
        after = link.details.get("after_completion")
        session = replace(
            self._blank(caller, sold, now, now + _LIFE),
            details=kept | ({"after_completion": after} if after else {}),
            metadata=dict(link.metadata), payment_link=link.id,
        )  # fmt: skip
        await self._paying.insert(session)
        return session

    async def update(
        self,
        caller: Caller,
        session_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Change a session's metadata; nothing else of it can be changed."""

        async def load() -> Session:
            return await self.session(caller, session_id)

        def decide(before: Session) -> OneUnit:
            metadata = before.metadata
            if "metadata" in params:
                metadata = merged(metadata, params["metadata"])
            after = replace(before, metadata=metadata)
            if after != before:
                after = replace(after, revision=before.revision + 1)
            return OneUnit(change_unit(before, after), self._shown(after, caller))

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def expire(
        self, caller: Caller, session_id: str, idempotency: IdempotencyRequest | None
    ) -> Answer:
        """End an open session; a payment that was begun is canceled first.

        Refuses `checkout_session_unexpected_state` when it has ended, and `operation_in_progress`
        while a payment is being made.
        """
        await self.session(caller, session_id)
        key = (caller.merchant.merchant_id, session_id)
        await self._paying.cancel_payment(caller.merchant, key)

        async def load() -> tuple[Session, str | None, datetime]:
            session = await self.session(caller, session_id)
            status = await self._paying.intent_status(caller.merchant, session)
            return session, status, await self._clocks.now(caller.merchant, session.customer)

        def decide(loaded: tuple[Session, str | None, datetime]) -> OneUnit:
            session, status, now = loaded
            if session.status is not Status.OPEN or completes(status):
                raise _not_open(session)
            if status not in (None, "canceled"):
                raise Refusal(
                    Code.OPERATION_IN_PROGRESS,
                    f"A payment of {shown_id(session.id)} is being made. Retrieve the session in "
                    "a moment and try again.",
                )
            after = session.expired()
            cause = Cause(caller.request_id, idempotency.key if idempotency else None)
            event = self._paying.event(caller.merchant, "expired", after, cause, now)
            unit = change_unit(session, after, event)
            return OneUnit(unit, self._shown(after, caller))

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def session(self, caller: Caller, session_id: str, param: str = "id") -> Session:
        """Return a session. Refuses `resource_missing`."""
        row = await self._reader.get(TABLE, (caller.merchant.merchant_id, session_id))
        if row is None:
            raise _missing("checkout.session", session_id, param)
        return from_row(row)

    async def retrieve(self, caller: Caller, session_id: str) -> dict[str, Any]:
        """Render a session. Refuses `resource_missing`."""
        return self._shown(await self.session(caller, session_id), caller)

    async def line_items(self, caller: Caller, kind: str, owner_id: str) -> Sold:
        """Return the items of a session or of a link. Refuses `resource_missing`."""
        if kind == "checkout.session":
            return (await self.session(caller, owner_id)).line_items
        row = await self._reader.get("payment_link", (caller.merchant.merchant_id, owner_id))
        if row is None:
            raise _missing("payment_link", owner_id, "id")
        return link_from_row(row).line_items

    async def list(
        self, caller: Caller, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return sessions from the newest to the oldest, and whether there are more."""
        if page.cursor is not None:
            await self.session(caller, page.cursor.object_id, page.cursor.param)
        names = ("customer", "payment_intent", "payment_link", "status")
        parameters = {name: filters.get(name) for name in names} | {
            "merchant_id": caller.merchant.merchant_id
        } | created_bounds(filters)  # fmt: skip
        rows, more = await read_page(self._reader.query, "checkout_session_list", page, parameters)
        return [self._shown(from_row(row), caller) for row in rows], more

    def _blank(self, caller: Caller, sold: Sold, now: datetime, expires_at: datetime) -> Session:
        mode = "live" if caller.merchant.livemode else "test"
        return Session(
            merchant_id=caller.merchant.merchant_id,
            # Sortable by time, and with 256 random bits: who knows it may open the page.
            id=f"{self._ids.new(f'cs_{mode}')}{self._ids.secret()}",
            created=now, expires_at=expires_at, look_at=expires_at,
            currency=sold[0]["price"]["currency"], amount=items.total(sold), line_items=sold,
        )  # fmt: skip

    def _shown(self, session: Session, caller: Caller) -> dict[str, Any]:
        return session_view(session, caller.merchant.livemode, self.public_url)


def check_test_mode(livemode: bool) -> None:
    """Refuse `not_supported` in live mode: the page takes card numbers, which need a vault."""
    if livemode:
        raise Refusal(
            Code.NOT_SUPPORTED,
            "Checkout takes card numbers, and these are accepted in test mode only as long as "
            "there is no card vault. Use a test key.",
        )


def _check_together(params: dict[str, Any]) -> None:
    if params.get("customer") and params.get("customer_email"):
        raise Refusal(
            Code.PARAMETER_INVALID,
            "You may only specify one of these parameters: customer, customer_email.",
            param="customer_email",
        )
    if params.get("customer") and params.get("customer_creation"):
        raise Refusal(
            Code.PARAMETER_INVALID,
            "customer_creation says whether a customer is made, and cannot be sent with customer.",
            param="customer_creation",
        )


def _expiry(sent: int | None, now: datetime) -> datetime:
    if sent is None:
        return now + _LIFE
    earliest, latest = unix(now + _LIFE_SHORTEST), unix(now + _LIFE)
    if not earliest - 5 <= sent <= latest + 5:
        raise Refusal(
            Code.PARAMETER_INVALID_INTEGER,
            "The expires_at timestamp must be at least 30 minutes and at most 24 hours from "
            "Checkout Session creation.",
            param="expires_at",
        )
    return now + timedelta(seconds=sent - unix(now))


def _not_open(session: Session) -> Refusal:
    return Refusal(
        Code.CHECKOUT_SESSION_UNEXPECTED_STATE,
        "Only Checkout Sessions with a status of open can be expired. This one is "
        f"{'being completed' if session.status is Status.OPEN else session.status.value}.",
    )


def _missing(kind: str, object_id: str, param: str) -> Refusal:
    return Refusal(Code.RESOURCE_MISSING, f"No such {kind}: '{shown_id(object_id)}'", param=param)
