"""A unit of work being drafted: what a decision about a setup intent has gathered so far."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime

from hazina.db.unit import Claim, Insert, Lane, RowVersion, Unit, Update
from hazina.events.service import Cause, record
from hazina.ids import Ids
from hazina.merchants.merchant import Merchant
from hazina.payment_methods.changes import Changes
from hazina.setup_intents.intent import SetupAttempt, SetupIntent, check_transition
from hazina.setup_intents.view import intent_view

Held = SetupIntent | SetupAttempt
TABLES: dict[type, str] = {SetupIntent: "setup_intent", SetupAttempt: "setup_attempt"}
COLUMNS: dict[type, tuple[str, ...]] = {
    kind: tuple(f.name for f in fields(kind) if f.name != "version") for kind in TABLES
}


@dataclass(slots=True)
class Draft:
    """Collects rows and events of one unit of work; `now` is the moment of the decision."""

    merchant: Merchant
    now: datetime
    ids: Ids
    cause: Cause
    lane: Lane = Lane.PAYMENT
    claims: list[Claim] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    def add(self, new: Held) -> None:
        """Insert an object."""
        kind = type(new)
        row = {name: getattr(new, name) for name in COLUMNS[kind]}
        self.changes += Changes(writes=(Insert(TABLES[kind], row),))

    def put(self, old: Held, new: Held) -> None:
        """Change an object under the version that was read; write only what differs."""
        kind = type(old)
        if isinstance(old, SetupIntent) and isinstance(new, SetupIntent):
            check_transition(old.status, new.status)
        changed = {
            name: value
            for name in COLUMNS[kind]
            if (value := getattr(new, name)) != getattr(old, name)
        }
        key = (old.merchant_id, old.id)
        relied = RowVersion(TABLES[kind], key, old.version)
        written = (Update(TABLES[kind], key, old.version, changed),) if changed else ()
        self.changes += Changes((relied,), written)

    def settle(self, change: tuple[RowVersion, Update]) -> None:
        """Add a change that another package made."""
        self.changes += Changes((change[0],), (change[1],))

    def event(self, type: str, intent: SetupIntent) -> None:
        """Record that an intent became what it is now."""
        event = record(
            merchant_id=self.merchant.merchant_id,
            livemode=self.merchant.livemode,
            event_id=self.ids.new("evt"),
            type=type,
            object_view=intent_view(intent, self.merchant.livemode),
            object_id=intent.id,
            sequence=intent.revision,
            created=self.now,
            request_id=self.cause.request_id,
            idempotency_key=self.cause.idempotency_key,
        )
        self.changes += Changes(writes=(event,))

    def unit(self) -> Unit:
        """Return the finished unit of work."""
        return self.changes.added_to(
            Unit(self.merchant.merchant_id, claims=tuple(self.claims), lane=self.lane)
        )
