"""One door to payment methods: create, change, list, and resolve one to what a payment needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from hazina.db.reader import Reader
from hazina.events.service import Cause
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller, Merchant
from hazina.paging import Page, read_page
from hazina.payment_methods import changes, token
from hazina.payment_methods.bank_methods import CustomerBalance, sepa_debit_from_iban
from hazina.payment_methods.card import Card, Fingerprints, card_from_number, card_of
from hazina.payment_methods.changes import Changes, Deciding
from hazina.payment_methods.method import TABLE, Instrument, PaymentMethod, from_row
from hazina.payment_methods.test_methods import TestMethod, find
from hazina.payment_methods.token import Token
from hazina.payment_methods.view import method_view
from hazina.refusals import Code, Refusal, shown_id


@dataclass(frozen=True, slots=True)
class Chosen:
    """A payment method as a payment needs it.

    `id` is what the payment shows, `behaviour` the method that the provider is given. `details` is
    what a charge keeps to show; None for the well-known test methods, which `card_details` knows.
    `method` is the stored method, to rely on or attach in the payment's own unit of work.
    """

    id: str
    behaviour: str
    details: dict[str, Any] | None = None
    type: str = "card"
    method: PaymentMethod | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A method that is not stored yet, and what else must be in the unit that stores it."""

    method: PaymentMethod
    changes: Changes


Found = list[PaymentMethod]


class PaymentMethods:
    """Payment methods of the calling merchant; no other merchant's can be seen or touched."""

    def __init__(
        self, reader: Reader, idempotency: Idempotency, clocks: Clocks, ids: Ids, pepper: bytes
    ) -> None:
        self._reader = reader
        self._idempotency = idempotency
        self._clocks = clocks
        self._ids = ids
        self._fingerprints = Fingerprints(pepper)

    # What a client asks for

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Keep a card as a payment method of no customer yet."""

        async def load() -> Made:
            return await self.make(caller.merchant, params)

        def decide(made: Made) -> OneUnit:
            parts = changes.stored(made.method) + made.changes
            return OneUnit(parts.unit(made.method.merchant_id), method_view(made.method))

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def update(
        self,
        caller: Caller,
        method_id: str,
        params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:
        """Change billing details, metadata or the expiry of a method.

        Refuses `payment_method_unexpected_state` when it was detached.
        """

        async def load() -> tuple[PaymentMethod, datetime]:
            before = await self.stored(caller.merchant, method_id)
            return before, await self.now(caller.merchant, before.customer)

        def decide(loaded: tuple[PaymentMethod, datetime]) -> OneUnit:
            before, now = loaded
            before.check_usable()
            after = before.changed(params, now)
            moment = self.deciding(caller, idempotency, now)
            parts = changes.update(moment, before, after)
            return OneUnit(parts.unit(before.merchant_id), method_view(after))

        merchant_id = caller.merchant.merchant_id
        return await self._idempotency.run_once(idempotency, merchant_id, load, decide)

    async def retrieve(self, caller: Caller, method_id: str) -> dict[str, Any]:
        """Return a stored or a well-known test method. Refuses `resource_missing`."""
        merchant = caller.merchant
        known = find(method_id)
        if known is None:
            return method_view(await self.stored(merchant, method_id))
        card = self._card_of(merchant, known)
        shown = PaymentMethod(
            merchant.merchant_id, known.id, merchant.created, merchant.livemode, card
        )
        return method_view(shown)

    async def list(
        self, caller: Caller, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return stored methods from the newest to the oldest, and whether there are more."""
        found, more = await self.page(caller.merchant, filters, page)
        return [method_view(method) for method in found], more

    # What other packages ask for

    async def choose(self, merchant: Merchant, given: str, customer_id: str | None) -> Chosen:
        """Return a method of the merchant's as a payment of this customer (or nobody) needs it.

        Well-known test methods cost no reading. Refuses `resource_missing`, and
        `payment_method_unexpected_state` for one that was detached or is another customer's.
        """
        known = find(given)
        if known is not None:
            return Chosen(known.id, known.id)
        method = await self.stored(merchant, given, "payment_method")
        method.check_customer(customer_id)
        return chosen(method)

    async def keepable(self, merchant: Merchant, given: str) -> PaymentMethod:
        """Return a method that a customer can keep: stored, or new from a well-known one."""
        known = find(given)
        if known is not None:
            card = self._card_of(merchant, known)
            return self._new(merchant, card, {}, await self.now(merchant))
        return await self.stored(merchant, given, "payment_method")

    async def make(self, merchant: Merchant, params: dict[str, Any]) -> Made:
        """Return a new method from its type's part and `billing_details`; nothing is written yet.

        Refuses bad cards (see `card_from_number`), bad IBANs, and tokens that are unknown or used.
        """
        kind = params.get("type", "card")
        for other in {"card", "sepa_debit", "customer_balance"} & params.keys() - {kind}:
            raise Refusal(
                Code.PARAMETER_INVALID,
                f"Invalid value for {other}: leave it out, since the type is {kind}.",
                param=other,
            )
        now = await self.now(merchant)
        if kind != "card":
            bank = self._of_bank(merchant, kind, params)
            return Made(self._new(merchant, bank, params, now), Changes())
        card, spent = await self.read_card(merchant, params.get("card") or {})
        billing = spent.billing_details if spent is not None else {}
        method = self._new(merchant, card, params, now, dict(billing))
        return Made(method, Changes(*spent.spent()) if spent is not None else Changes())

    async def make_source(self, merchant: Merchant, source: str | dict[str, Any]) -> Made:
        """Return a new customer's card from a token or from a card; nothing is written yet."""
        given = {"token": source} if isinstance(source, str) else source
        card, spent = await self.read_card(merchant, given, "source")
        card_id = spent.card_id if spent is not None else self._ids.new("card")
        billing = spent.billing_details if spent is not None else legacy_billing(given)
        method = PaymentMethod(
            merchant_id=merchant.merchant_id, id=card_id, created=await self.now(merchant),
            livemode=merchant.livemode, instrument=card, billing_details=billing,
        )  # fmt: skip
        return Made(method, Changes(*spent.spent()) if spent is not None else Changes())

    async def read_card(
        self, merchant: Merchant, given: dict[str, Any], param: str = "card[token]"
    ) -> tuple[Card, Token | None]:
        """Return the card that a client means by a number or a token, and the token if stored."""
        if given.get("token") is not None:
            return await self._card_of_token(merchant, given["token"], param)
        if given.get("number") is None:
            raise Refusal(
                Code.PARAMETER_MISSING,
                "Missing required param: card[number]. Send a test card, or card[token].",
                param="card[number]",
            )
        if merchant.livemode:
            raise Refusal(
                Code.NOT_SUPPORTED,
                "Card numbers are taken in test mode only: there is no vault to keep a real one.",
                param="card[number]",
            )
        now = await self.now(merchant)
        return card_from_number(given, merchant.account_id, self._fingerprints, now), None

    async def stored(
        self, merchant: Merchant, method_id: str, param: str = "payment_method"
    ) -> PaymentMethod:
        """Return a stored method. Refuses `resource_missing`."""
        method = await self.find_stored(merchant, method_id)
        if method is None:
            raise _missing(method_id, param)
        return method

    async def find_stored(self, merchant: Merchant, method_id: str) -> PaymentMethod | None:
        """Return a stored method, or None."""
        row = await self._reader.get(TABLE, (merchant.merchant_id, method_id))
        return None if row is None else from_row(row, merchant.livemode)

    async def of_customer(self, merchant: Merchant, customer_id: str) -> Found:
        """Return everything that a customer keeps."""
        rows = await self._reader.where(
            TABLE, merchant_id=merchant.merchant_id, customer=customer_id
        )
        return [from_row(row, merchant.livemode) for row in rows]

    async def page(
        self, merchant: Merchant, filters: dict[str, Any], page: Page
    ) -> tuple[Found, bool]:
        """Return a page, newest first; `sources` in filters tells cards of customers apart.

        Refuses `resource_missing` for a cursor that is no method of the merchant's.
        """
        cursor = page.cursor
        created = None
        if cursor is not None:
            created = (await self.stored(merchant, cursor.object_id, cursor.param)).created
        parameters = {
            "merchant_id": merchant.merchant_id, "customer": filters.get("customer"),
            "type": filters.get("type"), "redisplay": filters.get("allow_redisplay"),
            "sources": filters.get("sources"), "after_created": created,
        }  # fmt: skip
        rows, more = await read_page(self._reader.query, "payment_method_list", page, parameters)
        return [from_row(row, merchant.livemode) for row in rows], more

    async def now(self, merchant: Merchant, customer_id: str | None = None) -> datetime:
        """Return the moment for a method of this customer, or of nobody yet."""
        return await self._clocks.now(merchant, customer_id)

    def deciding(
        self, caller: Caller, idempotency: IdempotencyRequest | None, now: datetime
    ) -> Deciding:
        """Return the moment of a decision, for the events it makes."""
        cause = Cause(caller.request_id, idempotency.key if idempotency else None)
        return Deciding(caller.merchant, now, self._ids, cause)

    # How it is done

    def _new(
        self, merchant: Merchant, instrument: Instrument, params: dict[str, Any], now: datetime,
        billing: dict[str, Any] | None = None,
    ) -> PaymentMethod:  # fmt: skip
        blank = PaymentMethod(
            merchant_id=merchant.merchant_id, id=self._ids.new("pm"), created=now,
            livemode=merchant.livemode, instrument=instrument, billing_details=billing or {},
        )  # fmt: skip
        words = {name: value for name, value in params.items() if name in _WORDS}
        after = blank.changed(words, blank.created)
        return after if after == blank else replace(after, revision=1)

    def _of_bank(self, merchant: Merchant, kind: str, params: dict[str, Any]) -> Instrument:
        if merchant.livemode:
            raise Refusal(
                Code.NOT_SUPPORTED,
                f"Methods of type {kind} are taken in test mode only: no bank is connected.",
                param="type",
            )
        if kind == "customer_balance":
            return CustomerBalance()
        iban = (params.get("sepa_debit") or {}).get("iban")
        if iban is None:
            raise Refusal(
                Code.PARAMETER_MISSING,
                "Missing required param: sepa_debit[iban]. Send a public test IBAN.",
                param="sepa_debit[iban]",
            )
        return sepa_debit_from_iban(iban, merchant.account_id, self._fingerprints)

    def _card_of(self, merchant: Merchant, method: TestMethod) -> Card:
        return card_of(method, self._fingerprints.of(merchant.account_id, method))

    async def _card_of_token(
        self, merchant: Merchant, token_id: str, param: str
    ) -> tuple[Card, Token | None]:
        known = find(token_id)
        if known is not None and token_id.startswith("tok_"):
            return self._card_of(merchant, known), None
        row = await self._reader.get(token.TABLE, (merchant.merchant_id, token_id))
        if row is None:
            raise Refusal(
                Code.RESOURCE_MISSING, f"No such token: '{shown_id(token_id)}'", param=param
            )
        found = token.from_row(row)
        found.spent()
        return found.card, found


_WORDS = ("billing_details", "metadata", "allow_redisplay")


def chosen(method: PaymentMethod) -> Chosen:
    """Return a stored method as a payment needs it."""
    made_of = method.instrument
    return Chosen(method.id, made_of.behaviour, made_of.details(), method.type, method)


def legacy_billing(card: dict[str, Any]) -> dict[str, Any]:
    """Return the billing details that older clients send inside a card."""
    names = {"address_line1": "line1", "address_line2": "line2", "address_city": "city",
             "address_state": "state", "address_zip": "postal_code",
             "address_country": "country"}  # fmt: skip
    address = {new: card[old] for old, new in names.items() if card.get(old) is not None}
    found: dict[str, Any] = {"address": address} if address else {}
    if card.get("name") is not None:
        found["name"] = card["name"]
    return found


def well_known(merchant: Merchant, method_id: str) -> PaymentMethod | None:
    """Return a well-known test method with the fingerprint that charges show; None for others."""
    known = find(method_id)
    if known is None:
        return None
    card = card_of(known, known.fingerprint)
    return PaymentMethod(merchant.merchant_id, known.id, merchant.created, merchant.livemode, card)


def resolve(given: str) -> str:
    """Return the id of a test method named by `pm_card_...` or `tok_...`.

    Refuses `resource_missing`.
    """
    return _method(given).id


def bypasses_pending(method_id: str) -> bool:
    """Tell whether captured money is available at once."""
    known = find(method_id)
    return known is not None and known.bypass_pending


@cache
def card_details(method_id: str) -> dict[str, Any]:
    """Return what is shown of the card: brand, last4, expiry, funding, country, fingerprint."""
    method = _method(method_id)
    return card_of(method, method.fingerprint).details()


def _method(given: str) -> TestMethod:
    found = find(given)
    if found is None:
        raise _missing(given, "payment_method")
    return found


def _missing(given: str, param: str) -> Refusal:
    return Refusal(
        Code.RESOURCE_MISSING,
        f"No such PaymentMethod: '{shown_id(given)}'. Create one, or use one of the test payment "
        "methods, such as pm_card_visa.",
        param=param,
    )
