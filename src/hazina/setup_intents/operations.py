"""Carrying a verification out: the first unit of work, the command, the second unit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hazina.clock import Clock
from hazina.commands.command import Command
from hazina.commands.history import telling, with_events
from hazina.commands.performing import (
    Perform,
    Performed,
    TurnsAway,
    refuse_if_away,
)
from hazina.crashpoints import crashpoint, declare
from hazina.db.unit import Committed, Lane, Taken, Unit
from hazina.db.writer import Writer, commit
from hazina.events.service import Cause
from hazina.idempotency import service as keys
from hazina.idempotency.service import Answer, Held, Idempotency, IdempotencyRequest
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.merchant import Caller, Merchant
from hazina.refusals import Refusal
from hazina.setup_intents.draft import Draft
from hazina.setup_intents.intent import SetupIntent
from hazina.setup_intents.outcomes import apply, became
from hazina.setup_intents.requests import SetupSettings
from hazina.setup_intents.store import Loaded, Store, Subject
from hazina.setup_intents.view import intent_view

declare(
    "setup_intents.before_first_unit", "setup_intents.after_first_unit",
    "setup_intents.after_reply", "setup_intents.after_second_unit",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Decided:
    """A unit of work, what to answer, and the verification that it began, if it did."""

    unit: Unit
    answer: Answer
    subject: Subject | None = None


class Operations:
    """Begins what clients ask for and applies the outcomes of verifications."""

    def __init__(
        self, *, writer: Writer, clock: Clock, clocks: Clocks, ids: Ids,
        store: Store, idempotency: Idempotency, settings: SetupSettings,
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

    def connect(self, perform: Perform, turns_away: TurnsAway | None = None) -> None:
        """Say how commands are performed; `bootstrap` does, once."""
        self._perform = perform
        self._turns_away = turns_away

    async def begin(
        self, caller: Caller, idempotency: IdempotencyRequest | None,
        load: Callable[[], Awaitable[Loaded]], decide: Callable[[Draft, Loaded], Any],
    ) -> Answer:  # fmt: skip
        """Commit the first unit; where it issued a command, perform it and apply the outcome."""
        merchant = caller.merchant
        cause = Cause(caller.request_id, idempotency.key if idempotency else None)
        begun_ms = self._clock.monotonic_ms()

        async def finish(key: Held, command_id: str) -> Answer:
            return await self._finish(merchant, cause, key, command_id)

        async def loaded() -> tuple[Loaded, datetime]:
            found = await load()
            customer = found.intent.customer if found.intent else None
            return found, await self._clocks.now(merchant, customer)

        def begun(state: tuple[Loaded, datetime]) -> _Decided:
            draft = Draft(merchant, state[1], self._ids, cause)
            return self._begun(draft, decide(draft, state[0]), idempotency)

        crashpoint("setup_intents.before_first_unit")
        try:
            first, verdict = await commit(self._writer, loaded, begun)
        except Refusal as refusal:
            return await self._idempotency.answer_refused(idempotency, refusal, finish)
        if isinstance(verdict, Taken):
            assert idempotency is not None
            return await self._idempotency.answer_taken(idempotency, finish)
        assert isinstance(verdict, Committed), f"a setup intent was refused: {verdict}"
        if first.subject is None:
            return first.answer
        held = Held(idempotency, 1) if idempotency else None
        assert self._perform is not None, "bootstrap connects setup intents to dispatch"
        crashpoint("setup_intents.after_first_unit")
        performed = await self._perform(first.subject.command, begun_ms)
        crashpoint("setup_intents.after_reply")
        command = first.subject.command
        return await self.apply(merchant, cause, held, command, performed, first.subject)

    def _begun(
        self, draft: Draft, made: Subject | SetupIntent, idempotency: IdempotencyRequest | None
    ) -> _Decided:
        now = self._clock.now()
        if isinstance(made, Subject):
            refuse_if_away(made.command.provider, self._turns_away)
            lease_ms = self._settings.key_lease_ms
            draft.claims.extend(keys.claim(idempotency, made.command.id, lease_ms, now))
            return _Decided(draft.unit(), Answer(None, b""), made)
        answer = keys.success(intent_view(made, draft.merchant.livemode))
        draft.claims.extend(keys.claim_answered(idempotency, made.id, answer, now))
        return _Decided(with_events(draft.unit()), answer)

    async def apply(
        self, merchant: Merchant, cause: Cause, held: Held | None, command: Command,
        performed: Performed | None, known: Subject | None,
    ) -> Answer:  # fmt: skip
        """Commit what an outcome means, from what is known or else from what is read.

        Without an outcome the verification's own process is gone: what is known of it is told.
        """
        loads = 0
        held_now = held

        async def load() -> tuple[Subject, Held | None, datetime]:
            nonlocal loads, held_now
            loads += 1
            if known is not None and loads == 1:
                subject, held_now = known, held
            else:
                subject = await self._store.subject(command, merchant)
                held_now = await self._idempotency.still_held(held)
            return subject, held_now, await self._clocks.now(merchant, subject.intent.customer)

        def decide(state: tuple[Subject, Held | None, datetime]) -> _Decided:
            subject, held_now, now = state
            subject = telling(subject, performed, self._clock.now())
            draft = Draft(merchant, now, self._ids, cause, Lane.OUTCOME)
            effect = (
                apply(draft, subject, performed.outcome, performed.next_ms)
                if performed
                else became(draft, subject)
            )
            answer = (
                self._idempotency.refused(effect.refusal)
                if effect.refusal
                else keys.success(intent_view(effect.intent, merchant.livemode))
            )
            relied, written = keys.answer(held_now, answer)
            unit = draft.unit()
            unit = replace(unit, relies_on=unit.relies_on + relied, writes=unit.writes + written)
            return _Decided(with_events(unit), answer)

        applied, verdict = await commit(self._writer, load, decide)
        crashpoint("setup_intents.after_second_unit")
        assert isinstance(verdict, Committed), f"an outcome could not be stored: {verdict}"
        return await self._idempotency.answer_of(held, held_now, applied.answer)

    async def _finish(
        self, merchant: Merchant, cause: Cause, held: Held, command_id: str
    ) -> Answer:
        """Answer a key for a process that died, as that would have: with what became of it."""
        command = await self._store.command(merchant.merchant_id, command_id)
        return await self.apply(merchant, cause, held, command, None, None)
