"""Carrying an operation out: the first unit of work, the command, the second unit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hazina.clock import Clock
from hazina.commands.command import Command
from hazina.commands.history import telling, with_events
from hazina.commands.owing import overtaken, still_owed
from hazina.commands.performing import (
    Perform,
    Performed,
    TurnsAway,
    refuse_if_away,
)
from hazina.crashpoints import crashpoint, declare
from hazina.db.table import Row
from hazina.db.unit import Committed, Lane, Refused, Taken, Unit
from hazina.db.writer import Writer, commit
from hazina.events.service import Cause
from hazina.idempotency import service as keys
from hazina.idempotency.service import Answer, Held, Idempotency, IdempotencyRequest
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller, Merchant
from hazina.payments import requests
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import Intent
from hazina.payments.outcomes import apply, became
from hazina.payments.refund import Refund
from hazina.payments.store import Payments as Store
from hazina.payments.subject import NO, Subject
from hazina.payments.view import charge_view, intent_view, refund_view
from hazina.rails.contract import Capabilities, Operation
from hazina.rails.outcome import NotFound, NotSent
from hazina.refusals import Refusal
from hazina.values import replace, value

declare(
    "payments.before_first_unit", "payments.after_only_unit", "payments.after_first_unit",
    "payments.after_reply", "payments.after_second_unit",
)  # fmt: skip

_NOT_OWED = (Operation.AUTHORIZE, Operation.INCREMENT)


@value
class PaymentSettings:
    """Leases. The command's must outlast deadline, provider timeout and a margin."""

    command_lease_ms: int = 25_000
    key_lease_ms: int = 30_000
    authorization_owed_ms: int = 300_000
    """For how long an authorization that provably never happened is still sent."""


@value
class _Begun:
    """A first unit of work: either it is all (`answer`), or a command was issued (`subject`)."""

    unit: Unit
    subject: Subject | None
    answer: Answer


@value
class Applied:
    """The unit of work of an outcome, and what to answer."""

    unit: Unit
    answer: Answer


Shown = Callable[[Draft, Subject], dict[str, Any]]


def shows_intent(draft: Draft, subject: Subject) -> dict[str, Any]:
    return draft.shown(subject.intent, intent_view)


def shows_charge(draft: Draft, subject: Subject) -> dict[str, Any]:
    return draft.shown(subject.charge, charge_view)


def shows_refund(draft: Draft, subject: Subject) -> dict[str, Any]:
    assert subject.refund is not None
    return draft.shown(subject.refund, refund_view)


class Operations:
    """Begins operations of clients and applies the outcomes of their commands."""

    def __init__(
        self, *, writer: Writer, clock: Clock, ids: Ids, clocks: Clocks,
        store: Store, idempotency: Idempotency, settings: PaymentSettings,
    ) -> None:  # fmt: skip
        self._writer = writer
        self._clock = clock
        self._clocks = clocks
        self._ids = ids
        self._store = store
        self._idempotency = idempotency
        self._settings = settings
        self._perform: Perform | None = None
        self._turns_away: TurnsAway | None = None
        self._capabilities: Mapping[str, Capabilities] = {}

    def connect(
        self, perform: Perform, capabilities: Mapping[str, Capabilities],
        turns_away: TurnsAway | None = None,
    ) -> None:  # fmt: skip
        """Say how commands are performed, and what each account can do; `bootstrap` does, once."""
        self._perform = perform
        self._turns_away = turns_away
        self._capabilities = capabilities

    def refused(self, refusal: Refusal) -> Answer:
        """Render a refusal as an answer."""
        return self._idempotency.refused(refusal)

    async def begin(
        self, caller: Caller, idempotency: IdempotencyRequest | None,
        load: Callable[[], Awaitable[Any]], decide: Callable[[Draft, Any], Any], shows: Shown,
    ) -> Answer:  # fmt: skip
        """Commit the first unit; where it issued a command, perform it and apply the outcome."""
        cause = Cause(caller.request_id or None, idempotency.key if idempotency else None)
        begun_ms = self._clock.monotonic_ms()

        async def finish(key: Held, command_id: str) -> Answer:
            return await self._finish(caller.merchant, cause, key, command_id, shows)

        async def loaded() -> tuple[Any, datetime]:
            state = await load()
            return state, await self._clocks.now(caller.merchant, customer_of(state))

        def begun(found: tuple[Any, datetime]) -> _Begun:
            draft = self.draft(caller.merchant, cause, Lane.PAYMENT, found[1])
            return self._begun(draft, decide(draft, found[0]), idempotency)

        crashpoint("payments.before_first_unit")
        try:
            begin, verdict = await commit(self._writer, loaded, begun)
        except Refusal as refusal:
            return await self._idempotency.answer_refused(idempotency, refusal, finish)
        match verdict:
            case Taken():
                assert idempotency is not None
                return await self._idempotency.answer_taken(idempotency, finish)
            case Refused() if begin.unit.on_refusal or begin.subject is not None:
                assert begin.subject is not None
                return self._idempotency.refused(requests.insufficient(begin.subject.charge))
            case Committed():
                pass
            case _:
                raise AssertionError(f"the ledger refused {verdict}")
        if begin.subject is None:
            crashpoint("payments.after_only_unit")
            return begin.answer
        held = Held(idempotency, 1) if idempotency else None
        assert self._perform is not None, "bootstrap connects payments to dispatch"
        crashpoint("payments.after_first_unit")
        performed = await self._perform(begin.subject.command, begun_ms)
        crashpoint("payments.after_reply")
        return await self.apply(
            caller.merchant, cause, held, begin.subject.command, performed, begin.subject, shows
        )

    def _begun(self, draft: Draft, made: Any, idempotency: IdempotencyRequest | None) -> _Begun:
        if isinstance(made, Subject):
            if made.command.operation in _NOT_OWED:
                refuse_if_away(made.command.provider, self._turns_away)
            lease_ms = self._settings.key_lease_ms
            draft.claims.extend(
                keys.claim(idempotency, made.command.id, lease_ms, self._clock.now())
            )
            return _Begun(draft.unit(), made, Answer(None, b""))
        answer = keys.success(_view(made, draft.merchant.livemode))
        draft.claims.extend(keys.claim_answered(idempotency, made.id, answer, self._clock.now()))
        return _Begun(draft.unit(), None, answer)

    async def apply(
        self, merchant: Merchant, cause: Cause, held: Held | None, command: Command,
        performed: Performed | None, known: Subject | None, shows: Shown,
    ) -> Answer:  # fmt: skip
        """Commit what an outcome means, from what is known or else from what is read.

        Without an outcome the operation's own process is gone: what is known of it is told. So it
        is where the outcome is a no that another holder of the command has overtaken.
        """
        loads = 0
        held_now = held
        refused = performed is not None and isinstance(performed.outcome, NO)
        accounts: Sequence[Row] | None = None

        async def load() -> tuple[Subject, Held | None, datetime]:
            nonlocal loads, accounts, held_now
            loads += 1
            if known is not None and loads == 1:
                subject, held_now = known, held
            else:
                subject = await self._store.subject(command, merchant.livemode, refused)
                held_now = await self._idempotency.still_held(held)
            if subject.charge.matures_at_once:
                accounts = await self._store.accounts(merchant.merchant_id)
            return subject, held_now, await self._clocks.now(merchant, subject.intent.customer)

        def decide(state: tuple[Subject, Held | None, datetime]) -> Applied:
            subject, held_now, now = state
            came = performed
            if came is not None and overtaken(command, subject.command, came):
                came = None
            subject = telling(subject, came, self._clock.now())
            draft = self.draft(merchant, cause, Lane.OUTCOME, now)
            draft.accounts = accounts
            effect = (
                apply(draft, subject, came.outcome, came.next_ms, young=self._young(command, came))
                if came
                else became(draft, subject)
            )
            answer = (
                self._idempotency.refused(effect.refusal)
                if effect.refusal
                else keys.success(shows(draft, effect.subject))
            )
            relied, written = keys.answer(held_now, answer)
            unit = draft.unit()
            unit = replace(unit, relies_on=unit.relies_on + relied, writes=unit.writes + written)
            return Applied(with_events(unit), answer)

        applied, verdict = await commit(self._writer, load, decide)
        crashpoint("payments.after_second_unit")
        assert isinstance(verdict, Committed), f"an outcome could not be booked: {verdict}"
        return await self._idempotency.answer_of(held, held_now, applied.answer)

    def _young(self, command: Command, came: Performed) -> bool:
        """Tell whether what provably never happened was asked for so lately that it is sent."""
        if not isinstance(came.outcome, NotSent | NotFound):
            return False
        return still_owed(command, self._clock.now(), self._settings.authorization_owed_ms)

    async def _finish(
        self, merchant: Merchant, cause: Cause, held: Held, command_id: str, shows: Shown
    ) -> Answer:
        """Answer a key for a process that died, as that would have: with what became of it."""
        command = await self._store.command(merchant.merchant_id, command_id)
        return await self.apply(merchant, cause, held, command, None, None, shows)

    def draft(self, merchant: Merchant, cause: Cause, lane: Lane, now: datetime) -> Draft:
        """Return an empty draft of a moment, as `Clocks.now` tells it."""
        return Draft(
            merchant, now, self._ids, self._writer.slot, cause, lane,
            self._capabilities,
        )  # fmt: skip


def customer_of(loaded: Any) -> str | None:
    """Return the customer of what an operation has loaded, whose clock it then follows."""
    match loaded:
        case str() | None:
            return loaded
        case Intent() | Charge():
            return loaded.customer
        case (str() | None as customer, _):
            return customer
        case (Intent() as intent, _):
            return intent.customer
        case _:
            return None


def _view(made: Intent | Charge | Refund, livemode: bool) -> dict[str, Any]:
    if isinstance(made, Intent):
        return intent_view(made, livemode)
    if isinstance(made, Charge):
        return charge_view(made, livemode)
    return refund_view(made, livemode)
