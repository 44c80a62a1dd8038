"""The one door to payments: what the API asks for, and the outcomes that come back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from hazina.balances.line import view as line_view
from hazina.clock import Clock
from hazina.commands.command import Command, from_row
from hazina.crashpoints import crashpoint
from hazina.db.reader import Reader
from hazina.db.unit import Committed, Lane, Refused, Taken, Unit
from hazina.db.writer import Writer, commit
from hazina.events.service import Cause
from hazina.idempotency import service as keys
from hazina.idempotency.service import Answer, Held, Idempotency, IdempotencyRequest
from hazina.ids import Ids
from hazina.merchants.merchant import Caller, Merchant
from hazina.merchants.service import Merchants
from hazina.paging import Page
from hazina.payments import release, requests
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import Intent, check_state
from hazina.payments.outcomes import apply
from hazina.payments.refund import Refund
from hazina.payments.store import Payments as Store
from hazina.payments.store import charge_from, intent_from, missing, refund_from
from hazina.payments.subject import Subject
from hazina.payments.view import charge_view, intent_view, refund_view
from hazina.rails.outcome import NotFound, Outcome
from hazina.refusals import Code, Refusal


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of performing a command, and how long to wait before asking again."""

    outcome: Outcome | NotFound
    next_ms: int


Perform = Callable[[Command, int], Awaitable[Performed]]
"""Performs a command; the number is the monotonic moment before which it was not leased."""


@dataclass(frozen=True, slots=True)
class PaymentSettings:
    """Leases. The command's must outlast deadline, provider timeout and a margin."""

    command_lease_ms: int = 25_000
    key_lease_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class _Begun:
    """A first unit of work: either it is all (`answer`), or a command was issued (`subject`)."""

    unit: Unit
    subject: Subject | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class _Applied:
    unit: Unit
    answer: Answer


Shown = Callable[[Subject, bool], dict[str, Any]]


def _shows_intent(subject: Subject, livemode: bool) -> dict[str, Any]:
    return intent_view(subject.intent, livemode)


def _shows_charge(subject: Subject, livemode: bool) -> dict[str, Any]:
    return charge_view(subject.charge, livemode)


def _shows_refund(subject: Subject, livemode: bool) -> dict[str, Any]:
    assert subject.refund is not None
    return refund_view(subject.refund, livemode)


class Payments:
    """Creates, confirms, captures, cancels and refunds payments, and applies outcomes."""

    def __init__(
        self, *, reader: Reader, writer: Writer, clock: Clock, ids: Ids, merchants: Merchants,
        idempotency: Idempotency, settings: PaymentSettings,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._ids = ids
        self._merchants = merchants
        self._idempotency = idempotency
        self._settings = settings
        self._store = Store(reader)
        self._perform: Perform | None = None

    def connect(self, perform: Perform) -> None:
        """Say how commands are performed; `bootstrap` does, once."""
        self._perform = perform

    # What a client asks for

    async def create_intent(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Create an intent and, with `confirm`, confirm it."""

        def decide(draft: Draft, _: Any) -> Intent | Subject:
            return requests.create(draft, requests.checked(params), self._settings.command_lease_ms)

        async def load() -> None:
            await self._need_customer(caller, params)

        return await self._begin(caller, idempotency, load, decide, _shows_intent)

    async def update_intent(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Change an intent that is not yet settled."""

        async def load() -> Intent:
            await self._need_customer(caller, params)
            return await self._store.intent(caller.merchant.merchant_id, intent_id)

        def decide(draft: Draft, intent: Intent) -> Intent:
            return requests.update(draft, intent, requests.checked(params))

        return await self._begin(caller, idempotency, load, decide, _shows_intent)

    async def confirm_intent(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Ask the provider to authorize the intent."""

        async def load() -> Intent:
            return await self._store.intent(caller.merchant.merchant_id, intent_id)

        def decide(draft: Draft, intent: Intent) -> Subject:
            lease_ms = self._settings.command_lease_ms
            return requests.confirm(draft, intent, requests.checked(params), lease_ms)

        return await self._begin(caller, idempotency, load, decide, _shows_intent)

    async def capture_intent(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Take authorized money."""
        return await self._capture(
            caller, params, idempotency, lambda: self._intent_and_charge(caller, intent_id),
            _shows_intent,
        )  # fmt: skip

    async def cancel_intent(
        self, caller: Caller, intent_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """End an intent, voiding what is authorized."""

        def decide(draft: Draft, loaded: tuple[Intent, Charge | None]) -> Intent | Subject:
            lease_ms = self._settings.command_lease_ms
            return requests.cancel(draft, loaded[0], loaded[1], params, lease_ms)

        async def load() -> tuple[Intent, Charge | None]:
            return await self._intent_and_charge(caller, intent_id)

        return await self._begin(caller, idempotency, load, decide, _shows_intent)

    async def create_charge(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Charge a token directly, as older clients do."""

        def decide(draft: Draft, _: Any) -> Subject:
            lease_ms = self._settings.command_lease_ms
            return requests.create_charge(draft, requests.checked(params), lease_ms)

        async def load() -> None:
            await self._need_customer(caller, params)

        return await self._begin(caller, idempotency, load, decide, _shows_charge)

    async def capture_charge(
        self, caller: Caller, charge_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Take an authorized charge's money; `amount` may be less than was authorized."""
        if "amount" in params:
            params = {"amount_to_capture": params["amount"]}

        async def load() -> tuple[Intent, Charge | None]:
            charge = await self._store.charge(caller.merchant.merchant_id, charge_id)
            return await self._store.any_intent(charge.merchant_id, charge.payment_intent), charge

        return await self._capture(caller, params, idempotency, load, _shows_charge)

    async def create_refund(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Give captured money back, in full or in part."""

        async def load() -> tuple[Intent, Charge]:
            return await self._refundable(caller, params)

        def decide(draft: Draft, loaded: tuple[Intent, Charge]) -> Subject:
            intent, charge = loaded
            made = requests.refund(draft, intent, charge, params, self._settings.command_lease_ms)
            given = keys.refused(requests.insufficient(charge))
            draft.on_refusal.extend(keys.claim_answered(idempotency, "", given, draft.now))
            return made

        return await self._begin(caller, idempotency, load, decide, _shows_refund)

    async def update_charge(
        self, caller: Caller, charge_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Change a charge's description and metadata."""

        async def load() -> Charge:
            return await self._store.charge(caller.merchant.merchant_id, charge_id)

        return await self._reword(caller, params, idempotency, load)

    async def update_refund(
        self, caller: Caller, refund_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Change a refund's metadata."""

        async def load() -> Refund:
            return await self._store.refund(caller.merchant.merchant_id, refund_id)

        return await self._reword(caller, params, idempotency, load)

    async def retrieve(self, caller: Caller, kind: str, object_id: str) -> dict[str, Any]:
        """Render one object. Refuses `resource_missing`."""
        merchant = caller.merchant
        merchant_id = merchant.merchant_id
        if kind == "payment_intent":
            return intent_view(await self._store.intent(merchant_id, object_id), merchant.livemode)
        if kind == "charge":
            return charge_view(await self._store.charge(merchant_id, object_id), merchant.livemode)
        if kind == "refund":
            return refund_view(await self._store.refund(merchant_id, object_id), merchant.livemode)
        assert kind == "balance_transaction"
        rows = await self._reader.query(
            "balance_transaction_one", {"merchant_id": merchant_id, "id": object_id}
        )
        if not rows:
            raise missing("balance transaction", object_id, "id")
        return line_view(rows[0])

    async def list(
        self, caller: Caller, kind: str, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Render a page, newest first."""
        livemode = caller.merchant.livemode
        rows, more = await self._store.page(kind, caller.merchant.merchant_id, filters, page)
        if kind == "payment_intent":
            return [intent_view(intent_from(row), livemode) for row in rows], more
        if kind == "charge":
            return [charge_view(charge_from(row), livemode) for row in rows], more
        if kind == "refund":
            return [refund_view(refund_from(row), livemode) for row in rows], more
        assert kind == "balance_transaction"
        return [line_view(row) for row in rows], more

    # What comes back

    async def report(self, command: Command, performed: Performed) -> None:
        """Apply an outcome that came by callback, inquiry or a late reply."""
        merchant = await self._merchants.get(command.merchant_id)
        await self._apply(merchant, Cause(), None, command, performed, None, _shows_intent)

    async def release_due(self, limit: int = 100) -> int:
        """Make captured money available whose day has come; return how many."""
        released = 0
        rows = await self._reader.query(
            "charge_release_due", {"now": self._clock.now(), "limit": limit}
        )
        for row in rows:
            merchant = await self._merchants.get(row["merchant_id"])

            async def load(row: Any = row) -> Charge:
                return await self._store.any_charge(row["merchant_id"], row["id"])

            def decide(charge: Charge, merchant: Merchant = merchant) -> _Applied:
                draft = self._draft(merchant, Cause(), Lane.BULK)
                release.funds(draft, charge)
                return _Applied(draft.unit(), Answer(None, b""))

            _, verdict = await commit(self._writer, load, decide)
            released += isinstance(verdict, Committed)
        return released

    # How it is done

    async def _begin(
        self, caller: Caller, idempotency: IdempotencyRequest | None,
        load: Callable[[], Awaitable[Any]], decide: Callable[[Draft, Any], Any], shows: Shown,
    ) -> Answer:  # fmt: skip
        """Commit the first unit; where it issued a command, perform it and apply the outcome."""
        cause = Cause(caller.request_id, idempotency.key if idempotency else None)
        begun_ms = self._clock.monotonic_ms()

        def begun(state: Any) -> _Begun:
            draft = self._draft(caller.merchant, cause, Lane.PAYMENT)
            return self._begun(draft, decide(draft, state), idempotency)

        crashpoint("payments.before_first_unit")
        try:
            begin, verdict = await commit(self._writer, load, begun)
        except Refusal as refusal:
            if refusal.code in (Code.LOCK_TIMEOUT, Code.OPERATION_IN_PROGRESS):
                raise
            return await self._idempotency.store(idempotency, keys.refused(refusal))
        match verdict:
            case Taken():
                assert idempotency is not None
                return await self._taken(caller, idempotency, shows)
            case Refused() if begin.unit.on_refusal or begin.subject is not None:
                assert begin.subject is not None
                return keys.refused(requests.insufficient(begin.subject.charge))
            case Committed():
                pass
            case _:
                raise AssertionError(f"the ledger refused {verdict}")
        if begin.subject is None:
            return begin.answer
        held = Held(idempotency, 1) if idempotency else None
        assert self._perform is not None, "bootstrap connects payments to dispatch"
        crashpoint("payments.after_first_unit")
        performed = await self._perform(begin.subject.command, begun_ms)
        crashpoint("payments.after_reply")
        return await self._apply(
            caller.merchant, cause, held, begin.subject.command, performed, begin.subject, shows
        )

    def _begun(self, draft: Draft, made: Any, idempotency: IdempotencyRequest | None) -> _Begun:
        if isinstance(made, Subject):
            operation = made.refund.id if made.refund else made.intent.id
            if made.intent.hidden and not made.refund:
                operation = made.charge.id
            draft.claims.extend(
                keys.claim(idempotency, operation, self._settings.key_lease_ms, draft.now)
            )
            return _Begun(draft.unit(), made, Answer(None, b""))
        answer = keys.success(_view(made, draft.merchant.livemode))
        draft.claims.extend(keys.claim_answered(idempotency, made.id, answer, draft.now))
        return _Begun(draft.unit(), None, answer)

    async def _apply(
        self, merchant: Merchant, cause: Cause, held: Held | None, command: Command,
        performed: Performed, known: Subject | None, shows: Shown,
    ) -> Answer:  # fmt: skip
        """Commit what an outcome means, from what is known or else from what is read."""
        loads = 0

        async def load() -> tuple[Subject, Held | None]:
            nonlocal loads
            loads += 1
            if known is not None and loads == 1:
                return known, held
            return await self._subject(command), await self._still_held(held)

        def decide(state: tuple[Subject, Held | None]) -> _Applied:
            subject, held_now = state
            draft = self._draft(merchant, cause, Lane.OUTCOME)
            effect = apply(draft, subject, performed.outcome, performed.next_ms)
            answer = (
                keys.refused(effect.refusal)
                if effect.refusal
                else keys.success(shows(effect.subject, merchant.livemode))
            )
            relied, written = keys.answer(held_now, answer)
            unit = draft.unit()
            unit = replace(unit, relies_on=unit.relies_on + relied, writes=unit.writes + written)
            return _Applied(unit, answer)

        applied, verdict = await commit(self._writer, load, decide)
        crashpoint("payments.after_second_unit")
        assert isinstance(verdict, Committed), f"an outcome could not be booked: {verdict}"
        return applied.answer

    async def _subject(self, command: Command) -> Subject:
        merchant_id = command.merchant_id
        row = await self._reader.get("command", command.key)
        assert row is not None
        refund = (
            await self._store.any_refund(merchant_id, command.refund) if command.refund else None
        )
        return Subject(
            from_row(row),
            await self._store.any_intent(merchant_id, command.payment_intent),
            await self._store.any_charge(merchant_id, command.charge),
            refund,
        )

    async def _still_held(self, held: Held | None) -> Held | None:
        """Return where our answer goes, or None when another process answered for us."""
        if held is None:
            return None
        row = await self._reader.get("idempotency_key", held.request.row_key)
        return held if row is not None and row["version"] == held.version else None

    async def _taken(self, caller: Caller, idempotency: IdempotencyRequest, shows: Shown) -> Answer:
        """Replay, or answer for a process that died with what is true now."""
        found = await self._idempotency.resolve(idempotency)
        if isinstance(found, Answer):
            return found
        view = await self._present(caller.merchant, found["operation"])
        return await self._idempotency.take_over(idempotency, found, keys.success(view))

    async def _present(self, merchant: Merchant, object_id: str) -> dict[str, Any]:
        merchant_id = merchant.merchant_id
        kind = object_id.split("_", 1)[0]
        found: Intent | Charge | Refund
        if kind == "pi":
            found = await self._store.any_intent(merchant_id, object_id)
        elif kind == "ch":
            found = await self._store.any_charge(merchant_id, object_id)
        else:
            found = await self._store.any_refund(merchant_id, object_id)
        return _view(found, merchant.livemode)

    async def _capture(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None,
        load: Callable[[], Awaitable[tuple[Intent, Charge | None]]], shows: Shown,
    ) -> Answer:  # fmt: skip
        def decide(draft: Draft, loaded: tuple[Intent, Charge | None]) -> Subject:
            intent, charge = loaded
            if charge is None:
                check_state(intent, requests.CAPTURABLE, "capture")
            assert charge is not None
            lease_ms = self._settings.command_lease_ms
            return requests.capture(draft, intent, charge, params, lease_ms)

        return await self._begin(caller, idempotency, load, decide, shows)

    async def _reword(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None,
        load: Callable[[], Awaitable[Charge | Refund]],
    ) -> Answer:  # fmt: skip
        def decide(draft: Draft, old: Charge | Refund) -> Charge | Refund:
            return requests.update_words(draft, old, params)

        return await self._begin(caller, idempotency, load, decide, _shows_charge)

    async def _intent_and_charge(
        self, caller: Caller, intent_id: str
    ) -> tuple[Intent, Charge | None]:
        """Return an intent with the attempt that an operation would be about, if there is one."""
        merchant_id = caller.merchant.merchant_id
        intent = await self._store.intent(merchant_id, intent_id)
        if intent.operation is not None:
            row = await self._reader.get("command", (merchant_id, intent.operation))
            assert row is not None
            return intent, await self._store.any_charge(merchant_id, row["charge"])
        if intent.amount_capturable and intent.latest_charge:
            return intent, await self._store.any_charge(merchant_id, intent.latest_charge)
        return intent, None

    async def _need_customer(self, caller: Caller, params: dict[str, Any]) -> None:
        """Refuse `resource_missing` for a customer that this merchant does not have."""
        customer_id = params.get("customer")
        if customer_id is None:
            return
        row = await self._reader.get("customer", (caller.merchant.merchant_id, customer_id))
        if row is None or row["deleted"]:
            raise missing("customer", customer_id, "customer")

    async def _refundable(self, caller: Caller, params: dict[str, Any]) -> tuple[Intent, Charge]:
        merchant_id = caller.merchant.merchant_id
        charge_id = params.get("charge")
        if (charge_id is None) == (params.get("payment_intent") is None):
            raise Refusal(
                Code.PARAMETER_MISSING,
                "Send one of these params: payment_intent, charge.",
                param="payment_intent",
            )
        if charge_id is None:
            intent = await self._store.intent(merchant_id, params["payment_intent"])
            if intent.latest_charge is None:
                raise Refusal(
                    Code.CHARGE_NOT_REFUNDABLE,
                    f"The PaymentIntent {intent.id} does not have a successful charge to refund.",
                    param="payment_intent",
                )
            return intent, await self._store.charge(merchant_id, intent.latest_charge)
        charge = await self._store.charge(merchant_id, charge_id)
        return await self._store.any_intent(merchant_id, charge.payment_intent), charge

    def _draft(self, merchant: Merchant, cause: Cause, lane: Lane) -> Draft:
        return Draft(merchant, self._clock.now(), self._ids, self._writer.slot, cause, lane)


def _view(made: Intent | Charge | Refund, livemode: bool) -> dict[str, Any]:
    if isinstance(made, Intent):
        return intent_view(made, livemode)
    if isinstance(made, Charge):
        return charge_view(made, livemode)
    return refund_view(made, livemode)
